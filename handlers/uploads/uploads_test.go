package uploads_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/models"
)

// tusClient speaks the tus protocol as a page's script does.
type tusClient struct {
	t       *testing.T
	app     *handlertest.App
	browser *handlertest.Browser
}

func (c tusClient) do(method, url string, body io.Reader, header map[string]string) (*http.Response, string, error) {
	c.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = c.app.URL + url
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, url, body)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for k, v := range header {
		r.Header.Set(k, v)
	}
	res, err := c.browser.Client().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

func (c tusClient) must(method, url string, body io.Reader, header map[string]string) (*http.Response, string) {
	c.t.Helper()
	res, text, err := c.do(method, url, body, header)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, url, err)
	}
	return res, text
}

func metadata(filename string) string {
	return "filename " + base64.StdEncoding.EncodeToString([]byte(filename)) + ",name " + base64.StdEncoding.EncodeToString([]byte("Debian 12"))
}

func (c tusClient) create(size int) string {
	c.t.Helper()
	res, text := c.must("POST", "/uploads/", nil, map[string]string{"Upload-Length": fmt.Sprint(size), "Upload-Metadata": metadata(`C:\disks\disk.qcow2`)})
	if res.StatusCode != http.StatusCreated || !strings.HasPrefix(res.Header.Get("Location"), c.app.URL+"/uploads/") {
		c.t.Fatalf("create: %d %s at %q", res.StatusCode, text, res.Header.Get("Location"))
	}
	return res.Header.Get("Location")
}

func (c tusClient) patch(url string, offset int, body io.Reader) (*http.Response, string, error) {
	c.t.Helper()
	return c.do("PATCH", url, body, map[string]string{"Upload-Offset": fmt.Sprint(offset), "Content-Type": "application/offset+octet-stream"})
}

// offset is what a client asks after a cut.
func (c tusClient) offset(url string) int {
	c.t.Helper()
	res, _ := c.must("HEAD", url, nil, nil)
	var n int
	if _, err := fmt.Sscan(res.Header.Get("Upload-Offset"), &n); err != nil || res.StatusCode != http.StatusOK {
		c.t.Fatalf("HEAD: %d, offset %q", res.StatusCode, res.Header.Get("Upload-Offset"))
	}
	return n
}

func start(t *testing.T) (*handlertest.App, *handlertest.World, tusClient) {
	t.Helper()
	app := handlertest.Start(t, handlertest.Options{})
	world := app.World()
	return app, world, tusClient{t, app, app.SignIn(handlertest.Member)}
}

// TestUploadResumes cuts the connection at 10, 50 and 99 % and goes on each time at what the server has.
func TestUploadResumes(t *testing.T) {
	app, world, c := start(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	size := len(content)
	url := c.create(size)
	cut := errors.New("cut")
	at := 0
	for _, percent := range []int{10, 50, 99} {
		to := size * percent / 100
		res, _, err := c.patch(url, at, io.MultiReader(bytes.NewReader(content[at:to]), failing{cut}))
		if !errors.Is(err, cut) && (err != nil || res.StatusCode != http.StatusConflict) {
			t.Fatalf("the cut at %d %% gave %v", percent, err)
		}
		got := c.offset(url)
		if got < at || got > to {
			t.Fatalf("after the cut at %d %% the server has %d, between %d and %d were sent", percent, got, at, to)
		}
		at = got
	}
	var res *http.Response
	var text string
	var err error
	waittest.Until(t, "the last part to be taken", func() bool {
		// The server may learn of a cut only after it has answered, so that more is there than it said, and a part that was cut
		// may come to its turn only now and end this one. A client asks again, as pages do.
		at = c.offset(url)
		res, text, err = c.patch(url, at, bytes.NewReader(content[at:]))
		return err != nil || res.StatusCode != http.StatusConflict && res.Header.Get("Volary-Refusal") != "interrupted"
	})
	if err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatalf("the last part: %v %d %s", err, res.StatusCode, text)
	}
	id := res.Header.Get("Volary-Upload")
	upload, err := app.Store.Models.Upload(t.Context(), world.Organization, id)
	if err != nil || upload.Name != "Debian 12" || upload.Filename != "disk.qcow2" || upload.Size != int64(size) || upload.State != provisioner.UploadChecking {
		t.Errorf("upload = %+v, %v", upload, err)
	}
	// A client that missed the last answer asks again.
	again, _ := c.must("HEAD", url, nil, nil)
	if again.Header.Get("Upload-Offset") != fmt.Sprint(size) || again.Header.Get("Volary-Upload") != id {
		t.Errorf("HEAD of a finished upload: %d %v", again.StatusCode, again.Header)
	}
	if more, _, _ := c.patch(url, size, bytes.NewReader([]byte("x"))); more.StatusCode != http.StatusConflict {
		t.Errorf("PATCH of a finished upload: %d", more.StatusCode)
	}
	if gone, _ := c.must("DELETE", url, nil, nil); gone.StatusCode != http.StatusConflict {
		t.Errorf("DELETE of a finished upload: %d", gone.StatusCode)
	}
}

