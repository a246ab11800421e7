package uploads_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/image/magic"
	"volary.dev/store/blob/blobtest"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// counted counts what is taken.
type counted struct {
	from io.Reader
	n    int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A file that is none that is taken is refused for its first kilobytes, by whatever client and in whatever pieces they come; what is to do
// stands in the answer and on its page, nothing of it is kept, and its room is free again.
func TestFirstBytesRefuse(t *testing.T) {
	t.Run("folder", func(t *testing.T) { firstBytesRefuse(t, handlertest.Options{}) })
	t.Run("bucket", func(t *testing.T) { firstBytesRefuse(t, handlertest.Options{Blobs: blobtest.Serve(t).Place(t)}) })
}

func firstBytesRefuse(t *testing.T, o handlertest.Options) {
	t.Helper()
	app := handlertest.Start(t, o)
	world := app.World()
	c := tusClient{t, app, app.SignIn(handlertest.Member)}
	const size = 1 << 30
	before := storetest.Must[models.Quota](t)(app.Store.Models.Quota(t.Context(), world.Organization))
	vhdx := append([]byte("vhdxfile"), make([]byte, magic.Enough)...)
	for name, send := range map[string]func(url string) (*http.Response, string, error){
		"at once": func(url string) (*http.Response, string, error) {
			body := &counted{from: io.LimitReader(io.MultiReader(strings.NewReader("vhdxfile"), zeros{}), size)}
			res, text, err := c.patch(url, 0, body)
			if body.n > 64<<20 {
				t.Errorf("%d bytes were sent before the refusal", body.n)
			}
			return res, text, err
		},
		"in pieces": func(url string) (*http.Response, string, error) {
			if res, text, err := c.patch(url, 0, bytes.NewReader(vhdx[:10])); err != nil || res.StatusCode != http.StatusNoContent {
				t.Errorf("too little to tell: %v %s", err, text)
			}
			if at := c.offset(url); at != 10 {
				t.Errorf("%d bytes are here of 10", at)
			}
			return c.patch(url, 10, bytes.NewReader(vhdx[10:]))
		},
	} {
		url := c.create(size)
		id := url[strings.LastIndex(url, "/")+1:]
		res, text, err := send(url)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if res.StatusCode != http.StatusUnprocessableEntity || res.Header.Get("Volary-Refusal") != "format" || res.Header.Get("Volary-Upload") != id ||
			!strings.Contains(text, "This is a VHDX disk (Hyper-V).") || !strings.Contains(text, "qemu-img convert -f vhdx -O qcow2") {
			t.Errorf("%s: %d %v %s", name, res.StatusCode, res.Header, text)
		}
		u := storetest.Must[models.Upload](t)(app.Store.Models.Upload(t.Context(), world.Organization, id))
		if u.State != provisioner.UploadRefused || u.FinishedAt != nil || len(u.Checks) != 1 || u.Checks[0].Name != "format" || u.Checks[0].Repair == "" {
			t.Errorf("%s: %+v", name, u)
		}
		if n := app.Received(id); n != 0 {
			t.Errorf("%s: %d bytes are kept", name, n)
		}
		got := app.SignIn(handlertest.Member).Get("/org/uploads/" + id)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, "VHDX") || strings.Contains(got.Body, "All here") {
			t.Errorf("%s: its page: %d %s", name, got.Status, got.Body)
		}
		if res, _ := c.must("HEAD", url, nil, nil); res.StatusCode != http.StatusUnprocessableEntity || res.Header.Get("Volary-Refusal") != "format" {
			t.Errorf("%s: HEAD: %d %v", name, res.StatusCode, res.Header)
		}
	}
	if q := storetest.Must[models.Quota](t)(app.Store.Models.Quota(t.Context(), world.Organization)); q != before {
		t.Errorf("refused uploads keep room: %+v, before them %+v", q, before)
	}
}

// What has no mark in its first bytes, and a file that is shorter than they are, go to the check.
func TestFirstBytesPass(t *testing.T) {
	_, _, c := start(t)
	for name, file := range map[string][]byte{
		"a boot sector": append(append(bytes.Repeat([]byte{7}, 510), 0x55, 0xaa), bytes.Repeat([]byte{9}, magic.Enough)...),
		"no mark":       bytes.Repeat([]byte("no mark at all "), 1000),
		"a short qcow2": []byte("QFI\xfb\x00\x00\x00\x03"),
	} {
		res, text, err := c.patch(c.create(len(file)), 0, bytes.NewReader(file))
		if err != nil || res.StatusCode != http.StatusNoContent || res.Header.Get("Volary-Upload") == "" {
			t.Errorf("%s: %v %v %s", name, err, res, text)
		}
	}
}

