package uploads

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/handlers/respond"
)

// TestTusdErrorsInOurWords gives each error that the tus handler may answer by itself, as it writes it.
func TestTusdErrorsInOurWords(t *testing.T) {
	for _, e := range []tus.Error{
		tus.ErrUnsupportedVersion, tus.ErrMaxSizeExceeded, tus.ErrInvalidContentType, tus.ErrInvalidUploadLength, tus.ErrInvalidOffset, tus.ErrNotFound,
		tus.ErrFileLocked, tus.ErrLockTimeout, tus.ErrMismatchOffset, tus.ErrSizeExceeded, tus.ErrUploadInterrupted, tus.ErrUploadStoppedByServer,
		tus.ErrServerShutdown, tus.ErrUnexpectedEOF, tus.ErrReadTimeout, tus.ErrConnectionReset, tus.ErrNotImplemented,
		tus.NewError("ERR_INTERNAL_SERVER_ERROR", "open /var/lib/secret: no", http.StatusInternalServerError),
	} {
		w := httptest.NewRecorder()
		a := &uploadAnswer{ResponseWriter: w}
		a.WriteHeader(e.HTTPResponse.StatusCode)
		if _, err := a.Write([]byte(e.HTTPResponse.Body)); err != nil {
			t.Fatal(err)
		}
		text := w.Body.String()
		if w.Code != e.HTTPResponse.StatusCode || w.Header().Get(respond.RefusalHeader) == "" || w.Header().Get("Content-Length") != strconv.Itoa(len(text)) {
			t.Errorf("%s: %d %v", e.ErrorCode, w.Code, w.Header())
		}
		if strings.Contains(text, "ERR_") || strings.Contains(text, "secret") || strings.Count(text, ". ") == 0 {
			t.Errorf("%s is told as %q", e.ErrorCode, text)
		}
		if _, known := tusdErrors[e.ErrorCode]; !known && e.ErrorCode != "ERR_NOT_IMPLEMENTED" && e.ErrorCode != "ERR_INTERNAL_SERVER_ERROR" {
			t.Errorf("%s has no words of its own", e.ErrorCode)
		}
	}
}
