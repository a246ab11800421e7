package setup

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
)

// lines is a log that is written and read at once.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) has(want string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), want)
}

// A bucket that is away at the start is looked at until it answers, and then judged; one that answers is judged at once.
func TestBucketIsAwayAtTheStart(t *testing.T) {
	wrong := errors.New("there is no such bucket")
	for name, c := range map[string]struct {
		answers []error
		started error
		logged  string
	}{
		"comes back":                 {[]error{blob.ErrAway, blob.ErrAway, nil}, nil, "level=INFO msg=\"the bucket answers now, and does what is needed"},
		"comes back as another":      {[]error{blob.ErrAway, wrong}, nil, "level=ERROR msg=\"the bucket answers now, and cannot be used"},
		"is mended after that":       {[]error{blob.ErrAway, wrong, wrong, blob.ErrAway, wrong, nil}, nil, "level=INFO msg=\"the bucket answers now, and does what is needed"},
		"is wrong from the start on": {[]error{wrong}, wrong, ""},
		"is there":                   {[]error{nil}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log lines
				asked := 0
				check := func(context.Context) error {
					asked++
					return c.answers[min(asked, len(c.answers))-1]
				}
				if err := lookAt(t.Context(), check, time.Minute, slog.New(slog.NewTextHandler(&log, nil))); !errors.Is(err, c.started) {
					t.Errorf("the start: %v, want %v", err, c.started)
				}
				<-time.NewTimer(31 * time.Minute).C // of the bubble's clock
				synctest.Wait()
				want := len(c.answers)
				if name == "comes back as another" {
					want = 6 // after 1, 3, 7, 15 and 25 minutes
				}
				if away := len(c.answers) > 1; asked != want || log.has("started without it") != away || !log.has(c.logged) {
					t.Errorf("asked %d times of %d: %s", asked, len(c.answers), log.text.String())
				}
			})
		})
	}
}

// Nobody listens at the port: the place is there all the same, and its bytes are not taken for gone.
func TestOpenBlobsWithoutItsServer(t *testing.T) {
	credentials := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(credentials, []byte("id\nsecret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log lines
	c := BlobConfig{Bucket: "volary", Endpoint: "http://127.0.0.1:1", PathStyle: true, Credentials: credentials, UploadsGiB: 1}
	place, err := OpenBlobs(t.Context(), c, t.TempDir(), nil, nil, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || place == nil || !log.has("started without it") {
		t.Fatalf("%v, %v: %s", place, err, log.text.String())
	}
	c.Credentials = "/nowhere/credentials"
	if _, err := OpenBlobs(t.Context(), c, t.TempDir(), nil, nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("started without credentials")
	}
}

// A folder that is empty is the store of a database that has nothing to be kept there, and of no other. What refuses leaves no folder behind
// that the next start would take for a store.
func TestOpenBlobsInAFolderThatIsNotMounted(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "store")
	images, uploads := 2, 1
	open := func() error {
		_, err := OpenBlobs(t.Context(), BlobConfig{Dir: folder}, t.TempDir(), nil, func(context.Context) (int, int, error) { return images, uploads, nil }, slog.New(slog.DiscardHandler))
		return err
	}
	for range 2 {
		if err := open(); err == nil || !strings.Contains(err.Error(), "the database has images (2) and unfinished uploads (1). Mount the folder") {
			t.Errorf("an empty folder: %v", err)
		}
	}
	t.Setenv("VOLARY_BLOB_DIR", folder)
	if _, err := ReadBlobs(t.Context()); err == nil || !strings.Contains(err.Error(), "Mount the folder") {
		t.Errorf("a command that reads: %v", err)
	}
	images, uploads = 0, 0
	if err := open(); err != nil {
		t.Fatal(err)
	}
	images = 1
	if err := open(); err != nil {
		t.Errorf("a store, though an empty one: %v", err)
	}
	if _, err := ReadBlobs(t.Context()); err != nil {
		t.Errorf("a command that reads: %v", err)
	}
}

// A bucket that is empty, as one that is named by mistake, is judged as a folder is, also where it answers later only.
func TestOpenBlobsInAnEmptyBucket(t *testing.T) {
	s := blobtest.Serve(t)
	c := BlobConfig{Bucket: s.Options.Bucket, Endpoint: s.Options.Endpoint, PathStyle: true, Credentials: s.Options.Credentials, UploadsGiB: 1}
	images, uploads := 2, 1
	open := func() error {
		_, err := OpenBlobs(t.Context(), c, t.TempDir(), nil, func(context.Context) (int, int, error) { return images, uploads, nil }, slog.New(slog.DiscardHandler))
		return err
	}
	for range 2 {
		if err := open(); err == nil || errors.Is(err, blob.ErrAway) ||
			!strings.Contains(err.Error(), "VOLARY_BLOB_BUCKET=volary is empty and has no object volary-store, while the database has images (2) and unfinished uploads (1). Name the bucket") {
			t.Errorf("an empty bucket: %v", err)
		}
	}
	for name, value := range map[string]string{"BUCKET": c.Bucket, "ENDPOINT": c.Endpoint, "PATH_STYLE": "true", "CREDENTIALS_FILE": c.Credentials} {
		t.Setenv("VOLARY_BLOB_"+name, value)
	}
	if _, err := ReadBlobs(t.Context()); err == nil || !strings.Contains(err.Error(), "Name the bucket") {
		t.Errorf("a command that reads: %v", err)
	}
	images, uploads = 0, 0
	if err := open(); err != nil {
		t.Fatal(err)
	}
	images = 1
	if err := open(); err != nil {
		t.Errorf("a store, though an empty one: %v", err)
	}
	if _, err := ReadBlobs(t.Context()); err != nil {
		t.Errorf("a command that reads: %v", err)
	}
}