// A file that the organization has brought already is complete by its digest: no byte is sent, and a client that knows nothing of it goes
// by the offset. Another organization's is not told of.
func TestWhatIsHadIsCompleteAtOnce(t *testing.T) {
	app, world, c := start(t)
	const size = 900
	digest := strings.Repeat("ab", 32)
	begun := func() int {
		return len(storetest.Must[[]models.Upload](t)(app.Store.Models.ArrivingUploads(t.Context(), world.Organization)))
	}
	before := func(org *handlertest.World) string {
		id := strings.Repeat("a1", 16)
		storetest.Arrived(t, app.Store, org.Organization, org.Person(handlertest.Member), id, "debian.qcow2", size)
		storetest.Must[bool](t)(app.Store.Models.RecordVerdict(t.Context(), id, storetest.DoneVerdict(digest)))
		return id
	}
	announce := func(by tusClient, size int, header map[string]string) (*http.Response, string) {
		h := map[string]string{"Upload-Length": fmt.Sprint(size), "Upload-Metadata": metadata("debian.qcow2")}
		for k, v := range header {
			h[k] = v
		}
		return by.must("POST", "/uploads/", nil, h)
	}
	res, _ := announce(c, size, map[string]string{"Volary-Digest": digest})
	if res.StatusCode != http.StatusCreated || res.Header.Get("Volary-Image") != "" {
		t.Fatalf("before it is had: %d %v", res.StatusCode, res.Header)
	}
	c.must("DELETE", res.Header.Get("Location"), nil, nil)
	id := before(world)
	image := storetest.ImageOf(t, app.Store, world.Organization, id)
	unfinished := begun()
	for name, header := range map[string]map[string]string{
		"by a header": {"Volary-Digest": strings.ToUpper(digest) + "  debian.qcow2", "Volary-Sender": strings.Repeat("s", 20)},
		"by metadata": {"Upload-Metadata": metadata("debian.qcow2") + ",sha256 " + base64.StdEncoding.EncodeToString([]byte(digest))},
	} {
		res, text := announce(c, size, header)
		h := res.Header
		if res.StatusCode != http.StatusCreated || h.Get("Upload-Offset") != fmt.Sprint(size) || h.Get("Volary-Upload") != id || h.Get("Volary-Image") != image.ID.String() || h.Get("Volary-Image-Name") != "debian.qcow2" {
			t.Fatalf("%s: %d %v %s", name, res.StatusCode, h, text)
		}
		if at := c.offset(h.Get("Location")); at != size {
			t.Errorf("%s: HEAD says %d of %d", name, at, size)
		}
	}
	if n := begun(); n != unfinished {
		t.Errorf("%d uploads were begun", n-unfinished)
	}
	if res, text := announce(c, size+1, map[string]string{"Volary-Digest": digest}); res.StatusCode != http.StatusUnprocessableEntity || res.Header.Get("Volary-Refusal") != "invalid" || !strings.Contains(text, "900 bytes") || !strings.Contains(text, "901 bytes") {
		t.Errorf("a digest of a file of another size: %d %s", res.StatusCode, text)
	}
	stranger := tusClient{t, app, app.SignIn(handlertest.OtherOwner)}
	if res, text := announce(stranger, size, map[string]string{"Volary-Digest": digest}); res.StatusCode != http.StatusCreated || res.Header.Get("Volary-Image") != "" || stranger.offset(res.Header.Get("Location")) != 0 {
		t.Errorf("another organization: %d %v %s", res.StatusCode, res.Header, text)
	}
}

