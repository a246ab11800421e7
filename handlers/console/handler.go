package console

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"volary.dev/handlers/handshake"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/machines"
)

// What a WebSocket is closed with beside the codes of RFC 6455, and how much passes.
const (
	StatusTaken = websocket.StatusCode(4001) // somebody else opened the same console

	typedLimit  = 64 << 10 // bytes of one message from a browser: a paste
	hostTimeout = 15 * time.Second
	writeGrace  = 10 * time.Second
)

// Hosts gives the driver of a host until release is called.
type Hosts interface {
	Acquire(ctx context.Context, a provisioner.HostAddress) (d provisioner.Driver, release func(), err error)
}

// Handler answers at the paths named in the package's document.
type Handler struct {
	core     *store.DB
	machines *machines.DB
	hosts    Hosts
	secret   handshake.Secret
	log      *slog.Logger
	look     time.Duration
	mux      *http.ServeMux

	mu   sync.Mutex
	open map[chan struct{}]uuid.UUID // what has an open console look at its right, and whose it is
}

// Options of New. All but Look are needed.
type Options struct {
	DB     *floors.All
	Hosts  Hosts
	Secret handshake.Secret // by which web is known
	Log    *slog.Logger
	Look   time.Duration // how often a right is looked at that no notification tells of; 0 takes 5 s
}

// New makes a Handler.
func New(o Options) *Handler {
	h := &Handler{
		core: o.DB.Core, machines: o.DB.Machines, hosts: o.Hosts, secret: o.Secret, log: o.Log, look: cmp.Or(o.Look, lookAgain),
		mux: http.NewServeMux(), open: map[chan struct{}]uuid.UUID{},
	}
	h.mux.HandleFunc("GET /healthz", h.health)
	h.mux.HandleFunc("GET /readyz", h.ready)
	h.mux.HandleFunc("GET /console", h.console)
	h.mux.HandleFunc("GET /console/log", h.consoleLog)
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) health(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }

func (h *Handler) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := h.core.Ping(ctx); err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ready\n")
}

// redeem turns the request's ticket into an open console, or answers itself.
func (h *Handler) redeem(w http.ResponseWriter, r *http.Request, part machines.ConsolePart) (n machines.OpenConsole, ok bool) {
	if !h.secret.Knows(r, w.Header()) {
		h.log.WarnContext(r.Context(), "console asked for by one who does not know the secret", "address", r.RemoteAddr)
		http.Error(w, "who asks does not know the secret that web and the worker share", http.StatusForbidden)
		return n, false
	}
	q := r.URL.Query()
	ticket := machines.ConsoleTicket{Token: q.Get("ticket"), Part: part}
	// An id that is none is nobody's.
	ticket.Node, _ = uuid.Parse(q.Get("node"))
	ticket.Session, _ = uuid.Parse(q.Get("session"))
	n, err := h.machines.RedeemConsoleTicket(r.Context(), ticket)
	if refusal, ok := refusal.As(err); ok {
		http.Error(w, refusal.Title, http.StatusNotFound)
		return n, false
	}
	if err != nil {
		h.log.ErrorContext(r.Context(), "redeem console ticket", "error", err)
		if store.Away(err) {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return n, false
		}
		http.Error(w, "the ticket could not be read", http.StatusInternalServerError)
		return n, false
	}
	return n, true
}

func (h *Handler) consoleLog(w http.ResponseWriter, r *http.Request) {
	n, ok := h.redeem(w, r, machines.ConsoleLog)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), hostTimeout)
	defer cancel()
	d, release, err := h.hosts.Acquire(ctx, n.Address)
	var texts []provisioner.ConsoleText
	if err == nil {
		texts, err = d.Consoles(ctx, []provisioner.ConsoleQuery{{Node: n.NodeID, Tail: provisioner.ConsoleTail}})
		release()
	}
	if err != nil {
		h.hostFailed(w, r, n, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(texts[0].Tail)
}

func (h *Handler) hostFailed(w http.ResponseWriter, r *http.Request, n machines.OpenConsole, err error) {
	h.log.InfoContext(r.Context(), "console", "node", n.NodeID, "host", n.HostID, "error", provisioner.Cause(err))
	http.Error(w, n.HostName+": "+err.Error(), http.StatusBadGateway)
}

// console attaches before it answers, so that a host's refusal is an ordinary HTTP answer.
func (h *Handler) console(w http.ResponseWriter, r *http.Request) {
	n, ok := h.redeem(w, r, machines.ConsoleLine)
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
		release()
		h.hostFailed(w, r, n, err)
		return
	}
	defer release()
	defer line.Close()
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // Accept has answered with what was wrong
	}
	defer func() { _ = ws.CloseNow() }()
	ws.SetReadLimit(typedLimit)
	// A Read or Write that its context ends cuts the connection under the closing frame: these two know no end but Close.
	passing, cut := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cut()
	shown, typed := make(chan error, 1), make(chan struct{})
	go func() { shown <- show(passing, ws, line) }()
	go func() {
		defer close(typed)
		_ = typeInto(passing, ws, line) // a viewer that went away is no fault
	}()
	code, reason := h.untilEnd(r.Context(), n, shown, typed)
	_ = line.Close() // nothing more is shown or typed, however long the viewer takes to answer the closing frame
	h.log.InfoContext(r.Context(), "console closed", "node", n.NodeID, "reason", reason)
	_ = ws.Close(code, reason)
}

// untilEnd returns when one side or the right to see the console ends, and says how the WebSocket is to be closed.
func (h *Handler) untilEnd(ctx context.Context, n machines.OpenConsole, shown <-chan error, typed <-chan struct{}) (websocket.StatusCode, string) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	unseen := make(chan struct{})
	go func() {
		defer close(unseen)
		h.untilUnseen(watching, n)
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
	case <-unseen:
		return websocket.StatusPolicyViolation, "You may not see this console any more."
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

// typeInto returns when the viewer left. What a line that has ended does not take any more is dropped: show knows why it ended.
func typeInto(ctx context.Context, ws *websocket.Conn, line io.Writer) error {
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		_, _ = line.Write(b)
	}
}
