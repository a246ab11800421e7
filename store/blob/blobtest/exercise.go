package blobtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/store/blob"
)

// Digest is of the image that Exercise keeps.
const Digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// Exercise is the contract of a blob.Place. open gives an empty one each time, which is begun, and the folder in which its bytes lie.
func Exercise(t *testing.T, open func(t *testing.T) (blob.Place, string)) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, blob.Place){
		"keeps blobs": keeps, "adopts files": adopts, "leaves nothing of a broken put": broken, "keys stay inside": inside, "lists": lists,
		"uploads": uploads, "uploads that are cut": cut, "uploads of several parts": several, "uploads are discarded": discards, "sums": sums,
		"whole uploads": wholes, "ids": ids, "arrivals": arrivals,
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := open(t)
			test(t, p)
		})
	}
	for name, test := range map[string]func(*testing.T, blob.Place, string){
		"is away without its mark": unmarked, "was kept": kept,
	} {
		t.Run(name, func(t *testing.T) {
			p, root := open(t)
			test(t, p, root)
		})
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func imageKey(t *testing.T, digest string) string {
	t.Helper()
	return must[string](t)(blob.ImageKey(digest))
}

func read(t *testing.T, p blob.Place, key string) string {
	t.Helper()
	r, size, err := p.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data := must[[]byte](t)(io.ReadAll(r))
	if int64(len(data)) != size {
		t.Errorf("%s has %d bytes, Open says %d", key, len(data), size)
	}
	return string(data)
}

func local(t *testing.T, p blob.Place, key string) string {
	t.Helper()
	path, release, err := p.Local(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	return string(must[[]byte](t)(os.ReadFile(path)))
}

func keeps(t *testing.T, p blob.Place) {
	k := imageKey(t, Digest)
	for _, content := range []string{"test", "another"} { // the second one replaces
		if n, err := p.Put(t.Context(), k, strings.NewReader(content)); n != int64(len(content)) || err != nil {
			t.Fatalf("Put = %d, %v", n, err)
		}
		if got := read(t, p, k); got != content {
			t.Errorf("read %q", got)
		}
		if got := local(t, p, k); got != content {
			t.Errorf("the local file has %q", got)
		}
	}
	for range 2 {
		if err := p.Delete(t.Context(), k); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if _, _, err := p.Open(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open after Delete: %v, want ErrNotFound", err)
	}
	if _, _, err := p.Local(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Local after Delete: %v, want ErrNotFound", err)
	}
}

func adopts(t *testing.T, p blob.Place) {
	path := filepath.Join(t.TempDir(), "made")
	if err := os.WriteFile(path, []byte("test"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Adopt(t.Context(), imageKey(t, Digest), path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the adopted file is still there: %v", err)
	}
	if got := read(t, p, imageKey(t, Digest)); got != "test" {
		t.Errorf("read %q", got)
	}
}

func broken(t *testing.T, p blob.Place) {
	k, cutOff := imageKey(t, Digest), errors.New("connection cut")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Put(t.Context(), k, io.MultiReader(strings.NewReader("te"), iotest.ErrReader(cutOff))); !errors.Is(err, cutOff) {
		t.Errorf("Put of a broken reader: %v", err)
	}
	if _, err := p.Put(cancelled, k, strings.NewReader("test")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put after the end of its context: %v", err)
	}
	if _, _, err := p.Open(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open after two broken puts: %v", err)
	}
	if err := p.DiscardPartial(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
}

func inside(t *testing.T, p blob.Place) {
	for _, k := range []string{"", "images/", "../" + Digest, "images/../" + Digest, "images/" + Digest + "/x", "/images/" + Digest, "images/..", "images/" + Digest + ".qcow2\x00"} {
		if _, err := p.Put(t.Context(), k, strings.NewReader("x")); !errors.Is(err, blob.ErrKey) {
			t.Errorf("Put(%q): %v, want ErrKey", k, err)
		}
		if err := p.Delete(t.Context(), k); !errors.Is(err, blob.ErrKey) {
			t.Errorf("Delete(%q): %v, want ErrKey", k, err)
		}
		if _, _, err := p.Open(t.Context(), k); !errors.Is(err, blob.ErrKey) {
			t.Errorf("Open(%q): %v, want ErrKey", k, err)
		}
	}
	if _, _, err := p.List(t.Context(), "../images", ""); !errors.Is(err, blob.ErrKey) {
		t.Errorf("List: %v, want ErrKey", err)
	}
}

func lists(t *testing.T, p blob.Place) {
	var keys []string
	for _, first := range []string{"c", "a", "b"} {
		k := imageKey(t, first+Digest[1:])
		keys = append(keys, k)
		must[int64](t)(p.Put(t.Context(), k, strings.NewReader(first)))
	}
	slices.Sort(keys)
	must[int64](t)(p.Put(t.Context(), blob.UploadKey(Digest[:32]), strings.NewReader("elsewhere")))
	for after, want := range map[string][]string{"": keys, keys[0]: keys[1:], keys[2]: nil} {
		list, more, err := p.List(t.Context(), "images", after)
		var got []string
		for _, l := range list {
			got = append(got, l.Key)
			if l.Size != 1 || l.Written.IsZero() {
				t.Errorf("listed %+v", l)
			}
		}
		if err != nil || more || !slices.Equal(got, want) {
			t.Errorf("after %q: %v %v %v, want %v", after, got, more, err, want)
		}
	}
}

const id = "0123456789abcdef0123456789abcdef"

func begin(t *testing.T, p blob.Place, size int) {
	t.Helper()
	u := must[tus.Upload](t)(p.Uploads().Tus().NewUpload(t.Context(), tus.FileInfo{ID: id, Size: int64(size), MetaData: tus.MetaData{"filename": "größe.img"}}))
	info := must[tus.FileInfo](t)(u.GetInfo(t.Context()))
	if info.ID != id || info.Offset != 0 || info.Size != int64(size) {
		t.Errorf("a new upload: %+v", info)
	}
}

// write appends, as one request does.
func write(t *testing.T, p blob.Place, from io.Reader) (offset int64, n int64, err error) {
	t.Helper()
	u := must[tus.Upload](t)(p.Uploads().Tus().GetUpload(t.Context(), id))
	info := must[tus.FileInfo](t)(u.GetInfo(t.Context()))
	n, err = u.WriteChunk(t.Context(), info.Offset, from)
	return info.Offset, n, err
}

func received(t *testing.T, p blob.Place) int64 {
	t.Helper()
	return must[blob.Progress](t)(p.Uploads().Progress(t.Context(), id)).Received
}

func ranged(t *testing.T, p blob.Place, from, length int64) []byte {
	t.Helper()
	r := must[io.ReadCloser](t)(p.Uploads().Range(t.Context(), id, from, length))
	defer r.Close()
	return must[[]byte](t)(io.ReadAll(r))
}

func finish(t *testing.T, p blob.Place) {
	t.Helper()
	for range 2 { // a second time, as for a client that missed the answer
		u := must[tus.Upload](t)(p.Uploads().Tus().GetUpload(t.Context(), id))
		if err := u.FinishUpload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if info := must[tus.FileInfo](t)(u.GetInfo(t.Context())); info.Offset != info.Size || info.MetaData["filename"] != "größe.img" {
			t.Errorf("a finished upload: %+v", info)
		}
	}
}

func uploads(t *testing.T, p blob.Place) {
	if _, err := p.Uploads().Progress(t.Context(), id); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("progress of none: %v", err)
	}
	if _, err := p.Uploads().Tus().GetUpload(t.Context(), id); !errors.Is(err, tus.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	begun := time.Now()
	begin(t, p, 10)
	if n := received(t, p); n != 0 {
		t.Errorf("%d bytes of an upload that was begun are here", n)
	}
	for at, piece := range []string{"01", "234", "56789"} {
		if _, n, err := write(t, p, strings.NewReader(piece)); n != int64(len(piece)) || err != nil {
			t.Fatalf("piece %d: %d, %v", at, n, err)
		}
	}
	progress := must[blob.Progress](t)(p.Uploads().Progress(t.Context(), id))
	if progress.Received != 10 || progress.Written.Before(begun.Add(-5*time.Second)) {
		t.Errorf("progress = %+v", progress)
	}
	if got := ranged(t, p, 1, 5); string(got) != "12345" {
		t.Errorf("a range has %q", got)
	}
	finish(t, p)
	if got := read(t, p, blob.UploadKey(id)); got != "0123456789" {
		t.Errorf("the blob has %q", got)
	}
	if got := local(t, p, blob.UploadKey(id)); got != "0123456789" {
		t.Errorf("the local file has %q", got)
	}
	room := must[blob.Room](t)(p.Uploads().Room(t.Context()))
	if (room.Free > 0) == (room.Bound > 0) {
		t.Errorf("room = %+v", room)
	}
}

// cut has the line end in the middle: what came before is kept, and asked for.
func cut(t *testing.T, p blob.Place) {
	begin(t, p, 10)
	gone := errors.New("the line is cut")
	if _, n, err := write(t, p, io.MultiReader(strings.NewReader("0123"), iotest.ErrReader(gone))); n != 4 || !errors.Is(err, gone) {
		t.Errorf("a cut line: %d, %v", n, err)
	}
	u := must[tus.Upload](t)(p.Uploads().Tus().GetUpload(t.Context(), id))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := u.WriteChunk(ended, 4, strings.NewReader("456789")); n != 0 || err == nil {
		t.Errorf("after the end of its lock: %d, %v", n, err)
	}
	if n := received(t, p); n != 4 {
		t.Errorf("%d bytes are here, want 4", n)
	}
	if at, n, err := write(t, p, strings.NewReader("456789")); at != 4 || n != 6 || err != nil {
		t.Errorf("the rest at %d: %d, %v", at, n, err)
	}
	finish(t, p)
	if got := read(t, p, blob.UploadKey(id)); got != "0123456789" {
		t.Errorf("the blob has %q", got)
	}
}

// several has pieces begin and end within the parts of a store that keeps an upload in parts.
// arrivals are brought by this process, and how long one is may be known at its end.
func arrivals(t *testing.T, p blob.Place) {
	content := make([]byte, 20<<20+3)
	_, _ = rand.Read(content)
	a := must[*blob.Arrival](t)(blob.Arrive(t.Context(), p.Uploads(), id, "disk.img", 1<<36))
	gone := errors.New("the line is cut")
	if n, err := a.Append(t.Context(), io.MultiReader(bytes.NewReader(content[:5]), iotest.ErrReader(gone))); n != 5 || !errors.Is(err, gone) {
		t.Errorf("a cut line: %d, %v", n, err)
	}
	a = must[*blob.Arrival](t)(blob.Arrive(t.Context(), p.Uploads(), id, "disk.img", 1<<36))
	if a.Offset() != 5 {
		t.Errorf("%d bytes are here, want 5", a.Offset())
	}
	if n, err := a.Append(t.Context(), bytes.NewReader(content[5:])); n != int64(len(content))-5 || err != nil {
		t.Errorf("the rest: %d, %v", n, err)
	}
	for range 2 { // as after a worker that died when all was done
		if err := must[*blob.Arrival](t)(blob.Arrive(t.Context(), p.Uploads(), id, "disk.img", 1<<36)).Finish(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if local(t, p, blob.UploadKey(id)) != string(content) {
		t.Error("the local file differs")
	}
}

func several(t *testing.T, p blob.Place) {
	content := make([]byte, 40<<20+5)
	_, _ = rand.Read(content)
	begin(t, p, len(content))
	at := 0
	for _, to := range []int{1, 5 << 20, 16 << 20, 33<<20 + 7, len(content)} {
		if _, n, err := write(t, p, bytes.NewReader(content[at:to])); n != int64(to-at) || err != nil {
			t.Fatalf("to %d: %d, %v", to, n, err)
		}
		at = to
		for _, r := range [][2]int{{0, 1}, {max(0, at-10), min(10, at)}, {min(at, 16<<20) / 2, min(at, 20<<20) / 2}} {
			if got := ranged(t, p, int64(r[0]), int64(r[1])); !bytes.Equal(got, content[r[0]:r[0]+r[1]]) {
				t.Fatalf("of %d bytes, %d at %d differ", at, r[1], r[0])
			}
		}
	}
	ranges := must[blob.Ranges](t)(p.Uploads().Ranges(t.Context(), id))
	for _, from := range []int{0, 16<<20 - 5, len(content) - 10} {
		r := must[io.ReadCloser](t)(ranges(t.Context(), int64(from), 10))
		if got := must[[]byte](t)(io.ReadAll(r)); !bytes.Equal(got, content[from:from+10]) {
			t.Errorf("of several ranges, the one at %d differs", from)
		}
		_ = r.Close()
	}
	finish(t, p)
	if read(t, p, blob.UploadKey(id)) != string(content) {
		t.Error("the blob differs")
	}
	if local(t, p, blob.UploadKey(id)) != string(content) {
		t.Error("the local file differs")
	}
}

func discards(t *testing.T, p blob.Place) {
	for what, discard := range map[string]func() error{
		"discard": func() error { return p.Uploads().Discard(t.Context(), id) },
		"delete": func() error {
			return errors.Join(p.Delete(t.Context(), blob.UploadKey(id)), p.Uploads().Discard(t.Context(), id))
		},
		"terminate": func() error {
			store := p.Uploads().Tus()
			return store.AsTerminatableUpload(must[tus.Upload](t)(store.GetUpload(t.Context(), id))).Terminate(t.Context())
		},
	} {
		begin(t, p, 10)
		if _, _, err := write(t, p, strings.NewReader("0123")); err != nil {
			t.Fatal(err)
		}
		if err := p.Uploads().KeepSums(t.Context(), id, []byte("sums")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := discard(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if what == "terminate" {
				break
			}
		}
		if list, _, err := p.List(t.Context(), "uploads", ""); err != nil || len(list) != 0 {
			t.Errorf("%s leaves %v, %v", what, list, err)
		}
	}
}

func sums(t *testing.T, p blob.Place) {
	begin(t, p, 10)
	for _, kept := range []string{"", "first", "the second, longer"} {
		if kept != "" {
			if err := p.Uploads().KeepSums(t.Context(), id, []byte(kept)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := p.Uploads().Sums(t.Context(), id); err != nil || string(got) != kept {
			t.Errorf("sums = %q, %v, want %q", got, err, kept)
		}
	}
	if n := received(t, p); n != 0 {
		t.Errorf("%d bytes are here beside the sums", n)
	}
}

// wholes are uploads that came by no tus handler.
func wholes(t *testing.T, p blob.Place) {
	must[int64](t)(p.Put(t.Context(), blob.UploadKey(id), strings.NewReader("0123456789")))
	if n := received(t, p); n != 10 {
		t.Errorf("%d bytes are here", n)
	}
	if got := ranged(t, p, 3, 4); string(got) != "3456" {
		t.Errorf("a range has %q", got)
	}
	if got := local(t, p, blob.UploadKey(id)); got != "0123456789" {
		t.Errorf("the local file has %q", got)
	}
}

func ids(t *testing.T, p blob.Place) {
	u := p.Uploads()
	for _, bad := range []string{"", "..", "../images/" + Digest, strings.ToUpper(id), id + "+x", id[1:]} {
		_, progress := u.Progress(t.Context(), bad)
		_, ranged := u.Range(t.Context(), bad, 0, 1)
		_, looked := u.Ranges(t.Context(), bad)
		_, sums := u.Sums(t.Context(), bad)
		_, begun := u.Tus().NewUpload(t.Context(), tus.FileInfo{ID: bad, Size: 1})
		for what, err := range map[string]error{
			"Progress": progress, "Range": ranged, "Ranges": looked, "Sums": sums, "NewUpload": begun, "KeepSums": u.KeepSums(t.Context(), bad, nil), "Discard": u.Discard(t.Context(), bad),
		} {
			if !errors.Is(err, blob.ErrKey) {
				t.Errorf("%s(%q): %v, want ErrKey", what, bad, err)
			}
		}
		if _, err := u.Tus().GetUpload(t.Context(), bad); !errors.Is(err, tus.ErrNotFound) {
			t.Errorf("GetUpload(%q): %v", bad, err)
		}
	}
}

// Pages has more blobs listed than one page holds; folder is where those of a place lie as files, so that making them takes no time.
func Pages(t *testing.T, p blob.Place, folder string) {
	t.Helper()
	const all = blob.ListPage + 5
	if err := os.MkdirAll(filepath.Join(folder, "images"), 0o755); err != nil { //nolint:gosec // a server that is nobody reads it
		t.Fatal(err)
	}
	for n := range all {
		if err := os.WriteFile(filepath.Join(folder, "images", fmt.Sprintf("%064x.qcow2", n)), []byte("x"), 0o644); err != nil { //nolint:gosec // likewise
			t.Fatal(err)
		}
	}
	var got []string
	for after, more := "", true; more; after = got[len(got)-1] {
		var list []blob.Listed
		var err error
		if list, more, err = p.List(t.Context(), "images", after); err != nil || len(list) == 0 || len(list) > blob.ListPage {
			t.Fatalf("after %q: %d, %v", after, len(list), err)
		}
		for _, l := range list {
			got = append(got, l.Key)
		}
	}
	if len(got) != all || !slices.IsSorted(got) || len(slices.Compact(got)) != all {
		t.Errorf("%d of %d are listed, in order: %v", len(got), all, slices.IsSorted(got))
	}
}

// NewID makes an upload's id.
func NewID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
