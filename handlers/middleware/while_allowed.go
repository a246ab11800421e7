package middleware

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
)

// Rights is how requests that last notice that the right to them has ended.
type Rights struct {
	// Watch gives what tells that a right of the person may have ended, until stop is called. See live.Changes.Watch.
	Watch func(person uuid.UUID) (poke <-chan struct{}, stop func())
	// Use and Look find the session of a token, as those of Session do: what is sent is use, what is taken is none.
	Use, Look func(ctx context.Context, token string) (people.Session, error)
	Every     time.Duration // how soon an end is noticed of which Watch does not tell; 0 takes 5 s
}

const (
	lookEvery = 5 * time.Second
	// mostBlind is how long a request goes on while the database cannot say whether it still may.
	mostBlind = 30 * time.Second
)

// While ends a request that lasts once its session has ended, works elsewhere or has lost the permission. It goes behind Require,
// which looked at the same when it began, and outside of what rolls deadlines.
//
//   - What is taken (GET) is cut off: its reader must not take what came for the whole.
//   - What is sent is not read any further: reading ends with the refusal, and the handler answers. Into an organization that
//     is suspended nothing is brought; what is there may still be asked for and discarded.
func (r Rights) While(p request.Permission, method string) echo.MiddlewareFunc {
	h := held{Rights: r, permission: p, reads: method == http.MethodGet, brings: method == http.MethodPost || method == http.MethodPatch}
	if h.Every == 0 {
		h.Every = lookEvery
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error { return h.serve(c, next) }
	}
}

type held struct {
	Rights
	permission    request.Permission
	reads, brings bool
}

func (h held) serve(c echo.Context, next echo.HandlerFunc) error {
	s, token := request.Session(c), request.Token(c)
	if err := h.still(s, s); err != nil {
		return err
	}
	before, answer := c.Request(), c.Response()
	ctx, cancel := context.WithCancelCause(before.Context())
	w := &heldAnswer{ResponseWriter: answer.Writer, reads: h.reads}
	answer.Writer = w
	r := before.WithContext(ctx)
	r.Body = heldBody{before.Body, ctx}
	c.SetRequest(r)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if err := h.untilEnded(ctx, s, token); err != nil {
			cancel(err)
			w.end(err)
		}
	}()
	err := next(c)
	ended := w.ended()
	cancel(nil)
	<-watched
	answer.Writer = w.ResponseWriter
	c.SetRequest(before)
	if !h.reads {
		return err
	}
	if ended != nil && !w.begun() {
		answer.Committed = false // the handler's answer was held back
		return ended
	}
	if err != nil && answer.Committed {
		// What is sent has no end: without this, net/http would end it as if it were whole.
		w.cut()
	}
	return err
}

// untilEnded gives why the request may not go on, or nil once it has ended by itself.
func (h held) untilEnded(ctx context.Context, began *people.Session, token string) error {
	poke, stop := h.Watch(began.PersonID)
	defer stop()
	tick := time.NewTicker(h.Every)
	defer tick.Stop()
	for known := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-poke:
		}
		now, err := h.look(ctx, token)
		_, refused := refusal.As(err)
		switch {
		case refused:
			return &refusal.Error{
				Code: "signed_out", Title: "Your session has ended.", Next: h.kept() + "Sign in and go on.",
			}
		case err == nil:
			if err := h.still(began, &now); err != nil {
				return err
			}
			known = time.Now()
		case time.Since(known) > mostBlind:
			return &refusal.Error{
				Code: "database_away", Title: "Whether you may go on cannot be looked up now.", Next: h.kept() + "Go on in a minute.",
			}
		}
	}
}

func (h held) look(ctx context.Context, token string) (people.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	if h.brings {
		return h.Use(ctx, token)
	}
	return h.Look(ctx, token)
}

// still refuses where a session may not go on with what it began.
func (h held) still(began, now *people.Session) error {
	may := request.May
	if h.reads {
		may = request.MayRead
	}
	switch {
	case !same(began.OrganizationID, now.OrganizationID) || !same(began.ProviderID, now.ProviderID):
		return &refusal.Error{
			Code: "forbidden", Title: "You work elsewhere now than where this was begun.", Next: h.kept() + "Switch back to go on.",
		}
	case !may(now, h.permission):
		r := request.Refuse(now, h.permission)
		r.Next = h.kept() + r.Next
		return r
	case h.brings && now.Suspended != "":
		return &refusal.Error{
			Code: "suspended", Title: now.OrganizationName + " is suspended: " + now.Suspended,
			Next: "What was sent is kept for a day. Ask the people who run this Volary to lift the suspension, then go on.",
		}
	}
	return nil
}

func (h held) kept() string {
	if h.brings {
		return "What was sent is kept. "
	}
	return ""
}

func same(a, b *uuid.UUID) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// heldBody ends with the reason for which its request may not go on.
type heldBody struct {
	io.ReadCloser
	ctx context.Context
}

// Read implements io.Reader.
func (b heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if why, ended := refusal.As(context.Cause(b.ctx)); ended && !errors.Is(err, io.EOF) {
		return n, why
	}
	return n, err
}

// heldAnswer is what the handler of a request that lasts writes to.
type heldAnswer struct {
	http.ResponseWriter
	reads bool

	mu   sync.Mutex
	sent bool  // the header
	why  error // it ended
}

// Unwrap is for http.ResponseController, for what is not here.
func (w *heldAnswer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *heldAnswer) begun() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}

func (w *heldAnswer) ended() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.why
}

// end stops what waits for the sender or the reader. Where reading is stopped, the connection takes no other request: its
// context is cancelled by that.
func (w *heldAnswer) end(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.why = why
	control, past := http.NewResponseController(w.ResponseWriter), time.Unix(1, 0)
	switch { // a recorder in a test has no deadline; a connection always has
	case w.reads && w.sent:
		_ = control.SetWriteDeadline(past)
	case !w.reads && !w.sent:
		_ = control.SetReadDeadline(past)
	}
}

func (w *heldAnswer) cut() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Unix(1, 0))
}

// WriteHeader implements http.ResponseWriter.
func (w *heldAnswer) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.why != nil && w.reads:
		return // refused instead
	case w.why != nil && !w.sent:
		w.Header().Set("Connection", "close")
	}
	w.sent = true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *heldAnswer) Write(b []byte) (int, error) {
	w.mu.Lock()
	why := w.why
	w.mu.Unlock()
	if why != nil && w.reads {
		return 0, why
	}
	return w.ResponseWriter.Write(b)
}

// SetReadDeadline is found by http.ResponseController. An end is not put off.
func (w *heldAnswer) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.why != nil && !w.reads {
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).SetReadDeadline(t)
}

// SetWriteDeadline is found by http.ResponseController. An end is not put off.
func (w *heldAnswer) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.why != nil && w.reads {
		return w.why
	}
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t)
}