// failing is the end of a body that is no end.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestUploadIsTakenOver has a second page ask for an upload that a first one is sending: the first is ended, and
// neither it nor what it asks next on the same connection is worse off.
func TestUploadIsTakenOver(t *testing.T) {
	app, _, c := start(t)
	url := c.create(100)
	body, send := io.Pipe()
	answered := make(chan int, 1)
	go func() {
		res, _, err := c.patch(url, 0, body)
		if err != nil {
			answered <- 0
			return
		}
		answered <- res.StatusCode
	}()
	if _, err := send.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	// A question that came before the first bytes would end the first page without them.
	waittest.Until(t, "the first bytes to be here", func() bool { return app.Received(url[strings.LastIndex(url, "/")+1:]) == 10 })
	if at := c.offset(url); at != 10 { // the second page
		t.Errorf("the second page is told of %d bytes, 10 are here", at)
	}
	send.CloseWithError(io.ErrUnexpectedEOF)
	if status, _ := waittest.Receive(t, "the first page's answer", answered); status == http.StatusNoContent {
		t.Error("the first page was told that all went well")
	}
	for range 3 {
		if res, _ := c.must("HEAD", url, nil, nil); res.StatusCode != http.StatusOK {
			t.Errorf("HEAD after the takeover: %d", res.StatusCode)
		}
	}
}

func TestUploadBelongsToItsOrganization(t *testing.T) {
	app, _, c := start(t)
	url := c.create(100)
	other := tusClient{t, app, app.SignIn(handlertest.OtherOwner)}
	for _, method := range []string{"HEAD", "PATCH", "DELETE"} {
		res, _ := other.must(method, url, strings.NewReader(""), map[string]string{"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
		if res.StatusCode != http.StatusNotFound {
			t.Errorf("%s of another organization's upload: %d, want 404", method, res.StatusCode)
		}
	}
	if res, _ := c.must("GET", url, nil, nil); res.StatusCode == http.StatusOK {
		t.Error("an upload can be downloaded")
	}
	colleague := tusClient{t, app, app.SignIn(handlertest.Owner)}
	if res, _ := colleague.must("DELETE", url, nil, nil); res.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE by a colleague: %d", res.StatusCode)
	}
	if res, _ := c.must("HEAD", url, nil, nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("HEAD of a discarded upload: %d", res.StatusCode)
	}
}

func TestUploadRefusals(t *testing.T) {
	_, _, c := start(t)
	for name, header := range map[string]map[string]string{
		"too large":  {"Upload-Length": fmt.Sprint(1 << 40), "Upload-Metadata": metadata("disk")},
		"no length":  {"Upload-Defer-Length": "1", "Upload-Metadata": metadata("disk")},
		"empty":      {"Upload-Length": "0", "Upload-Metadata": metadata("disk")},
		"negative":   {"Upload-Length": "-5", "Upload-Metadata": metadata("disk")},
		"other tus":  {"Tus-Resumable": "0.2.2", "Upload-Length": "5", "Upload-Metadata": metadata("disk")},
		"other site": {"Sec-Fetch-Site": "cross-site", "Upload-Length": "5", "Upload-Metadata": metadata("disk")},
	} {
		res, text := c.must("POST", "/uploads/", nil, header)
		if res.StatusCode < 400 || res.StatusCode >= 500 || strings.TrimSpace(text) == "" || strings.Contains(text, "<") {
			t.Errorf("%s: %d %q, want a refusal in plain words", name, res.StatusCode, text)
		}
	}
}

// One member cannot take all that the organization may have unfinished, and a colleague discards what lies there.
func TestUploadsAreBoundedByPerson(t *testing.T) {
	app, _, c := start(t)
	another := map[string]string{"Upload-Length": "10", "Upload-Metadata": metadata("disk")}
	var first string
	for range models.MaxOpenUploadsEach {
		first = c.create(10)
	}
	if res, text := c.must("POST", "/uploads/", nil, another); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "of yours are unfinished") {
		t.Errorf("one upload too many: %d %q", res.StatusCode, text)
	}
	manager := tusClient{t, app, app.SignIn(handlertest.Manager)}
	for range models.MaxOpenUploadsEach {
		manager.create(10)
	}
	owner := tusClient{t, app, app.SignIn(handlertest.Owner)} // the world has one
	owner.create(10)
	if res, text := owner.must("POST", "/uploads/", nil, another); res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "of your organization are unfinished") {
		t.Errorf("one upload too many of the organization: %d %q", res.StatusCode, text)
	}
	id := first[strings.LastIndex(first, "/")+1:]
	if page := owner.browser.Get("/org/images"); !strings.Contains(page.Body, "/org/uploads/"+id+"/discard") || !strings.Contains(page.Body, "disk.qcow2") {
		t.Error("the page of images has no button that discards the upload of a colleague")
	}
	if res, _, err := c.patch(first, 0, strings.NewReader("01234")); err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatalf("half of it: %v %v", err, res)
	}
	if got := owner.browser.Post("/org/uploads/"+id+"/discard", nil); got.Status != http.StatusSeeOther {
		t.Errorf("discard: %d %s", got.Status, got.Body)
	}
	if app.Received(id) != 0 {
		t.Error("the bytes of a discarded upload are there still")
	}
	if got := owner.browser.Post("/org/uploads/"+id+"/discard", nil); got.Status != http.StatusNotFound {
		t.Errorf("discard it twice: %d", got.Status)
	}
	owner.create(10)
}

