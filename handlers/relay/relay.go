package relay

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
)

const (
	typedLimit = 64 << 10 // bytes a browser may send in one message: a paste
	shownLimit = 256 << 10
	// writeGrace is how long a browser may take to accept what is sent before its console is given up.
	writeGrace = 10 * time.Second
)

// Relay serves consoles to browsers.
type Relay struct {
	Worker   Worker
	Stopping context.Context // ends when the process is asked to stop
	// Heartbeat keeps proxies from cutting a quiet console.
	Heartbeat time.Duration
	Bare      *Bare
	// PublicHost is the host (and port) of the portal's address, for the Origin check.
	PublicHost string
}

// Serve joins the browser's WebSocket with the worker's, byte for byte, by the ticket in the query, which has to be one for
// the node and the session of the request, until either side or this process ends. The right to see the console is the
// worker's to look at. An upgrade is a GET, which CrossOriginProtection lets pass: ownSocket checks the Origin.
func (r Relay) Serve(c echo.Context, node uuid.UUID) error {
	// Before the worker is asked: opening a console ends the one that somebody has open.
	if err := r.Bare.refuse(c.Request(), request.Session(c).ID); err != nil {
		return err
	}
	if err := r.ownSocket(c.Request()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	worker, err := r.Worker.DialConsole(ctx, Ticket{Token: c.QueryParam("ticket"), Node: node, Session: request.Session(c).ID})
	if err != nil {
		return err
	}
	defer func() { _ = worker.CloseNow() }()
	worker.SetReadLimit(shownLimit)
	browser, err := websocket.Accept(c.Response(), c.Request(), &websocket.AcceptOptions{OriginPatterns: []string{r.PublicHost}})
	if err != nil {
		return nil //nolint:nilerr // Accept has answered with what was wrong
	}
	defer func() { _ = browser.CloseNow() }()
	browser.SetReadLimit(typedLimit)

	ended := make(chan error, 3)
	go func() { ended <- pipe(ctx, browser, worker) }()
	go func() { ended <- pipe(ctx, worker, browser) }()
	go func() { ended <- r.watch(ctx, browser) }()
	// The closing frame goes first: ending ctx would cut the connection under it.
	select {
	case err = <-ended:
	case <-r.Stopping.Done():
		err = errStopping
	}
	end(browser, err)
	return nil
}

// ownSocket refuses what was opened by another site's page.
func (r Relay) ownSocket(q *http.Request) error {
	origin, err := url.Parse(q.Header.Get("Origin"))
	if err != nil || (origin.Host != r.PublicHost && origin.Host != q.Host) {
		return &refusal.Error{Code: "cross_origin", Title: "The console was asked for by another site's page.", Next: "Open the console page of Volary itself."}
	}
	return nil
}

// pipe passes messages until from ends, and says how. Where to ends first, from is read on and what it sends is dropped: how
// to ended is for the one who reads from it to say, for only it has read the closing frame.
func pipe(ctx context.Context, to, from *websocket.Conn) error {
	takes := true
	for {
		kind, b, err := from.Read(ctx)
		if err != nil {
			return err
		}
		if !takes {
			continue
		}
		wctx, cancel := context.WithTimeout(ctx, writeGrace)
		if err = to.Write(wctx, kind, b); err != nil {
			takes = false
			_ = to.CloseNow() // its reader ends now, if it has not
		}
		cancel()
	}
}

var errStopping = errors.New("the process stops")

// watch pings the browser, so that a dead connection frees the console.
func (r Relay) watch(ctx context.Context, browser *websocket.Conn) error {
	tick := time.NewTicker(r.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
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
	case errors.Is(err, errStopping):
		_ = browser.Close(websocket.StatusGoingAway, "the portal restarts")
	case errors.As(err, &closed) && closed.Code != websocket.StatusNoStatusRcvd:
		_ = browser.Close(closed.Code, closed.Reason)
	default:
		_ = browser.Close(websocket.StatusNormalClosure, "the console ended")
	}
}
