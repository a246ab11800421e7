package static_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"volary.dev/static"
)

func TestHandlerServesWhatIsNamed(t *testing.T) {
	handler, err := static.Handler()
	if err != nil {
		t.Fatal(err)
	}
	for address, contentType := range map[string]string{
		static.AppCSS: "text/css; charset=utf-8", static.AppJS: "text/javascript; charset=utf-8",
		static.UploadJS: "text/javascript; charset=utf-8", static.ConsoleJS: "text/javascript; charset=utf-8",
		static.ConsoleCSS: "text/css; charset=utf-8", static.Favicon: "image/svg+xml", static.Licences: "text/plain; charset=utf-8",
	} {
		plain := get(handler, address, "")
		if plain.Code != http.StatusOK || plain.Body.Len() == 0 {
			t.Errorf("%s: status %d with %d bytes", address, plain.Code, plain.Body.Len())
		}
		if got := plain.Header().Get("Content-Type"); got != contentType {
			t.Errorf("%s is served as %q, want %q", address, got, contentType)
		}
		if got := plain.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s may be kept %q, want for ever", address, got)
		}
		zipped := get(handler, address, "br, gzip")
		if got := unzip(t, zipped.Body); !bytes.Equal(got, plain.Body.Bytes()) {
			t.Errorf("%s differs when it is compressed", address)
		}
	}
}

func TestHandlerRefusesTheRest(t *testing.T) {
	handler, err := static.Handler()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"/static/", "/static/app.css", "/static/../static.go", "/static/dist", "/static/app-0000000000.css"} {
		if got := get(handler, address, "").Code; got != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", address, got)
		}
	}
}

func get(h http.Handler, address, encodings string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Accept-Encoding", encodings)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func unzip(t *testing.T, r io.Reader) []byte {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
