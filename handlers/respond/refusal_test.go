package respond

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"volary.dev/provisioner/refusal"
)

func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		says   string
	}{
		{"someone else's", refusal.NotFound("cluster"), http.StatusNotFound, "no such cluster"},
		{"a form", refusal.Invalid(map[string]string{"name": "Fill in a name."}), http.StatusUnprocessableEntity, "another look"},
		{"a wrapped refusal", fmt.Errorf("launch: %w", refusal.NotFound("pool")), http.StatusNotFound, "no such pool"},
		{"a stale form", &refusal.Error{Code: "stale_form", Title: "Changed meanwhile."}, http.StatusConflict, "Changed meanwhile"},
		{"a code without a row", &refusal.Error{Code: "capacity", Title: "No room."}, http.StatusUnprocessableEntity, "No room"},
		{"no route", echo.ErrNotFound, http.StatusNotFound, "no such page"},
		{"a wrong method", echo.ErrMethodNotAllowed, http.StatusMethodNotAllowed, "kind of request"},
		{"a large body", &http.MaxBytesError{Limit: 1 << 20}, http.StatusRequestEntityTooLarge, "1024 KiB"},
		{"the client left", fmt.Errorf("read: %w", context.Canceled), statusGone, "went away"},
		{"ours", errors.New("pq: password is hunter2"), http.StatusInternalServerError, "on our side"},
	} {
		r, status := Refusal(c.err, "the-id")
		if status != c.status || !strings.Contains(r.Title, c.says) || strings.Contains(r.Title+r.Next, "hunter2") {
			t.Errorf("%s: %d %q", c.name, status, r.Title)
		}
	}
	if r, _ := Refusal(errors.New("x"), "the-id"); !strings.Contains(r.Next, "the-id") {
		t.Errorf("the request's id is missing: %q", r.Next)
	}
}
