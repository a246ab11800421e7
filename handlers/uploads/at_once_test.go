package uploads_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
	"volary.dev/store/storetest"
)

// contend sends an upload's bytes to one of several web processes while others do so to others: at the place where it is, and at places where it
// was or is not yet, until all of it is here.
func (c tusClient) contend(id string, disk []byte, n int) error {
	there := c.app.URL + "/uploads/" + id
	header := said(c.t, disk, "a")
	for round := 0; ; round++ {
		res, _, err := c.do("HEAD", there, nil, header)
		if err != nil {
			return err
		}
		if res.StatusCode >= http.StatusInternalServerError {
			return fmt.Errorf("HEAD: %s", res.Status)
		}
		if res.Header.Get("Volary-Upload") != "" {
			return nil
		}
		at := 0
		if _, err := fmt.Sscan(res.Header.Get("Upload-Offset"), &at); err != nil {
			continue // it is another's now
		}
		if (round+n)%3 == 2 {
			at = []int{at / 2, at + 1, 0}[n%3]
		}
		h := said(c.t, disk, "a")
		h["Upload-Offset"], h["Content-Type"] = fmt.Sprint(at), "application/offset+octet-stream"
		res, text, err := c.do("PATCH", there, bytes.NewReader(disk[min(at, len(disk)):min(at+len(disk)/5+n, len(disk))]), h)
		if err == nil && res.StatusCode >= http.StatusInternalServerError && res.Header.Get("Volary-Refusal") != "interrupted" {
			return fmt.Errorf("PATCH at %d: %s %s", at, res.Status, text)
		}
	}
}

// One upload that is sent to two processes at once, over one bucket, at the same and at other places, is whole in the end, as it was sent, and is checked once.
// One that is discarded by the one while the other writes leaves nothing.
func TestTwoProcessesAtOnceOverABucket(t *testing.T) {
	place := blobtest.Serve(t).Place(t)
	app := handlertest.Start(t, handlertest.Options{Blobs: place})
	app.World()
	app.Listen()
	first := tusClient{t, app, app.SignIn(handlertest.Member)}
	second := tusClient{t, app.Beside(), first.browser}
	disk := twin("DISK", 2<<20)
	for n := range len(disk) / 4096 {
		copy(disk[n*4096+1024:], fmt.Sprint("block ", n)) // none is like another
	}
	url := first.begin(disk, said(t, disk, "a"))
	id := url[strings.LastIndex(url, "/")+1:]
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			if err := []tusClient{first, second}[n%2].contend(id, disk, n); err != nil {
				t.Error(n, err)
			}
		})
	}
	all.Wait()
	path, release, err := place.Local(t.Context(), blob.UploadKey(id))
	storetest.NoError(t, err)
	defer release()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, disk) {
		t.Errorf("%d bytes are others than were sent, %v", len(got), err)
	}
	var checks int
	if err := app.Pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'verify_upload' AND replace(args ->> 'upload_id', '-', '') = $1`, id).Scan(&checks); err != nil || checks != 1 {
		t.Errorf("%d checks are asked for, %v", checks, err)
	}
	if res, text := second.must("DELETE", second.app.URL+"/uploads/"+id, nil, nil); res.StatusCode != http.StatusConflict {
		t.Errorf("what is whole is discarded: %d %s", res.StatusCode, text)
	}

	url = first.begin(disk, said(t, disk, "b"))
	id = url[strings.LastIndex(url, "/")+1:]
	body, send := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		h := said(t, disk, "b")
		h["Upload-Offset"], h["Content-Type"] = "0", "application/offset+octet-stream"
		res, _, err := first.do("PATCH", url, body, h)
		if err != nil {
			ended <- 0
			return
		}
		ended <- res.StatusCode
	}()
	if _, err := send.Write(disk[:1<<20]); err != nil {
		t.Fatal(err)
	}
	if res, text := second.must("DELETE", second.app.URL+"/uploads/"+id, nil, said(t, disk, "b")); res.StatusCode != http.StatusNoContent {
		t.Errorf("discarded while another writes: %d %s", res.StatusCode, text)
	}
	_ = send.CloseWithError(io.ErrUnexpectedEOF)
	if status, _ := waittest.Receive(t, "the end of who wrote", ended); status == http.StatusNoContent {
		t.Error("who wrote was told that all went well")
	}
	list, _, err := place.List(t.Context(), "uploads", "")
	storetest.NoError(t, err)
	for _, l := range list {
		if strings.Contains(l.Key, id) {
			t.Errorf("%s is left", l.Key)
		}
	}
	if res, _ := first.must("HEAD", url, nil, said(t, disk, "b")); res.StatusCode != http.StatusNotFound {
		t.Errorf("what was discarded: %d", res.StatusCode)
	}
}
