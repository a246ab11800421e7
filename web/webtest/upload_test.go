package webtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"
	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"

	"volary.dev/web/org"
)

const mib = 1 << 20

// uploads is a tus server that cuts connections on demand.
type uploads struct {
	tus *handler.Handler
	dir string
	// made counts new uploads, cuts is how many PATCH requests are still to be cut after so many bytes.
	made, cuts atomic.Int32
	after      int64
}

func newUploads(t *testing.T) *uploads {
	t.Helper()
	u := &uploads{dir: t.TempDir(), after: mib}
	composer := handler.NewStoreComposer()
	filestore.New(u.dir).UseIn(composer)
	memorylocker.New().UseIn(composer)
	var err error
	u.tus, err = handler.NewHandler(handler.Config{
		BasePath: "/uploads/", StoreComposer: composer, DisableDownload: true,
		PreFinishResponseCallback: func(handler.HookEvent) (handler.HTTPResponse, error) {
			return handler.HTTPResponse{Header: handler.HTTPHeader{"Volary-Image": "the-image"}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (u *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		u.made.Add(1)
	}
	cut := r.Method == http.MethodPatch && u.cuts.Add(-1) >= 0
	if cut {
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(r.Body, u.after), r.Body}
	}
	http.StripPrefix("/uploads/", u.tus).ServeHTTP(w, r)
	if cut {
		panic(http.ErrAbortHandler)
	}
}

// page is the page of a new image with the uploads that were begun, as the portal lists them: a browser that was killed
// may have forgotten its own.
func (u *uploads) page() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := org.ImageNewProps{MayUpload: true, Layout: orgLayout(), Endpoint: "/uploads/", MaxBytes: 64 * gib}
		begun, _ := filepath.Glob(filepath.Join(u.dir, "*.info"))
		for _, info := range begun {
			id := strings.TrimSuffix(filepath.Base(info), ".info")
			p.Uploads = append(p.Uploads, org.UploadRow{ID: id, Filename: "small.qcow2", Size: 5 * mib, Created: now(), Person: "Ada Brandt"})
		}
		templ.Handler(org.ImageNew(p)).ServeHTTP(w, r)
	})
}

func imageFile(t *testing.T, size int) (path string, content []byte) {
	t.Helper()
	content = bytes.Repeat([]byte("volary 0123456789abcdef\n"), size/24+1)[:size]
	path = filepath.Join(t.TempDir(), "small.qcow2")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// TestUploadGoesOn cuts an upload twice: once the page goes on by itself, once it was loaded anew in between.
func TestUploadGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	ctx := browser(t)
	complaints := listen(t, ctx)
	for name, reload := range map[string]bool{"by itself": false, "after a reload": true} {
		t.Run(name, func(t *testing.T) {
			u := newUploads(t)
			server := galleryServer(t, route{"/uploads/", u}, route{"GET /image-new", u.page()},
				route{"GET /org/images/the-image", http.HandlerFunc(arrived)},
				// A tab that is killed may end the upload with its last breath; the next one then only learns that it ended.
				route{"GET /org/images", http.HandlerFunc(arrived)})
			path, content := imageFile(t, 5*mib)
			tab, shut := tabOf(t, ctx)
			u.cuts.Store(2)
			if reload {
				u.cuts.Store(1000)
				u.after = 16 << 10 // what arrives by itself takes longer than the test looks
			}
			choose := chromedp.Steps(chromedp.Navigate(server.URL+"/image-new"), chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path}))
			if err := do(t, tab, choose); err != nil {
				t.Fatal(err)
			}
			if reload {
				saidOf(t, tab, "Trying again")
				shut()
				u.cuts.Store(0)
				tab, _ = tabOf(t, ctx)
				if err := do(t, tab, choose); err != nil {
					t.Fatal(err)
				}
			}
			if err := do(t, tab, chromedp.WaitVisible(chromedp.CSS("#arrived"))); err != nil {
				t.Fatalf("the upload does not end: %v; the page logs %q", err, complaints())
			}
			if n := u.made.Load(); n != 1 {
				t.Errorf("%d uploads were begun, one was wanted", n)
			}
			u.holds(t, content)
		})
	}
}

// tabOf opens a tab of the same profile; shut closes it as a person would kill it.
func tabOf(t *testing.T, ctx context.Context) (tab context.Context, shut func()) {
	t.Helper()
	tab, shut = chromedp.NewContext(ctx)
	t.Cleanup(shut)
	// The tab lives as long as the context it was opened with: not one of a single step.
	if err := chromedp.Do(tab); err != nil {
		t.Fatal(err)
	}
	return tab, shut
}

func arrived(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, `<!DOCTYPE html><title>t</title><h1 id="arrived">arrived</h1>`)
}

// saidOf waits until the upload's status says a text.
func saidOf(t *testing.T, ctx context.Context, text string) {
	t.Helper()
	script := fmt.Sprintf(`document.querySelector("[data-status]")?.textContent.includes(%q)`, text)
	if _, err := ask(t, ctx, chromedp.Poll[bool](script)); err != nil {
		t.Fatalf("the page does not say %q: %v", text, err)
	}
}

// holds compares what arrived with what was sent.
func (u *uploads) holds(t *testing.T, content []byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(u.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".info") {
			continue
		}
		got, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, content) {
			t.Errorf("%d bytes arrived that differ from the %d that were sent", len(got), len(content))
		}
		return
	}
	t.Error("nothing arrived")
}
