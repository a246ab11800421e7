package bucket_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
	"volary.dev/store/blob/bucket"
)

func open(t *testing.T, o bucket.Options) *bucket.Bucket {
	t.Helper()
	b, err := bucket.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func imageKey(t *testing.T) string {
	t.Helper()
	key, err := blob.ImageKey(blobtest.Digest)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// cutting is a line to a server each of whose connections breaks after so many bytes of answers. It tells how many there were.
func cutting(t *testing.T, s *blobtest.Server, after int64) (o bucket.Options, lines *atomic.Int32) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines = &atomic.Int32{}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(s.Options.Endpoint, "http://"))
			if err != nil {
				_ = client.Close()
				continue
			}
			lines.Add(1)
			hangUp := sync.OnceFunc(func() { _ = client.Close(); _ = server.Close() })
			all.Go(func() { _, _ = io.Copy(server, client); hangUp() })
			all.Go(func() { _, _ = io.CopyN(client, server, after); hangUp() })
		}
	})
	o = s.Options
	o.Endpoint = "http://" + l.Addr().String()
	return o, lines
}

// Reading goes on where its line broke, however often.
func TestReadingGoesOnAfterACut(t *testing.T) {
	s := blobtest.Serve(t)
	content := make([]byte, 8<<20)
	_, _ = rand.Read(content)
	direct, key := s.Place(t), imageKey(t)
	if _, err := direct.Put(t.Context(), key, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	o, lines := cutting(t, s, 1<<20)
	b := open(t, o)
	r, size, err := b.Open(t.Context(), key)
	if err != nil || size != int64(len(content)) {
		t.Fatalf("open: %d, %v", size, err)
	}
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n := lines.Load(); n < 8 {
		t.Errorf("it took %d lines: none was cut", n)
	}
	// What is written anew meanwhile is not mixed with what was read.
	if r, _, err = b.Open(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1<<10)
	if _, err := io.ReadFull(r, first); err != nil {
		t.Fatal(err)
	}
	if _, err := direct.Put(t.Context(), key, bytes.NewReader(make([]byte, len(content)))); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err == nil || bytes.Contains(rest, make([]byte, 1<<10)) {
		t.Errorf("after another wrote it: %d bytes, %v", len(rest), err)
	}
}

// Of two that append at one place the second is refused, as where both believe to have the upload's lock.
func TestTwoNeverAppend(t *testing.T) {
	b := blobtest.Serve(t).Place(t)
	store, id := b.Uploads().Tus(), blobtest.NewID()
	if _, err := store.NewUpload(t.Context(), tus.FileInfo{ID: id, Size: 10}); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 4} { // the first part, and one that is made longer
		var both [2]tus.Upload
		for i := range both {
			u, err := store.GetUpload(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			both[i] = u
		}
		if n, err := both[0].WriteChunk(t.Context(), at, strings.NewReader("aaaa")); n != 4 || err != nil {
			t.Fatalf("the first at %d: %d, %v", at, n, err)
		}
		if n, err := both[1].WriteChunk(t.Context(), at, strings.NewReader("bb")); n != 0 || !errors.Is(err, tus.ErrMismatchOffset) {
			t.Errorf("the second at %d: %d, %v", at, n, err)
		}
	}
	if _, err := store.NewUpload(t.Context(), tus.FileInfo{ID: id, Size: 5}); err == nil {
		t.Error("an upload was begun over another")
	}
	r, err := b.Uploads().Range(t.Context(), id, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != "aaaaaaaa" || err != nil {
		t.Errorf("what is here: %q, %v", got, err)
	}
}

// A server that is away loses nothing that was kept, and nobody takes it for empty.
func TestServerIsKilled(t *testing.T) {
	s := blobtest.Serve(t)
	b, id := s.Place(t), blobtest.NewID()
	store := b.Uploads().Tus()
	u, err := store.NewUpload(t.Context(), tus.FileInfo{ID: id, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.WriteChunk(t.Context(), 0, strings.NewReader("0123")); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if n, err := u.WriteChunk(t.Context(), 4, strings.NewReader("456789")); n != 0 || err == nil {
		t.Errorf("written to nobody: %d, %v", n, err)
	}
	if _, err := b.Uploads().Progress(t.Context(), id); err == nil || errors.Is(err, blob.ErrNotFound) {
		t.Errorf("progress while it is away: %v", err)
	}
	if _, err := store.GetUpload(t.Context(), id); err == nil || errors.Is(err, tus.ErrNotFound) {
		t.Errorf("the upload while it is away: %v", err)
	}
	s.Again(t)
	if u, err = store.GetUpload(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if n, err := u.WriteChunk(t.Context(), 4, strings.NewReader("456789")); n != 6 || err != nil {
		t.Errorf("the rest: %d, %v", n, err)
	}
	if left, err := os.ReadDir(s.Options.Scratch); err != nil || len(left) != 0 {
		t.Errorf("in the scratch folder is left %v, %v", left, err)
	}
}

// What is large goes in pieces, and what was begun and never ended is taken away.
func TestLargeBlobs(t *testing.T) {
	s := blobtest.Serve(t)
	b, key := s.Place(t), imageKey(t)
	path := filepath.Join(t.TempDir(), "large")
	const size = 65<<20 + 1
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Adopt(t.Context(), key, path); err != nil {
		t.Fatal(err)
	}
	got, release, err := b.Local(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if read, err := os.ReadFile(got); err != nil || !bytes.Equal(read, content) {
		t.Errorf("%d bytes, %v", len(read), err)
	}
	release()
	if left, err := os.ReadDir(s.Options.Scratch); err != nil || len(left) != 0 {
		t.Errorf("in the scratch folder is left %v, %v", left, err)
	}
}

// Local asks for room before it brings anything, and ends the promise when the copy has the room.
func TestLocalReservesRoom(t *testing.T) {
	s := blobtest.Serve(t)
	full := errors.New("no room")
	var reserved []int64
	given := 0
	s.Options.Reserve = func(folder string, bytes int64) (func(), error) {
		if reserved = append(reserved, bytes); folder != s.Options.Scratch || len(reserved) > 1 {
			return nil, full
		}
		return func() { given++ }, nil
	}
	b, key := s.Place(t), imageKey(t)
	if _, err := b.Put(t.Context(), key, strings.NewReader("test")); err != nil {
		t.Fatal(err)
	}
	_, release, err := b.Local(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if given != 1 {
		t.Errorf("the copy lies there and its room is promised still: given back %d times", given)
	}
	release()
	release()
	if _, _, err := b.Local(t.Context(), key); !errors.Is(err, full) {
		t.Errorf("without room: %v", err)
	}
	if given != 1 || !slices.Equal(reserved, []int64{4, 4}) {
		t.Errorf("reserved %v, given back %d times", reserved, given)
	}
}

// A start says what is wrong, in words, and does not say the secret.
func TestStartSaysWhatFails(t *testing.T) {
	s := blobtest.Serve(t)
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "credentials")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		change func(*bucket.Options)
		want   string
	}{
		"no bucket":      {func(o *bucket.Options) { o.Bucket = "another" }, "there is no such bucket"},
		"no server":      {func(o *bucket.Options) { o.Endpoint = "http://127.0.0.1:1" }, "it does not answer"},
		"wrong secret":   {func(o *bucket.Options) { o.Credentials = file("tests\nguessed\n") }, "credentials are refused"},
		"no file":        {func(o *bucket.Options) { o.Credentials = "/nowhere/credentials" }, "/nowhere/credentials"},
		"half a file":    {func(o *bucket.Options) { o.Credentials = file("hush\n") }, "two lines"},
		"scratch folder": {func(o *bucket.Options) { o.Scratch = "/nowhere" }, "/nowhere"},
	} {
		o := s.Options
		c.change(&o)
		_, err := bucket.Open(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "guessed") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	list, _, err := s.Place(t).List(t.Context(), "probe", "")
	if err != nil || len(list) != 0 {
		t.Errorf("the looks leave %v, %v", list, err)
	}
}

// What a process began in pieces and did not end is ended by the sweep, and not while it may be under way.
func TestBegunPiecesAreEnded(t *testing.T) {
	b := blobtest.Serve(t).Place(t)
	if n := b.BegunPieces(t, true); n != 1 {
		t.Fatalf("%d are begun", n)
	}
	if err := b.DiscardPartial(t.Context(), time.Now().Add(-time.Hour)); err != nil || b.BegunPieces(t, false) != 1 {
		t.Errorf("those of an hour ago: %v, left %d", err, b.BegunPieces(t, false))
	}
	for range 2 {
		if err := b.DiscardPartial(t.Context(), time.Now().Add(time.Hour)); err != nil || b.BegunPieces(t, false) != 0 {
			t.Errorf("all: %v, left %d", err, b.BegunPieces(t, false))
		}
	}
}
