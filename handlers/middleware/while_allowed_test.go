package middleware

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/people"
)

// serveHeld serves a handler to a signed-in person, whose session ends with over; nothing tells of that but the look.
func serveHeld(t *testing.T, over *atomic.Bool, handler echo.HandlerFunc) *http.Response {
	t.Helper()
	s := people.Session{PersonID: uuid.New()}
	look := func(context.Context, string) (people.Session, error) {
		if over.Load() {
			return people.Session{}, refusal.NotFound("session")
		}
		return s, nil
	}
	rights := Rights{
		Watch: func(uuid.UUID) (<-chan struct{}, func()) { return nil, func() {} }, Use: look, Look: look, Every: 5 * time.Millisecond,
	}
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !c.Response().Committed {
			_ = c.String(http.StatusUnauthorized, err.Error())
		}
	}
	signedIn := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			request.SetSession(c, &s, "token")
			return next(c)
		}
	}
	e.GET("/", handler, signedIn, rights.While(request.SignedIn, http.MethodGet), Rolling(time.Minute))
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	ctx, done := waittest.Context(t.Context(), t, "an export")
	t.Cleanup(done)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// An export whose reader's session ends is cut off: what came of it does not look whole.
func TestExportEndsWithTheRight(t *testing.T) {
	var over atomic.Bool
	res := serveHeld(t, &over, func(c echo.Context) error {
		for {
			if _, err := c.Response().Write(make([]byte, 1<<10)); err != nil {
				return err
			}
		}
	})
	if _, err := io.ReadFull(res.Body, make([]byte, 1<<10)); err != nil {
		t.Fatal(err)
	}
	over.Store(true)
	if _, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Error("what was cut off looks whole")
	}
}

// One that has sent nothing yet is refused in words, whether its handler heeds its context or not.
func TestExportThatHasNotBegunIsRefused(t *testing.T) {
	for name, handler := range map[string]echo.HandlerFunc{
		"heeds": func(c echo.Context) error {
			<-c.Request().Context().Done()
			return c.Request().Context().Err()
		},
		"writes": func(c echo.Context) error {
			<-c.Request().Context().Done()
			return c.Stream(http.StatusOK, "text/csv", io.LimitReader(zeros{}, 1<<10))
		},
	} {
		var over atomic.Bool
		over.Store(true)
		if res := serveHeld(t, &over, handler); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
}

// An error in the middle of an export cuts it off, too.
func TestBrokenExportDoesNotLookWhole(t *testing.T) {
	var over atomic.Bool
	res := serveHeld(t, &over, func(c echo.Context) error {
		_, _ = c.Response().Write([]byte("{}\n"))
		c.Response().Flush()
		return errors.New("the database went away")
	})
	if text, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%q looks whole", text)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
