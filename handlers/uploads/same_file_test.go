package uploads_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/handlers/uploads"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

const testBlock = 4 << 20

// twin is one of two disks of a name and a size: a partition table, and a mark over and over.
func twin(mark string, size int) []byte {
	disk := bytes.Repeat([]byte(mark), size/len(mark))
	clear(disk[:512])
	disk[446], disk[450] = 0x80, 0x83
	binary.LittleEndian.PutUint32(disk[454:], 2048)
	binary.LittleEndian.PutUint32(disk[458:], uint32(size/512-2048))
	disk[510], disk[511] = 0x55, 0xaa
	return disk
}

// said are the headers of a client that says of which file it sends.
func said(t *testing.T, file []byte, sender string) map[string]string {
	t.Helper()
	print, err := uploads.Fingerprint(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"Volary-Fingerprint": print, "Volary-Sender": strings.Repeat(sender, 32)[:32]}
}

// digest is that of the first bytes of a file, as a client computes it.
func digest(begin []byte) string {
	all := sha256.New()
	for ; len(begin) > 0; begin = begin[min(len(begin), testBlock):] {
		sum := sha256.Sum256(begin[:min(len(begin), testBlock)])
		all.Write(sum[:])
	}
	return hex.EncodeToString(all.Sum(nil))
}

func (c tusClient) begin(file []byte, header map[string]string) string {
	c.t.Helper()
	h := map[string]string{"Upload-Length": fmt.Sprint(len(file)), "Upload-Metadata": metadata("disk.raw")}
	maps.Copy(h, header)
	res, text := c.must("POST", "/uploads/", nil, h)
	if res.StatusCode != http.StatusCreated {
		c.t.Fatalf("begin: %d %s", res.StatusCode, text)
	}
	return res.Header.Get("Location")
}

// append sends bytes at an offset with headers, and gives what is refused ("": nothing).
func (c tusClient) append(url string, at int, body []byte, headers ...map[string]string) (code string, res *http.Response) {
	c.t.Helper()
	h := map[string]string{"Upload-Offset": fmt.Sprint(at), "Content-Type": "application/offset+octet-stream"}
	for _, more := range headers {
		maps.Copy(h, more)
	}
	res, text := c.must("PATCH", url, bytes.NewReader(body), h)
	code = res.Header.Get("Volary-Refusal")
	if (res.StatusCode == http.StatusNoContent) != (code == "") || code != "" && strings.TrimSpace(text) == "" {
		c.t.Fatalf("PATCH: %d %q %s", res.StatusCode, code, text)
	}
	return code, res
}

func (c tusClient) sums(url string, from int) (answer struct {
	Block, Received int
	Sums            []string
},
) {
	c.t.Helper()
	res, text := c.must("GET", fmt.Sprintf("%s/sums?from=%d", url, from), nil, nil)
	if err := json.Unmarshal([]byte(text), &answer); err != nil || res.StatusCode != http.StatusOK || answer.Block != testBlock {
		c.t.Fatalf("sums: %d %s", res.StatusCode, text)
	}
	return answer
}

