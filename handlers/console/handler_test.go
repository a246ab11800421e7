package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"volary.dev/handlers/console"
	"volary.dev/handlers/handshake"
	"volary.dev/handlers/loops"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// bench is a node that runs on a simulated host and has booted, and the worker's server.
type bench struct {
	*storetest.World
	node   machines.NodeWork
	host   *memory.Host
	server *httptest.Server
	lines  *console.Handler
	viewer machines.ConsoleViewer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return newBenchThatLooks(t, time.Hour)
}

// newBenchThatLooks has a worker that looks so often at the right to a console of which nobody tells it.
func newBenchThatLooks(t *testing.T, look time.Duration) *bench {
	t.Helper()
	b := &bench{World: storetest.NewWorld(t)}
	hosts := memory.NewWorld(memory.Options{BootTime: 10 * time.Millisecond, StopTime: time.Millisecond})
	cluster := b.Launch(t, "trial-1", 0)
	b.Ready(t, cluster)
	work, err := b.DB.Machines.ClusterForReconcile(t.Context(), cluster)
	noError(t, err)
	b.node = work.Nodes[0]
	b.host = hosts.Host(b.node.Host.Address)
	noError(t, errors.Join(
		b.host.EnsureNetwork(t.Context(), provisioner.Network{VNI: 1, Subnet: netip.MustParsePrefix("10.9.9.0/24")}),
		b.host.EnsureImage(t.Context(), emptyDigest, 0, func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }),
		b.host.EnsureNode(t.Context(), provisioner.NodeSpec{ID: b.node.ID, Name: "head", VNI: 1, ImageDigest: emptyDigest})))
	// A machine that boots takes nothing that is typed.
	waittest.Until(t, "the guest to boot", func() bool {
		c, err := b.host.Consoles(t.Context(), []provisioner.ConsoleQuery{{Node: b.node.ID, Find: []string{"volary: ready"}}})
		noError(t, err)
		return len(c[0].Lines) > 0
	})
	b.viewer = b.Viewer(t, b.Organization)
	b.lines = console.New(console.Options{
		DB: storetest.OpenAs(t, b.Pool, store.RoleWorker), Hosts: loops.NewHosts(hosts.Dial), Secret: secret(t, "a"), Log: slog.New(slog.DiscardHandler), Look: look,
	})
	b.server = httptest.NewServer(b.lines)
	t.Cleanup(b.server.Close)
	return b
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func secret(t *testing.T, of string) handshake.Secret {
	t.Helper()
	s, err := handshake.NewSecret([]byte(strings.Repeat(of, 32)))
	noError(t, err)
	return s
}

// ticket is the query of a new ticket for a part of the node's console.
func (b *bench) ticket(t *testing.T, part machines.ConsolePart) string {
	t.Helper()
	token, err := b.DB.Machines.IssueConsoleTicket(t.Context(), b.Organization, b.viewer, b.node.ID, part)
	noError(t, err)
	return b.query(token)
}

func (b *bench) query(token string) string {
	return url.Values{"ticket": {token}, "node": {b.node.ID.String()}, "session": {b.viewer.Session.String()}}.Encode()
}

func (b *bench) get(t *testing.T, path string) (int, string) {
	t.Helper()
	return b.getAs(t, secret(t, "a"), path)
}

func (b *bench) getAs(t *testing.T, s handshake.Secret, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.server.URL+path, nil)
	noError(t, err)
	s.Ask(req.Header, req.URL.RequestURI())
	r, err := http.DefaultClient.Do(req)
	noError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	noError(t, err)
	return r.StatusCode, string(body)
}

