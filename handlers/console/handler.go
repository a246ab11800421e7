package console

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
)

// What a WebSocket is closed with beside the codes of RFC 6455, and how much passes.
const (
	StatusTaken = websocket.StatusCode(4001) // somebody else opened the same console

	logLimit    = 1 << 20  // bytes of a log
	typedLimit  = 64 << 10 // bytes of one message from a browser: a paste
	hostTimeout = 15 * time.Second
	writeGrace  = 10 * time.Second
)

// Hosts gives the driver of a host until release is called with what came of its use.
type Hosts interface {
	Acquire(ctx context.Context, a provisioner.HostAddress) (d provisioner.Driver, release func(error), err error)
}

// Handler answers at the paths named in the package's document.
type Handler struct {
	core     *store.DB
	machines *machines.DB
	hosts    Hosts
	log      *slog.Logger
	mux      *http.ServeMux
}

// New makes a Handler.
func New(db *floors.All, hosts Hosts, log *slog.Logger) *Handler {
	h := &Handler{core: db.Core, machines: db.Machines, hosts: hosts, log: log, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET /healthz", h.health)
	h.mux.HandleFunc("GET /console", h.console)
	h.mux.HandleFunc("GET /console/log", h.consoleLog)
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if err := h.core.Ping(ctx); err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// redeem turns the request's ticket into a node, or answers itself.
func (h *Handler) redeem(w http.ResponseWriter, r *http.Request) (machines.NodeHost, bool) {
	n, err := h.machines.RedeemConsoleTicket(r.Context(), r.URL.Query().Get("ticket"))
	if refusal, ok := provisioner.AsRefusal(err); ok {
		http.Error(w, refusal.Title, http.StatusNotFound)
		return n, false
	}
	if err != nil {
		h.log.ErrorContext(r.Context(), "redeem console ticket", "error", err)
		http.Error(w, "the ticket could not be read", http.StatusInternalServerError)
		return n, false
	}
	return n, true
}

func (h *Handler) consoleLog(w http.ResponseWriter, r *http.Request) {
	n, ok := h.redeem(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), hostTimeout)
	defer cancel()
	d, release, err := h.hosts.Acquire(ctx, n.Address)
	var log []byte
	if err == nil {
		log, err = d.ConsoleLog(ctx, n.NodeID, logLimit)
		release(err)
	}
	if errors.Is(err, provisioner.ErrNoSuchNode) {
		err = nil // a node that was not made yet has written nothing
	}
	if err != nil {
		h.hostFailed(w, r, n, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(log)
}

func (h *Handler) hostFailed(w http.ResponseWriter, r *http.Request, n machines.NodeHost, err error) {
	h.log.InfoContext(r.Context(), "console", "node", n.NodeID, "host", n.HostID, "error", err)
	http.Error(w, n.HostName+": "+err.Error(), http.StatusBadGateway)
}

// console attaches before it answers, so that a host's refusal is an ordinary HTTP answer.
func (h *Handler) console(w http.ResponseWriter, r *http.Request) {
	n, ok := h.redeem(w, r)
	if !ok {
		return
	}
	// Only attaching is bounded: the console lasts as long as its viewer.
	attach, cancel := context.WithCancel(r.Context())
	defer cancel()
	late := time.AfterFunc(hostTimeout, cancel)
	d, release, err := h.hosts.Acquire(attach, n.Address)
	if err != nil {
		h.hostFailed(w, r, n, err)
		return
	}
	line, err := d.Console(attach, n.NodeID)
	late.Stop()
	if err != nil {
		release(err)
		h.hostFailed(w, r, n, err)
		return
	}
	defer release(nil)
	defer line.Close()
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered with what was wrong
	}
	defer func() { _ = ws.CloseNow() }()
	ws.SetReadLimit(typedLimit)
	code, reason := join(r.Context(), ws, line)
	h.log.InfoContext(r.Context(), "console closed", "node", n.NodeID, "reason", reason)
	_ = ws.Close(code, reason)
}

// join passes bytes both ways until one side ends, and says how the WebSocket is to be closed.
func join(ctx context.Context, ws *websocket.Conn, line io.ReadWriteCloser) (websocket.StatusCode, string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A Read of the console does not know ctx: closing the line is what ends it.
	defer context.AfterFunc(ctx, func() { _ = line.Close() })()
	shown := make(chan error, 1)
	typed := make(chan struct{})
	go func() { shown <- show(ctx, ws, line) }()
	go func() {
		defer close(typed)
		_ = typeInto(ctx, ws, line) // a viewer that went away is no fault
	}()
	select {
	case err := <-shown:
		switch {
		case errors.Is(err, provisioner.ErrConsoleTaken):
			return StatusTaken, "Somebody else opened this console."
		case errors.Is(err, io.EOF):
			return websocket.StatusNormalClosure, "The machine was powered off."
		default:
			return websocket.StatusInternalError, "The host let go of the console."
		}
	case <-typed:
		return websocket.StatusNormalClosure, "The viewer left."
	case <-ctx.Done():
		return websocket.StatusGoingAway, "The worker restarts."
	}
}

func show(ctx context.Context, ws *websocket.Conn, line io.Reader) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := line.Read(buf)
		if n > 0 {
			wctx, cancel := context.WithTimeout(ctx, writeGrace)
			werr := ws.Write(wctx, websocket.MessageBinary, buf[:n])
			cancel()
			if werr != nil {
				return werr
			}
		}
		if err != nil {
			return err
		}
	}
}

func typeInto(ctx context.Context, ws *websocket.Conn, line io.Writer) error {
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		if _, err := line.Write(b); err != nil {
			return err
		}
	}
}
