package live

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

const (
	// debounce lets the many rows of one step of a cluster be one event, and is too short to be felt.
	debounce = 200 * time.Millisecond
	// lookAgain is how soon the end of a right to follow is noticed where no notification tells of it.
	lookAgain = 5 * time.Second
	// writeGrace is how long a browser may take to accept an event before its stream is given up.
	writeGrace = 10 * time.Second
)

// Stream is one page's stream of changes.
type Stream struct {
	Changes *Changes
	Whose   Whose
	Kinds   []string // that its query may ask for
	// Lasts asks anew whether the session is good and still may follow: at once where the database tells that a right of the
	// person ended, and every five seconds.
	Lasts     func() bool
	Stopping  context.Context // ends when the process is asked to stop
	Heartbeat time.Duration
}

// Serve streams what changed (kind and id, never content) as server-sent events until the session, the browser or this
// process ends. kind and id in the query narrow it. The session's person is the one whose streams are counted.
func (s Stream) Serve(c echo.Context) error {
	f, err := s.follower(c)
	if err != nil {
		return err
	}
	if err := s.Changes.follow(f); err != nil {
		return err
	}
	defer s.Changes.unfollow(f)

	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	c.Response().WriteHeader(http.StatusOK)
	if err := send(c, "retry: 2000\n\n"); err != nil {
		return nil //nolint:nilerr // the browser went away
	}
	s.run(c, f)
	return nil
}

func (s Stream) follower(c echo.Context) (*follower, error) {
	q := request.ParseQuery(c)
	f := &follower{personID: request.Session(c).PersonID, whose: s.Whose}
	if q.Has("kind") {
		f.kind = q.Choice("kind", "a kind", s.Kinds...)
	}
	if q.Has("id") {
		f.id = q.ID("id", "an id")
	}
	if r := q.Refusal(); r != nil {
		return nil, r
	}
	return f, nil
}

func (s Stream) run(c echo.Context, f *follower) {
	beat := time.NewTicker(s.Heartbeat)
	defer beat.Stop()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for {
		var err error
		select {
		case <-c.Request().Context().Done():
			return
		case <-s.Stopping.Done():
			return
		case <-beat.C:
			err = send(c, ": still here\n\n")
		case <-look.C:
			if !s.Lasts() {
				return
			}
		case <-f.rights:
			if !s.Lasts() {
				return
			}
		case <-f.signal:
			if !pause(c.Request().Context(), s.Stopping, debounce) {
				return
			}
			err = s.sendPending(c, f)
		}
		if err != nil {
			return // the browser went away; it comes back by itself
		}
	}
}

func (s Stream) sendPending(c echo.Context, f *follower) error {
	list, everything := s.Changes.fetch(f)
	if everything {
		return send(c, "event: change\ndata: {}\n\n")
	}
	for _, w := range list {
		data, err := json.Marshal(w)
		if err != nil {
			return err
		}
		if err := send(c, fmt.Sprintf("event: change\ndata: %s\n\n", data)); err != nil {
			return err
		}
	}
	return nil
}

func send(c echo.Context, text string) error {
	control := http.NewResponseController(c.Response().Writer)
	// A recorder in a test has no deadline; a connection always has.
	_ = control.SetWriteDeadline(time.Now().Add(writeGrace))
	if _, err := c.Response().Write([]byte(text)); err != nil {
		return err
	}
	return control.Flush()
}

func pause(a, b context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-a.Done():
		return false
	case <-b.Done():
		return false
	case <-t.C:
		return true
	}
}