// Who goes on with an unfinished upload and gives the digest of what the organization has by now is done at once, as at its creation. A digest that
// is plainly another file's is refused with the bytes.
func TestWhatIsHadMeanwhileIsCompleteAtOnce(t *testing.T) {
	app, world, c := start(t)
	file := twin("OLD-", 3<<20)
	ofIt := said(t, file, "a")
	url := c.begin(file, ofIt)
	if code, _ := c.append(url, 0, file[:1<<20], ofIt); code != "" {
		t.Fatal(code)
	}
	same, shorter, other := strings.Repeat("ab", 32), strings.Repeat("cd", 32), strings.Repeat("ef", 32)
	had := func(id, digest string, size int) string {
		id = strings.Repeat(id, 16)
		storetest.Arrived(t, app.Store, world.Organization, world.Person(handlertest.Manager), id, digest[:2]+".raw", int64(size))
		storetest.Must[bool](t)(app.Store.Models.RecordVerdict(t.Context(), id, storetest.DoneVerdict(digest)))
		return id
	}
	with := func(digest string) map[string]string {
		h := said(t, file, "a")
		h["Volary-Digest"] = digest
		return h
	}
	if res, _ := c.must("HEAD", url, nil, with(same)); res.Header.Get("Upload-Offset") != fmt.Sprint(1<<20) || res.Header.Get("Volary-Image") != "" {
		t.Errorf("before it is had: %v", res.Header)
	}
	id := had("a1", same, len(file))
	had("a2", shorter, len(file)-512)
	storetest.Must[any](t)(app.Pool.Exec(t.Context(), `UPDATE uploads SET fingerprint = $2 WHERE id = $1`, had("a3", other, len(file)), said(t, twin("NEW-", 3<<20), "a")["Volary-Fingerprint"]))
	for name, digest := range map[string]string{"another size": shorter, "another fingerprint": other} {
		if res, _ := c.must("HEAD", url, nil, with(digest)); res.Header.Get("Upload-Offset") != fmt.Sprint(1<<20) {
			t.Errorf("%s: %v", name, res.Header)
		}
		if code, _ := c.append(url, 1<<20, file[1<<20:2<<20], with(digest)); code != "invalid" {
			t.Errorf("%s: %q", name, code)
		}
	}
	stranger := tusClient{t, app, app.SignIn(handlertest.OtherOwner)}
	if res, _ := stranger.must("HEAD", url, nil, with(same)); res.StatusCode != http.StatusNotFound {
		t.Errorf("another organization: %d %v", res.StatusCode, res.Header)
	}
	image := storetest.ImageOf(t, app.Store, world.Organization, id)
	res, _ := c.must("HEAD", url, nil, with(same))
	if h := res.Header; res.StatusCode != http.StatusOK || h.Get("Upload-Offset") != fmt.Sprint(len(file)) || h.Get("Upload-Length") != fmt.Sprint(len(file)) ||
		h.Get("Volary-Upload") != id || h.Get("Volary-Image") != image.ID.String() || h.Get("Volary-Image-Name") != "ab.raw" {
		t.Errorf("%d %v", res.StatusCode, h)
	}
	if code, _ := c.append(url, 1<<20, file[1<<20:], with(same)); code != "conflict" {
		t.Errorf("more of it is taken: %q", code)
	}
	if code, _ := c.append(url, 1<<20, file[1<<20:], ofIt); code != "" {
		t.Errorf("without the digest it does not go on: %q", code)
	}
}

// What is refused says by its code that it is ours, whoever refuses it.
func TestEachRefusalHasItsCode(t *testing.T) {
	app, world, c := start(t)
	_, err := app.Pool.Exec(t.Context(), `UPDATE organizations SET quota = 100 WHERE id = $1`, world.Organization)
	storetest.NoError(t, err)
	create := func(size string) map[string]string {
		return map[string]string{"Upload-Length": size, "Upload-Metadata": metadata("disk")}
	}
	for name, want := range map[string]struct {
		by     tusClient
		method string
		url    string
		header map[string]string
		code   string
		says   string
	}{
		"too large":        {c, "POST", "/uploads/", create(fmt.Sprint(int64(1) << 40)), "too_large", "at most"},
		"over the quota":   {c, "POST", "/uploads/", create("101"), "quota", "of the 100 B that it may keep"},
		"empty":            {c, "POST", "/uploads/", create("0"), "invalid", "0 bytes"},
		"not there":        {c, "HEAD", "/uploads/" + strings.Repeat("0", 32), nil, "not_found", ""},
		"signed out":       {tusClient{t, app, app.Browser()}, "HEAD", "/uploads/" + strings.Repeat("0", 32), nil, "signed_out", ""},
		"no right":         {tusClient{t, app, app.SignIn(handlertest.Billing)}, "POST", "/uploads/", create("5"), "forbidden", ""},
		"of another site":  {c, "POST", "/uploads/", map[string]string{"Sec-Fetch-Site": "cross-site", "Upload-Length": "5"}, "cross_origin", ""},
		"no such question": {c, "GET", "/uploads/" + strings.Repeat("0", 32) + "/sums?from=x", nil, "not_found", ""},
	} {
		res, text := want.by.must(want.method, want.url, nil, want.header)
		if res.Header.Get("Volary-Refusal") != want.code || !strings.Contains(text, want.says) {
			t.Errorf("%s: %d, %q, %s", name, res.StatusCode, res.Header.Get("Volary-Refusal"), text)
		}
	}
}
