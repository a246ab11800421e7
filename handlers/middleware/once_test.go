package middleware

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// sentAgain sends a form that another request does in the moment between the first look and next's answer.
func sentAgain(t *testing.T, next echo.HandlerFunc) (*httptest.ResponseRecorder, error) {
	t.Helper()
	form := url.Values{"name": {"x"}, request.SlipID: {uuid.NewString()}}
	r := httptest.NewRequest(http.MethodPost, "/org/models", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	c := echo.New().NewContext(r, w)
	s := &people.Session{PersonID: uuid.New()}
	request.SetSession(c, s, "token")
	f, err := request.ParseForm(c)
	if err != nil {
		t.Fatal(err)
	}
	first, err := f.Slip(c, s)
	if err != nil {
		t.Fatal(err)
	}
	looks, to, said := 0, "/org/models/1", "Made."
	once := Taken{
		Sent: func(context.Context, uuid.UUID, uuid.UUID) (store.Sent, bool, error) {
			if looks++; looks == 1 {
				return store.Sent{}, false, nil
			}
			sent := store.Sent{Route: first.Route, Digest: first.Digest, At: time.Now()}
			if looks > 2 { // its answer comes a moment later
				sent.Location, sent.Notice = &to, &said
			}
			return sent, true, nil
		},
		Note: func(context.Context, *store.Slip, string, string) error { return errors.New("nothing was done") },
		Done: func(c echo.Context, href, notice string) error {
			c.Response().Header().Set("Notice", notice)
			return c.Redirect(http.StatusSeeOther, href)
		},
		Above: func(echo.Context) string { return "/above" }, Log: slog.New(slog.DiscardHandler),
	}
	return w, once.Once(next)(c)
}

// Whatever the second is refused for that the first did meanwhile, it is answered as the first.
func TestTheSecondIsAnsweredAsTheFirst(t *testing.T) {
	for name, next := range map[string]echo.HandlerFunc{
		"its transaction": func(echo.Context) error { return store.ErrTaken },
		"a look before it": func(echo.Context) error {
			return &refusal.Error{Code: "published", Title: "It is published already."}
		},
		"a page of its own": func(c echo.Context) error {
			c.SetCookie(&http.Cookie{Name: "of", Value: "the-refusal"}) //nolint:gosec // no cookie of ours
			return c.HTML(http.StatusUnprocessableEntity, "The name is taken.")
		},
	} {
		w, err := sentAgain(t, next)
		if notice := w.Header().Get("Notice"); err != nil || w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/org/models/1" ||
			!strings.HasPrefix(notice, "This was done already, at ") || !strings.HasSuffix(notice, "Made.") || w.Header().Get("Set-Cookie") != "" || w.Body.Len() > 0 {
			t.Errorf("%s: %d %v %q, %v", name, w.Code, w.Header(), w.Body, err)
		}
	}
}

// What panics while a form's answer is kept back is answered all the same: nobody takes an empty page for done.
func TestAPanicUnderASlipIsAnswered(t *testing.T) {
	for name, before := range map[string]func(echo.Context) error{
		"before its answer": func(echo.Context) error { return nil },
		"after its answer":  func(c echo.Context) error { return c.HTML(http.StatusOK, "half a page") },
	} {
		panics := func(c echo.Context) error {
			if err := before(c); err != nil {
				return err
			}
			panic("at the disco")
		}
		e := echo.New()
		e.Use(Recover)
		e.POST("/org/models", func(c echo.Context) error {
			request.SetSession(c, &people.Session{PersonID: uuid.New()}, "token")
			none := func(context.Context, uuid.UUID, uuid.UUID) (store.Sent, bool, error) { return store.Sent{}, false, nil }
			return Taken{Sent: none, Log: slog.New(slog.DiscardHandler)}.Once(panics)(c)
		})
		r := httptest.NewRequest(http.MethodPost, "/org/models", strings.NewReader(url.Values{request.SlipID: {uuid.NewString()}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "half") {
			t.Errorf("%s: %d %q", name, w.Code, w.Body)
		}
	}
}
