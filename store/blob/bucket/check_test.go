package bucket_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
	"volary.dev/store/blob/bucket"
)

// behind is a server that answers some requests by itself, and the rest by s.
func behind(t *testing.T, s *blobtest.Server, itself func(w http.ResponseWriter, r *http.Request) bool) bucket.Options {
	t.Helper()
	to, err := url.Parse(s.Options.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !itself(w, r) {
			pass.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	o := s.Options
	o.Endpoint = front.URL
	return o
}

const nobodysETag = "00000000000000000000000000000000"

// What a server does not do of If-None-Match and If-Match is said at the start; what it only cannot for now is no judgement.
func TestStartTriesConditions(t *testing.T) {
	s := blobtest.Serve(t)
	for name, c := range map[string]struct {
		status int
		when   func(r *http.Request) bool
		want   string
		away   bool
	}{
		"writes over what was to be new": {200, nil, "was to be new (If-None-Match)", false},
		"writes over another":            {200, func(r *http.Request) bool { return strings.Contains(r.Header.Get("If-Match"), nobodysETag) }, "another than the one to be replaced (If-Match)", false},
		"replaces nothing": {412, func(r *http.Request) bool {
			return r.Header.Get("If-Match") != "" && !strings.Contains(r.Header.Get("If-Match"), nobodysETag)
		}, "does not replace the object that was named (If-Match)", false},
		"does not know If-Match":    {501, func(r *http.Request) bool { return r.Header.Get("If-Match") != "" }, "does not know this", false},
		"is busy":                   {503, func(r *http.Request) bool { return r.Header.Get("If-Match") != "" }, "cannot be tried: it does not answer but with status 503", true},
		"is busy from the start on": {500, func(*http.Request) bool { return true }, "it does not answer but with status 500", true},
	} {
		t.Run(name, func(t *testing.T) {
			news := 0
			o := behind(t, s, func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case name == "writes over what was to be new":
					if r.Method != http.MethodPut || r.Header.Get("If-None-Match") == "" {
						return false
					}
					if news++; news == 1 {
						return false
					}
				case !c.when(r):
					return false
				}
				w.Header().Set("ETag", `"of-nothing"`)
				w.WriteHeader(c.status)
				return true
			})
			_, err := bucket.Open(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, blob.ErrAway) != c.away {
				t.Errorf("%v, want %q, and for one that is away: %v", err, c.want, c.away)
			}
		})
	}
	if _, err := bucket.Open(t.Context(), behind(t, s, func(http.ResponseWriter, *http.Request) bool { return false })); err != nil {
		t.Errorf("one that does it all: %v", err)
	}
}

// A page of keys that are not ours is not the end of the list.
func TestListGoesOnAfterForeignKeys(t *testing.T) {
	s := blobtest.Serve(t)
	b, key := s.Place(t), imageKey(t)
	if _, err := b.Put(t.Context(), key, strings.NewReader("test")); err != nil {
		t.Fatal(err)
	}
	page := `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>volary</Name>` +
		`<IsTruncated>true</IsTruncated><KeyCount>1</KeyCount><Contents><Key>images/.keep</Key><Size>1</Size></Contents></ListBucketResult>`
	o := behind(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("list-type") == "2" && r.URL.Query().Get("prefix") == "images/" && r.URL.Query().Get("start-after") == "" {
			_, _ = w.Write([]byte(page))
			return true
		}
		return false
	})
	list, more, err := open(t, o).List(t.Context(), "images", "")
	if err != nil || more || len(list) != 1 || list[0].Key != key {
		t.Errorf("listed %v, more %v, %v", list, more, err)
	}
}

// What was begun is ended on every page of it.
func TestEveryPageOfBegunPiecesIsEnded(t *testing.T) {
	b := blobtest.Serve(t).Place(t)
	for n := range 5 {
		if got := b.BegunPieces(t, true); got != n+1 {
			t.Fatalf("%d are begun, not %d", got, n+1)
		}
	}
	if err := b.DiscardPartialBy(t, time.Now().Add(time.Hour), 2); err != nil || b.BegunPieces(t, false) != 0 {
		t.Errorf("%v, left %d", err, b.BegunPieces(t, false))
	}
}

// What an upload has in parts goes in few requests, from a server that knows such a request; one that does not is asked for each part.
func TestManyPartsAreDiscarded(t *testing.T) {
	s := blobtest.Serve(t)
	for name, known := range map[string]bool{"knows many at once": true, "does not": false} {
		t.Run(name, func(t *testing.T) {
			const parts = 12
			var deletes atomic.Int32
			b := open(t, behind(t, s, func(w http.ResponseWriter, r *http.Request) bool {
				many := r.Method == http.MethodPost && r.URL.Query().Has("delete")
				if many || r.Method == http.MethodDelete && !strings.Contains(r.URL.Path, "probe/") {
					deletes.Add(1)
				}
				if many && !known {
					w.WriteHeader(http.StatusNotImplemented)
					return true
				}
				return false
			}))
			id := blobtest.NewID()
			u, err := b.Uploads().Tus().NewUpload(t.Context(), tus.FileInfo{ID: id, Size: 100})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := u.WriteChunk(t.Context(), 0, strings.NewReader("0123")); err != nil {
				t.Fatal(err)
			}
			for n := range parts - 1 {
				if _, err := s.Place(t).Put(t.Context(), fmt.Sprintf("%s.p%05d", blob.UploadKey(id), n+1), strings.NewReader("x")); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Uploads().Discard(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if list, _, err := b.List(t.Context(), "uploads", ""); err != nil || len(list) != 0 {
				t.Errorf("left: %v, %v", list, err)
			}
			if n := deletes.Load(); known && n != 2 || !known && n < parts+1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}
