package uploads_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
	"volary.dev/store/storetest"
)

// TestUploadOverTwoProcessesAndABucket sends a disk in pieces that are cut, each to another web process, lets a colleague go on who shows
// that her file is the same, and reads the image's bytes from the bucket.
func TestUploadOverTwoProcessesAndABucket(t *testing.T) {
	server := blobtest.Serve(t)
	place := server.Place(t)
	app := handlertest.Start(t, handlertest.Options{Blobs: place})
	app.World()
	app.Listen()
	beside := app.Beside()
	ada, bea := tusClient{t, app, app.SignIn(handlertest.Member)}, tusClient{t, app, app.SignIn(handlertest.Manager)}
	const size = 40 << 20
	disk := twin("DISK", size)
	url := ada.begin(disk, said(t, disk, "a"))
	id := url[strings.LastIndex(url, "/")+1:]
	there := func(a *handlertest.App) string { return a.URL + "/uploads/" + id }

	gone := errors.New("cut")
	at := 0
	for turn, to := range []int{size / 10, size / 2, size * 9 / 10} {
		process := app
		if turn%2 == 1 {
			process = beside
		}
		c := tusClient{t, process, ada.browser}
		header := said(t, disk, "a")
		header["Upload-Offset"], header["Content-Type"] = strconv.Itoa(at), "application/offset+octet-stream"
		_, _, err := c.do("PATCH", there(process), io.MultiReader(bytes.NewReader(disk[at:to]), failing{gone}), header)
		if !errors.Is(err, gone) {
			t.Fatalf("the cut in turn %d gave %v", turn, err)
		}
		waittest.Until(t, "what came before the cut to be kept", func() bool { return app.Received(id) > int64(at) })
		res, _ := c.must("HEAD", there(process), nil, said(t, disk, "a"))
		next, err := strconv.Atoi(res.Header.Get("Upload-Offset"))
		storetest.NoError(t, err)
		if next <= at || next > to {
			t.Fatalf("turn %d: %d bytes are here, between %d and %d were sent", turn, next, at, to)
		}
		at = next
	}
	// A colleague brings the rest by the other process; what is here she has to show, and a twin is refused.
	other := tusClient{t, beside, bea.browser}
	hers := said(t, disk, "b")
	if code, _ := other.append(there(beside), at, disk[at:], hers); code != "unproven" {
		t.Errorf("without a proof: %q", code)
	}
	if code, _ := other.append(there(beside), at, disk[at:], hers, map[string]string{"Volary-Received": digest(disk[:at])}); code != "" {
		t.Fatalf("with a proof: %q", code)
	}
	res, _ := ada.must("HEAD", url, nil, said(t, disk, "a"))
	if _, err := uuid.Parse(res.Header.Get("Volary-Upload")); err != nil {
		t.Errorf("HEAD of what is whole: %d %v", res.StatusCode, res.Header)
	}
	path, release, err := place.Local(t.Context(), blob.UploadKey(id))
	storetest.NoError(t, err)
	defer release()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, disk) {
		t.Errorf("%d bytes of the image differ, %v", len(got), err)
	}
}

// A server of bytes that is away is said in our words, and what was sent is there when it comes back.
func TestBucketIsAway(t *testing.T) {
	server := blobtest.Serve(t)
	app := handlertest.Start(t, handlertest.Options{Blobs: server.Place(t)})
	app.World()
	c := tusClient{t, app, app.SignIn(handlertest.Member)}
	url := c.create(10)
	if res, text, err := c.patch(url, 0, strings.NewReader("01234")); err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatalf("half of it: %v %s", err, text)
	}
	server.Stop()
	for what, ask := range map[string]func() (*http.Response, string, error){
		"PATCH":  func() (*http.Response, string, error) { return c.patch(url, 5, strings.NewReader("56789")) },
		"DELETE": func() (*http.Response, string, error) { return c.do("DELETE", url, nil, nil) },
		"POST": func() (*http.Response, string, error) {
			return c.do("POST", "/uploads/", nil, map[string]string{"Upload-Length": "10", "Upload-Metadata": metadata("disk")})
		},
	} {
		res, text, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"S3", "127.0.0.1", server.Options.Bucket + "/", url[strings.LastIndex(url, "/")+1:], "dial", "ERR_"} {
			if strings.Contains(text, word) {
				t.Errorf("%s tells the client of %q: %s", what, word, text)
			}
		}
		if res.StatusCode != http.StatusInternalServerError || !strings.Contains(text, "went wrong on our side") {
			t.Errorf("%s: %d %s", what, res.StatusCode, text)
		}
	}
	id := url[strings.LastIndex(url, "/")+1:]
	for path, says := range map[string]string{"/org/images": "not known, the store does not answer", "/org/uploads/" + id: "is not known at this moment"} {
		if page := c.browser.Get(path); page.Status != http.StatusOK || !strings.Contains(page.Body, says) || strings.Contains(page.Body, "0 B of") {
			t.Errorf("%s: %d, and it does not say %q", path, page.Status, says)
		}
	}
	server.Again(t)
	if page := c.browser.Get("/org/images"); !strings.Contains(page.Body, "5 B of 10 B") {
		t.Error("the page of images does not say what is here")
	}
	if at := c.offset(url); at != 5 {
		t.Errorf("%d bytes are here, want 5", at)
	}
}
