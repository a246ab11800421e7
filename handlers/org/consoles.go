package org

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
)

const (
	typedLimit   = 64 << 10 // bytes a browser may send in one message: a paste
	shownLimit   = 256 << 10
	pingInterval = 20 * time.Second
)

// CreateConsoleTicket gives the browser a ticket for one console, good once and for seconds. It is a POST, so that
// no other site's page can make one.
func (h Handlers) CreateConsoleTicket(c echo.Context) error {
	node, err := h.node(c)
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	ticket, err := h.Store.IssueConsoleTicket(c.Request().Context(), orgID, personID, node.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"ticket": ticket})
}

// ConsoleSocket joins the browser's WebSocket with the worker's, byte for byte, until either side, the session or
// this process ends. An upgrade is a GET, which CrossOriginProtection lets pass: the Origin is checked here.
func (h Handlers) ConsoleSocket(c echo.Context) error {
	if _, err := h.node(c); err != nil {
		return err
	}
	orgID, _ := where(c)
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	defer context.AfterFunc(h.Stopping, cancel)()

	worker, err := h.Worker.DialConsole(ctx, c.QueryParam("ticket"))
	if err != nil {
		return err
	}
	defer func() { _ = worker.CloseNow() }()
	worker.SetReadLimit(shownLimit)
	browser, err := websocket.Accept(c.Response(), c.Request(), &websocket.AcceptOptions{OriginPatterns: []string{h.PublicHost}})
	if err != nil {
		return nil //nolint:nilerr // Accept has answered with what was wrong
	}
	defer func() { _ = browser.CloseNow() }()
	browser.SetReadLimit(typedLimit)

	ended := make(chan error, 3)
	go func() { ended <- pipe(ctx, browser, worker) }()
	go func() { ended <- pipe(ctx, worker, browser) }()
	go func() { ended <- h.watch(ctx, c, browser, orgID) }()
	end(browser, <-ended)
	return nil
}

func pipe(ctx context.Context, to, from *websocket.Conn) error {
	for {
		kind, b, err := from.Read(ctx)
		if err != nil {
			return err
		}
		wctx, cancel := context.WithTimeout(ctx, writeGrace)
		err = to.Write(wctx, kind, b)
		cancel()
		if err != nil {
			return err
		}
	}
}

var errSessionEnded = errors.New("session ended")

// watch pings the browser, so that a dead connection frees the console, and ends it with the session.
func (h Handlers) watch(ctx context.Context, c echo.Context, browser *websocket.Conn, orgID uuid.UUID) error {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if !h.sessionLasts(c, orgID) {
			return errSessionEnded
		}
		pctx, cancel := context.WithTimeout(ctx, writeGrace)
		err := browser.Ping(pctx)
		cancel()
		if err != nil {
			return err
		}
	}
}

// end tells the browser why; what the worker said of the console's end is passed on.
func end(browser *websocket.Conn, err error) {
	var closed websocket.CloseError
	switch {
	case errors.Is(err, errSessionEnded):
		_ = browser.Close(websocket.StatusPolicyViolation, "your session ended")
	case errors.Is(err, context.Canceled):
		_ = browser.Close(websocket.StatusGoingAway, "the portal restarts")
	case errors.As(err, &closed) && closed.Code != websocket.StatusNoStatusRcvd:
		_ = browser.Close(closed.Code, closed.Reason)
	default:
		_ = browser.Close(websocket.StatusNormalClosure, "the console ended")
	}
}

// nodeID is the path's node.
func nodeID(c echo.Context) (uuid.UUID, error) { return request.ID(c, "node", "node") }