// What others announced and have not sent yet is not promised again: of each of them at most a quarter of what is free.
func TestAnnouncedRoomIsReserved(t *testing.T) {
	app, world, c := start(t)
	another := map[string]string{"Upload-Length": "10", "Upload-Metadata": metadata("disk")}
	if _, err := app.Pool.Exec(t.Context(), `UPDATE organizations SET quota = $2 WHERE id = $1`, world.Other, int64(math.MaxInt64)); err != nil {
		t.Fatal(err)
	}
	others := []string{handlertest.OtherOwner, handlertest.Admin, handlertest.Operator, handlertest.Accountant}
	for n, email := range others {
		if err := app.Store.Models.CreateUpload(t.Context(), world.Other, world.Person(email), strings.Repeat("f"+strconv.Itoa(n), 16), "huge", 1<<60); err != nil {
			t.Fatal(err)
		}
	}
	if res, text := c.must("POST", "/uploads/", nil, another); res.StatusCode != http.StatusInsufficientStorage || !strings.Contains(text, "The store of this platform has no room for 10 B now. What was sent is kept. Tell the operator") ||
		strings.Count(text, "B") != 1 { // nothing of what others bring
		t.Errorf("room that is promised already: %d %q", res.StatusCode, text)
	}
	if _, err := app.Store.Models.DiscardUpload(t.Context(), uuid.Nil, strings.Repeat("f0", 16)); err != nil {
		t.Fatal(err)
	}
	c.create(10)
}

