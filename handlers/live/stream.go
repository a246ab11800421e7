package live

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

const (
	// debounce lets the many rows of one step of a cluster be one event, and is too short to be felt.
	debounce = 200 * time.Millisecond
	// writeGrace is how long a browser may take to accept an event before its stream is given up.
	writeGrace = 10 * time.Second
	// lookTime is how long the look at the session may take: a browser that hears nothing for 13 s takes the line for cut.
	lookTime = 4 * time.Second
)

// Stream is one browser's stream of changes.
type Stream struct {
	Changes *Changes
	Person  uuid.UUID // whose streams are counted
	// Look asks anew whose changes the session may follow: at once where the database tells that a right of the person ended,
	// and each Heartbeat. A refusal ends the stream: the session is over. Any other error says nothing of the session: the
	// stream stays, and at the second in a row tells that nothing is followed.
	Look      func(context.Context) (Whose, error)
	Ended     func(error) bool // tells a refusal of Look from an error
	Stopping  context.Context  // ends when the process is asked to stop
	Heartbeat time.Duration
}

// Serve streams, until the session, the browser or this process ends, as server-sent events:
//
//	place   whose changes follow (Whose), at first and whenever the session works elsewhere
//	change  what changed (what), never content, and as its id when, in ms of 1970; without a kind: anything may have
//	away    from now on changes are not heard of, since the database does not answer
//	back    they are again; anything may have changed meanwhile
//	ended   the session is over; the stream ends
//
// and a comment each Heartbeat, by which a browser knows that the line holds.
func (s Stream) Serve(c echo.Context) error {
	whose, err := s.look(c)
	if err != nil {
		return err
	}
	f := &follower{personID: s.Person, whose: whose}
	if err := s.Changes.follow(f); err != nil {
		return err
	}
	defer s.Changes.unfollow(f)

	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	c.Response().WriteHeader(http.StatusOK)
	if err := sendEvent(c, "place", whose); err != nil {
		return nil //nolint:nilerr // the browser went away
	}
	s.run(c, f)
	return nil
}

func (s Stream) look(c echo.Context) (Whose, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), lookTime)
	defer cancel()
	return s.Look(ctx)
}

// run returns when the browser is gone, which comes back by itself, or is to go.
func (s Stream) run(c echo.Context, f *follower) {
	beat := time.NewTicker(s.Heartbeat)
	defer beat.Stop()
	said := false // that the database is away
	unsure := 0   // looks at the session in a row that were not answered
	for {
		var err error
		select {
		case <-c.Request().Context().Done():
			return
		case <-s.Stopping.Done():
			return
		case <-beat.C:
			if unsure, err = s.lookAgain(c, f, unsure); err == nil {
				err = send(c, ": still here\n\n")
			}
		case <-f.rights:
			unsure, err = s.lookAgain(c, f, unsure)
		case <-f.signal:
			if !pause(c.Request().Context(), s.Stopping, debounce) {
				return
			}
		}
		if err == nil {
			said, err = s.tell(c, f, said, unsure)
		}
		if err != nil {
			return
		}
	}
}

// lookAgain follows the session to where it works now. An error ends the stream; unsure is how many looks in a row said
// nothing of whether the session lasts, which a database that does not answer cannot say.
func (s Stream) lookAgain(c echo.Context, f *follower, before int) (unsure int, err error) {
	whose, err := s.look(c)
	switch {
	case err != nil && s.Ended(err):
		_ = sendEvent(c, "ended", struct{}{})
		return 0, err
	case err != nil:
		return before + 1, nil //nolint:nilerr // it says nothing of the session: the stream stays, and tells that it is unsure
	case s.Changes.move(f, whose):
		return 0, sendEvent(c, "place", whose)
	}
	return 0, nil
}

// unsureSaid is how many looks in a row are not answered before the reader is told: one that is late is a busy machine's, and
// costs nothing but that what is pending is told after the next.
const unsureSaid = 2

// tell sends what is pending, or once that nothing is heard of. Nothing is told while it is unsure whether the session lasts.
func (s Stream) tell(c echo.Context, f *follower, said bool, unsure int) (bool, error) {
	away := unsure >= unsureSaid || s.Changes.Away()
	switch {
	case away && said:
		return true, nil
	case away:
		return true, sendEvent(c, "away", struct{}{})
	case unsure > 0:
		return said, nil
	}
	pending, everything := s.Changes.fetch(f)
	if said {
		return false, sendEvent(c, "back", struct{}{})
	}
	if !everything.IsZero() {
		if err := sendChange(c, everything, struct{}{}); err != nil {
			return false, err
		}
	}
	for w, at := range pending {
		// What came before everything is in it; what came after is not: who knows all of before has still to hear of it.
		if !at.After(everything) {
			continue
		}
		if err := sendChange(c, at, w); err != nil {
			return false, err
		}
	}
	return false, nil
}

// sendChange sends what changed, and when it was heard of.
func sendChange(c echo.Context, at time.Time, what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return send(c, fmt.Sprintf("event: change\nid: %d\ndata: %s\n\n", at.UnixMilli(), text))
}

func sendEvent(c echo.Context, event string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return send(c, fmt.Sprintf("event: %s\ndata: %s\n\n", event, text))
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
