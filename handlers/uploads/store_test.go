package uploads

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/store/blob"
)

func TestFullDiskIsSaidInWords(t *testing.T) {
	full := fmt.Errorf("%w: %w", blob.ErrFull, &os.PathError{Op: "write", Path: "/srv/uploads/x", Err: syscall.ENOSPC})
	u := &Handler{log: slog.New(slog.DiscardHandler)}
	for name, err := range map[string]error{
		"while writing": u.inOurWords(t.Context(), full),
		"before":        u.refusal(t.Context(), enough(1<<62, 1<<40, 0)), "announced": u.refusal(t.Context(), enough(1, 1<<40, 1<<62)),
	} {
		var told tus.Error
		if !errors.As(err, &told) || told.HTTPResponse.StatusCode != http.StatusInsufficientStorage || !strings.Contains(told.HTTPResponse.Body, "room") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := enough(1, 2, 1); err != nil {
		t.Errorf("one byte of two: %v", err)
	}
}

func TestPathsStayWithUs(t *testing.T) {
	var log strings.Builder
	u := &Handler{log: slog.New(slog.NewTextHandler(&log, nil))}
	err := u.inOurWords(t.Context(), &os.PathError{Op: "open", Path: "/srv/uploads/x", Err: syscall.EIO})
	var told tus.Error
	if !errors.As(err, &told) || told.HTTPResponse.StatusCode != http.StatusInternalServerError || strings.Contains(err.Error()+told.HTTPResponse.Body, "/srv") {
		t.Errorf("err = %v", err)
	}
	if !strings.Contains(log.String(), "/srv/uploads/x") {
		t.Errorf("the log does not say what failed: %s", log.String())
	}
	if err := u.inOurWords(t.Context(), tus.ErrNotFound); !errors.Is(err, tus.ErrNotFound) {
		t.Errorf("tusd's own error became %v", err)
	}
	if u.inOurWords(t.Context(), nil) != nil {
		t.Error("no error became one")
	}
}
