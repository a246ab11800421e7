package org

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

const (
	// debounce lets the many rows of one step of a cluster be one event, and is too short to be felt.
	debounce = 200 * time.Millisecond
	// writeGrace is how long a browser may take to accept an event before its stream is given up.
	writeGrace = 10 * time.Second
)

// ShowEvents streams what changed (kind and id, never content) as server-sent events until the session, the
// browser or this process ends. kind and id in the query narrow it.
func (h Handlers) ShowEvents(c echo.Context) error {
	f, err := followed(c)
	if err != nil {
		return err
	}
	if err := h.Changes.follow(f); err != nil {
		return err
	}
	defer h.Changes.unfollow(f)

	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	c.Response().WriteHeader(http.StatusOK)
	if err := send(c, "retry: 2000\n\n"); err != nil {
		return nil //nolint:nilerr // the browser went away
	}
	h.stream(c, f)
	return nil
}

func followed(c echo.Context) (*follower, error) {
	orgID, personID := where(c)
	q := request.ParseQuery(c)
	f := &follower{personID: personID, orgID: orgID}
	if q.Has("kind") {
		f.kind = q.Choice("kind", "a kind", "cluster", "image", "test")
	}
	if q.Has("id") {
		f.id = q.ID("id", "an id")
	}
	if r := q.Refusal(); r != nil {
		return nil, r
	}
	return f, nil
}

func (h Handlers) stream(c echo.Context, f *follower) {
	beat := time.NewTicker(h.Heartbeat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-c.Request().Context().Done():
			return
		case <-h.Stopping.Done():
			return
		case <-beat.C:
			if !h.sessionLasts(c, f.orgID) {
				return
			}
			err = send(c, ": still here\n\n")
		case <-f.signal:
			if !pause(c.Request().Context(), h.Stopping, debounce) {
				return
			}
			err = h.sendPending(c, f)
		}
		if err != nil {
			return // the browser went away; it comes back by itself
		}
	}
}

// sessionLasts asks anew whether the session is good and still works for the organization.
func (h Handlers) sessionLasts(c echo.Context, orgID uuid.UUID) bool {
	s, err := h.Store.SessionByToken(c.Request().Context(), request.Token(c))
	return err == nil && s.OrganizationID != nil && *s.OrganizationID == orgID && request.May(&s, request.OrgRead)
}

func (h Handlers) sendPending(c echo.Context, f *follower) error {
	list, everything := h.Changes.fetch(f)
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