func received(t *testing.T, app *handlertest.App, url string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(app.Uploads(), filepath.Base(url)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTwinsAreNeverMixed has one disk begun, and a colleague come with every other of its name and size.
func TestTwinsAreNeverMixed(t *testing.T) {
	app, _, ada := start(t)
	bea := tusClient{t, app, app.SignIn(handlertest.Manager)}
	const size, half = 24 << 20, 9<<20 + 5
	monday, tuesday := twin("OLD-", size), twin("NEW-", size)
	late := bytes.Clone(monday) // the same in every sample
	copy(late[5<<20:], "other")
	first := said(t, monday, "a")
	url := ada.begin(monday, first)
	if code, _ := ada.append(url, 0, monday[:half], first); code != "" {
		t.Fatal(code)
	}
	refused := func(what, want string, at int, body []byte, headers ...map[string]string) {
		t.Helper()
		if code, res := bea.append(url, at, body, headers...); code != want || res.StatusCode != http.StatusConflict {
			t.Errorf("%s: %d %q, want %q", what, res.StatusCode, code, want)
		}
		if !bytes.Equal(received(t, app, url), monday[:half]) {
			t.Fatalf("%s: the bytes that were here have changed", what)
		}
	}
	other := said(t, tuesday, "b")
	if res, _ := bea.must("HEAD", url, nil, other); res.StatusCode != http.StatusConflict || res.Header.Get("Volary-Refusal") != "another_file" {
		t.Errorf("HEAD for the other disk: %d %v", res.StatusCode, res.Header)
	}
	refused("the other disk", "another_file", half, tuesday[half:], other)
	refused("no fingerprint", "another_file", half, tuesday[half:])
	borrowed := said(t, monday, "b")
	refused("a borrowed fingerprint", "unproven", half, tuesday[half:], borrowed)
	refused("and the other's digest", "unproven", half, tuesday[half:], borrowed, map[string]string{"Volary-Received": digest(tuesday[:half])})
	if said(t, late, "b")["Volary-Fingerprint"] != first["Volary-Fingerprint"] {
		t.Fatal("the third disk differs in a sample")
	}
	refused("a disk that differs between the samples", "unproven", half, late[half:], borrowed, map[string]string{"Volary-Received": digest(late[:half])})
	refused("the same sender's name in another file", "another_file", half, tuesday[half:], other, map[string]string{"Volary-Sender": first["Volary-Sender"]})

	// The same disk in a colleague's hands goes on, and then in nobody else's.
	head, _ := bea.must("HEAD", url, nil, borrowed)
	if head.StatusCode != http.StatusOK || head.Header.Get("Volary-Prove") == "" {
		t.Errorf("HEAD for the same disk: %d %v", head.StatusCode, head.Header)
	}
	here := bea.sums(url, 0)
	if here.Received != half || len(here.Sums) != 3 {
		t.Fatalf("sums: %+v", here)
	}
	if code, _ := bea.append(url, half, monday[half:half+1], borrowed, map[string]string{"Volary-Received": digest(monday[:half])}); code != "" {
		t.Fatalf("the same disk: %s", code)
	}
	if code, _ := ada.append(url, half+1, monday[half+1:], first); code != "unproven" {
		t.Errorf("who was overtaken goes on: %q", code)
	}
	if code, _ := bea.append(url, half+1, monday[half+1:], borrowed); code != "" {
		t.Fatalf("the rest: %s", code)
	}
	if !bytes.Equal(received(t, app, url), monday) {
		t.Error("the disk is not the one that was begun")
	}
}

// A client that carries one fingerprint and sends something else, and one that began without and is mixed by hand.
func TestWhatArrivedIsWhatWasBegun(t *testing.T) {
	app, _, c := start(t)
	monday, tuesday := twin("OLD-", 6<<20), twin("NEW-", 6<<20)
	h := said(t, monday, "a")
	url := c.begin(monday, h)
	if code, _ := c.append(url, 0, monday[:3<<20], h); code != "" {
		t.Fatal(code)
	}
	if code, res := c.append(url, 3<<20, tuesday[3<<20:], h); code != "another_file" || res.StatusCode != http.StatusConflict {
		t.Errorf("half of each: %d %q", res.StatusCode, code)
	}
	if res, _ := c.must("HEAD", url, nil, h); res.StatusCode != http.StatusConflict {
		t.Errorf("HEAD after it: %d", res.StatusCode)
	}
	var checked int
	if err := app.Pool.QueryRow(t.Context(), `SELECT count(*) FROM uploads WHERE id = $1 AND state <> 'arriving'`, filepath.Base(url)).Scan(&checked); err != nil || checked != 0 {
		t.Errorf("half of each is to be checked, %v", err)
	}
	if res, _ := c.must("DELETE", url, nil, nil); res.StatusCode != http.StatusNoContent {
		t.Errorf("it is not discarded: %d", res.StatusCode)
	}
	// A page goes on with what a plain client began, once it has shown that it has the same.
	url = c.create(len(monday))
	if code, _ := c.append(url, 0, monday[:3<<20]); code != "" {
		t.Fatal(code)
	}
	if code, _ := c.append(url, 3<<20, tuesday[3<<20:], said(t, tuesday, "b")); code != "unproven" {
		t.Errorf("another file on a plain client's: %q", code)
	}
	if code, _ := c.append(url, 3<<20, monday[3<<20:], h, map[string]string{"Volary-Received": digest(monday[:3<<20])}); code != "" {
		t.Errorf("the same file on a plain client's: %q", code)
	}
}

// What is known of an upload's bytes outlasts the process that found it, and goes with the upload.
func TestSumsOutlastARestart(t *testing.T) {
	app, _, c := start(t)
	const half = 9 << 20
	disk := twin("OLD-", 12<<20)
	h := said(t, disk, "a")
	url := c.begin(disk, h)
	if code, _ := c.append(url, 0, disk[:half], h); code != "" {
		t.Fatal(code)
	}
	before := c.sums(url, 0)
	kept := filepath.Join(app.Uploads(), filepath.Base(url)+".sums")
	if info, err := os.Stat(kept); err != nil || info.Size() != 2*sha256.Size {
		t.Fatalf("sums of two whole blocks are kept: %v, %v", info, err)
	}
	app.Restart()
	if after := c.sums(url, 0); fmt.Sprint(after) != fmt.Sprint(before) || len(after.Sums) != 3 {
		t.Errorf("after a restart %v, before %v", after, before)
	}
	if one := c.sums(url, 2); len(one.Sums) != 1 || one.Sums[0] != before.Sums[2] {
		t.Errorf("from the third on: %+v", one)
	}
	if none := c.sums(url, 3); len(none.Sums) != 0 || none.Received != half {
		t.Errorf("after the end: %+v", none)
	}
	if code, _ := c.append(url, half, []byte("x"), said(t, disk, "b")); code != "unproven" {
		t.Errorf("after a restart another sender goes on: %q", code)
	}
	if code, _ := c.append(url, half, disk[half:half+1], h); code != "" {
		t.Errorf("after a restart the sender does not go on: %q", code)
	}
	if res, _ := c.must("DELETE", url, nil, nil); res.StatusCode != http.StatusNoContent {
		t.Fatal(res.StatusCode)
	}
	if left, _ := filepath.Glob(filepath.Join(app.Uploads(), filepath.Base(url)+"*")); len(left) != 0 {
		t.Errorf("left of a discarded upload: %v", left)
	}
	if res, _ := c.must("GET", url+"/sums?from=0", nil, nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("sums of a discarded upload: %d", res.StatusCode)
	}
}

// TestUploadIsForWhomItWasBegun sends every request of an upload after a switch in another tab.
func TestUploadIsForWhomItWasBegun(t *testing.T) {
	app, world, c := start(t)
	storetest.NoError(t, app.Store.People.AddMember(t.Context(), uuid.Nil, world.Other, world.Person(handlertest.Member), people.RoleMember))
	disk := twin("OLD-", 1<<20)
	first, other := "org:"+world.Organization.String(), "org:"+world.Other.String()
	h := said(t, disk, "a")
	h["Volary-Place"] = first
	url := c.begin(disk, h)
	work := func(place string) {
		t.Helper()
		if got := c.browser.Post("/switch", map[string][]string{"to": {place}}); got.Status != http.StatusSeeOther {
			t.Fatalf("switch: %d %s", got.Status, got.Body)
		}
	}
	work(other)
	for _, ask := range []struct{ method, url string }{{"POST", "/uploads/"}, {"HEAD", url}, {"PATCH", url}, {"DELETE", url}, {"GET", url + "/sums?from=0"}} {
		header := map[string]string{"Upload-Length": "9", "Upload-Metadata": metadata("disk"), "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
		maps.Copy(header, h)
		var body []byte
		if ask.method == "PATCH" {
			body = disk
		}
		res, text := c.must(ask.method, ask.url, bytes.NewReader(body), header)
		if res.StatusCode != http.StatusConflict || res.Header.Get("Volary-Refusal") != "other_organization" {
			t.Errorf("%s after a switch: %d %v", ask.method, res.StatusCode, res.Header)
		}
		if ask.method != "HEAD" && (!strings.Contains(text, "First") || !strings.Contains(text, "Switch to")) {
			t.Errorf("%s after a switch says %q", ask.method, text)
		}
	}
	var theirs, ours int
	if err := app.Pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE organization_id = $1), count(*) FILTER (WHERE id = $2) FROM uploads`, world.Other, filepath.Base(url)).Scan(&theirs, &ours); err != nil || theirs != 0 || ours != 1 {
		t.Errorf("the other organization has %d uploads, %d are left of the first, %v", theirs, ours, err)
	}
	work(first)
	if code, res := c.append(url, 0, disk, h); code != "" || res.Header.Get("Volary-Upload") == "" {
		t.Errorf("after switching back: %q %v", code, res.Header)
	}
}

// A creation whose answer was lost is asked for again.
func TestCreationIsAnsweredTwice(t *testing.T) {
	app, _, c := start(t)
	disk := twin("OLD-", 1<<20)
	h := said(t, disk, "a")
	one, two := c.begin(disk, h), c.begin(disk, h)
	if filepath.Base(one) != filepath.Base(two) {
		t.Errorf("asked twice, two uploads: %s and %s", one, two)
	}
	colleague := tusClient{t, app, app.SignIn(handlertest.Manager)}
	if three := colleague.begin(disk, h); filepath.Base(three) == filepath.Base(one) {
		t.Error("a colleague's creation was answered with another's upload")
	}
	for name, bad := range map[string]string{"Volary-Fingerprint": "md5", "Volary-Sender": "<b>"} {
		res, text := c.must("POST", "/uploads/", nil, map[string]string{"Upload-Length": "9", "Upload-Metadata": metadata("disk"), name: bad})
		if res.StatusCode != http.StatusBadRequest || !strings.Contains(text, "fingerprint") {
			t.Errorf("%s %q: %d %s", name, bad, res.StatusCode, text)
		}
	}
}

// TestFileNames are those of the world's file systems.
func TestFileNames(t *testing.T) {
	app, _, c := start(t)
	for _, f := range []struct{ sent, kept, says string }{
		{"Universita\u0308t.qcow2", "Universit\u00e4t.qcow2", ""},
		{`C:\disks\disk.qcow2`, "disk.qcow2", ""},
		{"/home/a/disk.raw", "disk.raw", ""},
		{"disk\u202ewar.exe", "", "turns the line around"},
		{"di\u200bsk.raw", "", "cannot be seen"},
		{"di\u0455k.raw", "", "letter"},
		{"\u2800\u3164", "", "be seen"},
		{"disk\nraw", "", "line break"},
		{"", "", "1 to 255 characters"},
		{"..", "", "name"},
		{"/", "", "1 to 255 characters"},
	} {
		res, text := c.must("POST", "/uploads/", nil, map[string]string{
			"Upload-Length": "9", "Upload-Metadata": "filename " + base64.StdEncoding.EncodeToString([]byte(f.sent)),
		})
		if f.kept == "" {
			if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, f.says) || !strings.Contains(text, "Rename the file") {
				t.Errorf("%q: %d %s, want a refusal that says %q", f.sent, res.StatusCode, text, f.says)
			}
			continue
		}
		var kept string
		id := filepath.Base(res.Header.Get("Location"))
		if err := app.Pool.QueryRow(t.Context(), `SELECT filename FROM uploads WHERE id = $1`, id).Scan(&kept); err != nil || kept != f.kept {
			t.Errorf("%q is kept as %q, %v; want %q", f.sent, kept, err, f.kept)
		}
		if res, _ := c.must("DELETE", "/uploads/"+id, nil, nil); res.StatusCode != http.StatusNoContent {
			t.Fatal(res.StatusCode)
		}
	}
}

// TestDiscardIsLogged: by the page's button, by the protocol, and who did it.
func TestDiscardIsLogged(t *testing.T) {
	app, world, c := start(t)
	owner := tusClient{t, app, app.SignIn(handlertest.Owner)}
	for what, discard := range map[string]func(id string){
		"by the page":     func(id string) { owner.browser.Post("/org/uploads/"+id+"/discard", nil) },
		"by the protocol": func(id string) { owner.must("DELETE", "/uploads/"+id, nil, nil) },
		"without bytes": func(id string) {
			storetest.NoError(t, os.Remove(filepath.Join(app.Uploads(), id)))
			owner.browser.Post("/org/uploads/"+id+"/discard", nil)
		},
	} {
		id := filepath.Base(c.create(10))
		discard(id)
		var rows int
		if err := app.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE verb = 'discard upload' AND subject_id = $1 AND person_id = $2 AND organization_id = $3
			AND detail ->> 'name' = 'Debian 12' AND detail ->> 'file' = 'disk.qcow2'`, uuid.MustParse(id), world.Person(handlertest.Owner), world.Organization).Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%s: %d rows of the log, %v", what, rows, err)
		}
	}
	if page := owner.browser.Get("/org/log"); !strings.Contains(page.Body, "discarded the upload") {
		t.Error("the log has no words for it")
	}
}

