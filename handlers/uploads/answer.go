package uploads

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond"
	"volary.dev/provisioner/refusal"
)

// uploadAnswer is what the tus handler writes to. Two things are seen to here, which otherwise end requests that have
// nothing to do with the upload:
//
//   - echo's own response may not be given to it: echo uses that again for another request, while the tus handler
//     sets deadlines from goroutines that outlive theirs;
//   - where a second request takes an upload over, the tus handler ends the first one by a read deadline that has
//     passed. That cancels the context of net/http's whole connection, and every later request on it. Such a
//     connection is closed with its answer.
//
// Errors of the tus handler's own are told in words of ours (tusd_errors.go). It is also where a sender who dawdles is cut off: a deadline that the tus handler puts off with every byte goes no
// further than pace after the last paceBytes.
type uploadAnswer struct {
	http.ResponseWriter

	mu     sync.Mutex
	pace   time.Duration
	due    time.Time // when the next paceBytes have to be here
	came   int       // of them
	status int       // 0 as long as nothing was answered
	ended  bool      // the handler has returned
	broken bool      // the connection's context is cancelled, or will be
	untold bool      // an error of the tus handler's own waits for its text, to be told in words of ours
}

func (a *uploadAnswer) WriteHeader(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = status
	if a.broken {
		a.Header().Set("Connection", "close")
	}
	if a.foreign(status) {
		a.untold = true
		return
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *uploadAnswer) Write(text []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.untold {
		a.translate(text)
		return len(text), nil
	}
	return a.ResponseWriter.Write(text)
}

// SetReadDeadline is found by http.ResponseController. Once the answer is given there is nothing left to end.
func (a *uploadAnswer) SetReadDeadline(t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	past := !t.After(time.Now())
	if a.ended || past && a.status != 0 {
		return nil
	}
	a.broken = a.broken || past
	if t.After(a.due) {
		t = a.due
	}
	return http.NewResponseController(a.ResponseWriter).SetReadDeadline(t)
}

// SetWriteDeadline is found by http.ResponseController.
func (a *uploadAnswer) SetWriteDeadline(t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).SetWriteDeadline(t)
}

// paced is the request's body, of which paceBytes have to come in every pace.
func (a *uploadAnswer) paced(body io.ReadCloser, pace time.Duration) io.ReadCloser {
	a.pace, a.due = pace, time.Now().Add(pace)
	return pacedBody{body, a}
}

type pacedBody struct {
	io.ReadCloser
	answer *uploadAnswer
}

// Read implements io.Reader.
func (b pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.answer.arrived(n)
	if r, ended := refusal.As(err); ended {
		return n, told(r, respond.Status(r.Code)) // the right to send ended, see middleware.Rights
	}
	return n, err
}

func (a *uploadAnswer) arrived(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.came += n; a.came >= paceBytes {
		a.came, a.due = 0, time.Now().Add(a.pace)
	}
}

// end tells echo, whose log has a line for each request, what was answered.
func (a *uploadAnswer) end(r *echo.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.untold {
		a.translate(nil)
	}
	a.ended = true
	r.Status, r.Committed = a.status, true
	if a.status == 0 {
		r.Status = http.StatusOK
	}
}