// TestUploadSaysItsDigest gives a digest in the ways that there are, and what is none: that is refused before there is an upload.
func TestUploadSaysItsDigest(t *testing.T) {
	app, world, c := start(t)
	digest := strings.Repeat("ab", 32)
	meta := func(s string) string {
		return metadata("disk") + ",sha256 " + base64.StdEncoding.EncodeToString([]byte(s))
	}
	count := func() (n int) {
		if err := app.Pool.QueryRow(t.Context(), `SELECT count(*) FROM uploads`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	for name, header := range map[string]map[string]string{
		"metadata": {"Upload-Metadata": meta("abc")}, "no text": {"Upload-Metadata": meta("\xff\x00")}, "header": {"Upload-Metadata": metadata("disk"), "Volary-Digest": digest[2:]},
		"an MD5": {"Upload-Metadata": metadata("disk"), "Volary-Digest": digest[:32]},
	} {
		header["Upload-Length"] = "10"
		res, text := c.must("POST", "/uploads/", nil, header)
		if res.StatusCode != http.StatusUnprocessableEntity || res.Header.Get("Volary-Refusal") != "invalid" || !strings.Contains(text, "hex digits") || !strings.Contains(text, "Nothing was sent") {
			t.Errorf("%s: %d %s %q", name, res.StatusCode, res.Header.Get("Volary-Refusal"), text)
		}
	}
	if count() != before {
		t.Fatal("a refused upload was begun")
	}
	expected := func(url string) string {
		u, err := app.Store.Models.Upload(t.Context(), world.Organization, url[strings.LastIndex(url, "/")+1:])
		if err != nil {
			t.Fatal(err)
		}
		return u.ExpectedDigest
	}
	var url string
	for name, header := range map[string]map[string]string{
		"metadata": {"Upload-Metadata": meta("SHA256 (disk.qcow2) = " + strings.ToUpper(digest))}, "header": {"Upload-Metadata": metadata("disk"), "Volary-Digest": "sha256:" + digest},
	} {
		header["Upload-Length"] = "10"
		res, text := c.must("POST", "/uploads/", nil, header)
		if url = res.Header.Get("Location"); res.StatusCode != http.StatusCreated || expected(url) != digest {
			t.Fatalf("%s: %d %s", name, res.StatusCode, text)
		}
	}
	// Who goes on with it may give another one, with the bytes.
	patch := map[string]string{"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", "Volary-Digest": "oops"}
	if res, _ := c.must("PATCH", url, strings.NewReader("01234"), patch); res.StatusCode != http.StatusUnprocessableEntity || expected(url) != digest {
		t.Errorf("what is none with bytes: %d, %s", res.StatusCode, expected(url))
	}
	patch["Volary-Digest"] = strings.Repeat("cd", 32)
	if res, _ := c.must("PATCH", url, strings.NewReader("01234"), patch); res.StatusCode != http.StatusNoContent || expected(url) != patch["Volary-Digest"] {
		t.Errorf("another one: %d, %s", res.StatusCode, expected(url))
	}
}

func TestUploadParts(t *testing.T) {
	_, _, c := start(t)
	url := c.create(10)
	if res, _, _ := c.patch(url, 5, strings.NewReader("56789")); res.StatusCode != http.StatusConflict {
		t.Errorf("a part at the wrong place: %d", res.StatusCode)
	}
	res, _ := c.must("POST", "/uploads/", strings.NewReader("0123456789"), map[string]string{
		"Upload-Length": "10", "Upload-Metadata": metadata("disk"), "Content-Type": "application/offset+octet-stream",
	})
	if res.StatusCode != http.StatusCreated || res.Header.Get("Volary-Upload") == "" {
		t.Errorf("creation with all bytes: %d %v", res.StatusCode, res.Header)
	}
}

// Who announces all that there is room for, and sends nothing, does not end everybody else's uploading.
func TestOnePersonsAnnouncementsLeaveOthersRoom(t *testing.T) {
	app := handlertest.Start(t, handlertest.Options{})
	app.World()
	announce := func(email string, size uint64) int {
		c := tusClient{t, app, app.SignIn(email)}
		res, _ := c.must("POST", "/uploads/", nil, map[string]string{"Upload-Length": fmt.Sprint(size), "Upload-Metadata": metadata("disk.raw")})
		return res.StatusCode
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(app.Uploads(), &fs); err != nil {
		t.Fatal(err)
	}
	free := fs.Bavail * uint64(fs.Bsize) //nolint:gosec // no block is that small
	most := min(64<<30, free/10*9)
	if got := announce(handlertest.Member, most); got != http.StatusCreated {
		t.Fatalf("the first: %d", got)
	}
	if got := announce(handlertest.OtherOwner, most/2); got != http.StatusCreated {
		t.Errorf("another's, of half as much: %d", got)
	}
	if got := announce(handlertest.Member, most/2); got != http.StatusInsufficientStorage && most < 64<<30 {
		t.Errorf("the first's second: %d", got)
	}
}