// What a client says of itself is held against its form with every request: no byte of it is a fault of ours.
func TestMalformedSendersAreRefused(t *testing.T) {
	app := handlertest.Start(t, handlertest.Options{})
	app.World()
	c := tusClient{t, app, app.SignIn(handlertest.Member)}
	url := c.begin(twin("a", 1<<20), nil)
	for name, header := range map[string]map[string]string{
		"a short sender":        {"Volary-Sender": "x"},
		"no text":               {"Volary-Sender": "\xff\xfe0123456789abcdef"},
		"a fingerprint of none": {"Volary-Fingerprint": "\xff"},
	} {
		for _, method := range []string{"POST", "HEAD", "PATCH", "DELETE", "GET"} {
			h := map[string]string{"Upload-Length": "9", "Upload-Metadata": metadata("disk.raw"), "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
			maps.Copy(h, header)
			at := map[string]string{"POST": "/uploads/", "GET": url + "/sums"}[method]
			if at == "" {
				at = url
			}
			if res, _ := c.must(method, at, strings.NewReader("x"), h); res.StatusCode != http.StatusBadRequest || res.Header.Get("Volary-Refusal") != "malformed" {
				t.Errorf("%s with %s: %d %s", method, name, res.StatusCode, res.Header.Get("Volary-Refusal"))
			}
		}
	}
}
