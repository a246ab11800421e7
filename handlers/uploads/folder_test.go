package uploads

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	tus "github.com/tus/tusd/v2/pkg/handler"
)

func TestFullDiskIsSaidInWords(t *testing.T) {
	full := &os.PathError{Op: "write", Path: "/srv/uploads/x", Err: syscall.ENOSPC}
	for name, err := range map[string]error{"while writing": inOurWords(full), "before": enough(1<<62, 1<<40, 0), "announced": enough(1, 1<<40, 1<<62)} {
		var told tus.Error
		if !errors.As(err, &told) || told.HTTPResponse.StatusCode != http.StatusInsufficientStorage || !strings.Contains(told.HTTPResponse.Body, "room") {
			t.Errorf("%s: %v", name, err)
		}
	}
	free, err := freeIn(t.TempDir())
	if err != nil || enough(1, free, 1) != nil {
		t.Errorf("one byte of %d: %v", free, err)
	}
}

func TestPathsStayWithUs(t *testing.T) {
	err := inOurWords(&os.PathError{Op: "open", Path: "/srv/uploads/x", Err: syscall.EIO})
	if !errors.Is(err, syscall.EIO) || strings.Contains(err.Error(), "/srv") {
		t.Errorf("err = %v", err)
	}
	if err := inOurWords(tus.ErrNotFound); !errors.Is(err, tus.ErrNotFound) {
		t.Errorf("tusd's own error became %v", err)
	}
	if inOurWords(nil) != nil {
		t.Error("no error became one")
	}
}
