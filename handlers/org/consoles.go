package org

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	web "volary.dev/web/org"
)

const (
	excerptLimit = 16 << 10 // bytes of the log that the page itself shows
	typedLimit   = 64 << 10 // bytes a browser may send in one message: a paste
	shownLimit   = 256 << 10
)

// ShowConsole shows a node's serial line and the end of what it wrote so far. A host that does not answer takes
// away the log and nothing else of the page.
func (h Handlers) ShowConsole(c echo.Context) error {
	d, n, err := h.clusterNode(c)
	if err != nil {
		return err
	}
	p := web.ConsoleProps{
		Layout: h.layout(c), ClusterID: d.ID, ClusterName: d.Name, NodeID: n.ID, NodeName: n.Name, State: n.State, Host: n.HostName,
		Open: n.State == provisioner.NodeStarting || n.State == provisioner.NodeReady || n.State == provisioner.NodeStopping,
	}
	log, err := h.consoleLog(c, n)
	switch r, ok := provisioner.AsRefusal(err); {
	case ok:
		p.LogRefusal = r
	case err != nil:
		return err
	default:
		p.LogCut = len(log) > excerptLimit
		p.Log = string(log[max(0, len(log)-excerptLimit):])
	}
	return page.Render(c, http.StatusOK, web.Console(p))
}

// ShowConsoleLog gives the whole of the kept log as a file: the bytes are the guest's, and no browser shall take
// them for a page.
func (h Handlers) ShowConsoleLog(c echo.Context) error {
	d, n, err := h.clusterNode(c)
	if err != nil {
		return err
	}
	log, err := h.consoleLog(c, n)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": d.Name + "-" + n.Name + ".log"}))
	return c.Blob(http.StatusOK, "application/octet-stream", log)
}

func (h Handlers) consoleLog(c echo.Context, n store.NodeRow) ([]byte, error) {
	if n.State == provisioner.NodeReserved || n.State == provisioner.NodeGone {
		return nil, nil // there is nothing on a host
	}
	orgID, personID := where(c)
	ticket, err := h.Store.IssueConsoleTicket(c.Request().Context(), orgID, personID, n.ID)
	if err != nil {
		return nil, err
	}
	return h.Worker.ConsoleLog(c.Request().Context(), ticket)
}

// clusterNode finds the path's cluster and node, both of the session's organization.
func (h Handlers) clusterNode(c echo.Context) (store.ClusterDetail, store.NodeRow, error) {
	id, err := request.ID(c, "node", "node")
	if err != nil {
		return store.ClusterDetail{}, store.NodeRow{}, err
	}
	d, err := h.cluster(c)
	if err != nil {
		return d, store.NodeRow{}, err
	}
	for _, n := range d.NodeRows {
		if n.ID == id {
			return d, n, nil
		}
	}
	return d, store.NodeRow{}, provisioner.NotFound("node")
}

// CreateConsoleTicket gives the browser a ticket for one console, good once and for seconds. It is a POST, so that
// no other site's page can make one.
func (h Handlers) CreateConsoleTicket(c echo.Context) error {
	_, node, err := h.clusterNode(c)
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
// this process ends. An upgrade is a GET, which CrossOriginProtection lets pass: ownSocket checks the Origin.
func (h Handlers) ConsoleSocket(c echo.Context) error {
	if _, _, err := h.clusterNode(c); err != nil {
		return err
	}
	// Before the worker is asked: opening a console ends the one that somebody has open.
	if err := h.ownSocket(c.Request()); err != nil {
		return err
	}
	orgID, _ := where(c)
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
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
	// The closing frame goes first: ending ctx would cut the connection under it.
	select {
	case err = <-ended:
	case <-h.Stopping.Done():
		err = errStopping
	}
	end(browser, err)
	return nil
}

// ownSocket refuses what is no WebSocket, or was opened by another site's page.
func (h Handlers) ownSocket(r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return &provisioner.Refusal{Code: "malformed", Title: "This address is for the console's script.", Next: "Open the node's console page."}
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || (origin.Host != h.PublicHost && origin.Host != r.Host) {
		return &provisioner.Refusal{Code: "cross_origin", Title: "The console was asked for by another site's page.", Next: "Open the console page of Volary itself."}
	}
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

var (
	errSessionEnded = errors.New("session ended")
	errStopping     = errors.New("the process stops")
)

// watch pings the browser, so that a dead connection frees the console, and ends it with the session.
func (h Handlers) watch(ctx context.Context, c echo.Context, browser *websocket.Conn, orgID uuid.UUID) error {
	tick := time.NewTicker(h.Heartbeat)
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
	case errors.Is(err, errStopping):
		_ = browser.Close(websocket.StatusGoingAway, "the portal restarts")
	case errors.As(err, &closed) && closed.Code != websocket.StatusNoStatusRcvd:
		_ = browser.Close(closed.Code, closed.Reason)
	default:
		_ = browser.Close(websocket.StatusNormalClosure, "the console ended")
	}
}