// open opens the console.
func (b *bench) open(t *testing.T) *websocket.Conn {
	t.Helper()
	path, header := "/console?"+b.ticket(t, machines.ConsoleLine), http.Header{}
	secret(t, "a").Ask(header, path)
	ws, _, err := websocket.Dial(t.Context(), b.server.URL+path, &websocket.DialOptions{HTTPHeader: header}) //nolint:bodyclose // there is none after an upgrade
	noError(t, err)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

func expect(t *testing.T, ws *websocket.Conn, text string) {
	t.Helper()
	ctx, done := waittest.Context(t.Context(), t, fmt.Sprintf("%q on the console", text))
	defer done()
	var all []byte
	for !bytes.Contains(all, []byte(text)) {
		_, p, err := ws.Read(ctx)
		if err != nil {
			t.Fatalf("after %q: %v", all, err)
		}
		all = append(all, p...)
	}
}

func wantEnd(t *testing.T, ws *websocket.Conn, code websocket.StatusCode, reason string) {
	t.Helper()
	ctx, done := waittest.Context(t.Context(), t, "the console's end: "+reason)
	defer done()
	for {
		_, _, err := ws.Read(ctx)
		var closed websocket.CloseError
		if errors.As(err, &closed) {
			if closed.Code != code || closed.Reason != reason {
				t.Errorf("closed with %d %q, want %d %q", closed.Code, closed.Reason, code, reason)
			}
			return
		}
		noError(t, err)
	}
}

func TestConsole(t *testing.T) {
	b := newBench(t)
	first := b.open(t)
	noError(t, first.Write(t.Context(), websocket.MessageBinary, []byte("hostname\r")))
	expect(t, first, "hostname\r\nhead\r\n")

	second := b.open(t)
	wantEnd(t, first, console.StatusTaken, "Somebody else opened this console.")
	noError(t, second.Write(t.Context(), websocket.MessageBinary, []byte("echo still here\r")))
	expect(t, second, "\r\nstill here\r\n")
	noError(t, b.host.StopNode(t.Context(), b.node.ID, true))
	wantEnd(t, second, websocket.StatusNormalClosure, "The machine was powered off.")

	// What was written is kept, also by a machine that is off; attaching to it is refused in words.
	if status, body := b.get(t, "/console/log?"+b.ticket(t, machines.ConsoleLog)); status != http.StatusOK || !strings.Contains(body, "still here") {
		t.Errorf("log: %d %q", status, body)
	}
	if status, body := b.get(t, "/console?"+b.ticket(t, machines.ConsoleLine)); status != http.StatusBadGateway || !strings.Contains(body, "not running") {
		t.Errorf("console of a machine that is off: %d %q", status, body)
	}
}

// However busy the machine, the closing frame with the reason comes before the connection's end.
func TestTheReasonComesBeforeTheEnd(t *testing.T) {
	b := newBench(t)
	last := b.open(t)
	for range 40 {
		next := b.open(t)
		wantEnd(t, last, console.StatusTaken, "Somebody else opened this console.")
		last = next
	}
}

func TestTicketsAreForOneUse(t *testing.T) {
	b := newBench(t)
	ticket := b.ticket(t, machines.ConsoleLog)
	if status, _ := b.get(t, "/console/log?"+ticket); status != http.StatusOK {
		t.Errorf("first use: %d", status)
	}
	for _, again := range []string{ticket, "", "ticket=nonsense", b.query(""), b.query(uuid.NewString()), b.ticket(t, machines.ConsoleLine)} {
		if status, _ := b.get(t, "/console/log?"+again); status != http.StatusNotFound {
			t.Errorf("ticket %q: %d", again, status)
		}
	}
	if status, body := b.get(t, "/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("health: %d %q", status, body)
	}
}

func TestSilentHost(t *testing.T) {
	b := newBench(t)
	b.host.SetUnreachable(true)
	if status, body := b.get(t, "/console/log?"+b.ticket(t, machines.ConsoleLog)); status != http.StatusBadGateway || !strings.Contains(body, "host does not answer") {
		t.Errorf("log of a silent host: %d %q", status, body)
	}
}

// What reaches the worker without the secret opens nothing, and uses no ticket up.
func TestStrangersAreRefused(t *testing.T) {
	b := newBench(t)
	path := "/console/log?" + b.ticket(t, machines.ConsoleLog)
	for name, s := range map[string]handshake.Secret{"another secret": secret(t, "b"), "none": {}} {
		if status, body := b.getAs(t, s, path); status != http.StatusForbidden || !strings.Contains(body, "secret") {
			t.Errorf("%s: %d %q", name, status, body)
		}
	}
	if status, _ := b.get(t, path); status != http.StatusOK {
		t.Errorf("the one who knows it, afterwards: %d", status)
	}
}

const unseen = "You may not see this console any more."

// An open console ends with the role that it was opened by: at once where the database tells, and at the next look where
// nothing does.
func TestConsolesEndWithTheirRight(t *testing.T) {
	for name, look := range map[string]time.Duration{"told": time.Hour, "looked at": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			b := newBenchThatLooks(t, look)
			if name == "told" {
				ctx, stop := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				go func() { ended <- b.lines.Run(ctx) }()
				t.Cleanup(func() { stop(); <-ended })
			} else {
				b.Exec(t, `ALTER TABLE memberships DISABLE TRIGGER rights_ended`)
			}
			ws := b.open(t)
			noError(t, ws.Write(t.Context(), websocket.MessageBinary, []byte("echo still here\r")))
			expect(t, ws, "\r\nstill here\r\n")
			b.Exec(t, `UPDATE memberships SET role = 'billing'`)
			wantEnd(t, ws, websocket.StatusPolicyViolation, unseen)
		})
	}
}
