package console_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"volary.dev/handlers/console"
	"volary.dev/handlers/jobs"
	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// bench is a node that runs on a simulated host, and the worker's server.
type bench struct {
	*storetest.World
	node   machines.NodeWork
	host   *memory.Host
	server *httptest.Server
}

func newBench(t *testing.T) *bench {
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
	b.server = httptest.NewServer(console.New(b.DB, jobs.NewHosts(hosts.Dial), slog.New(slog.DiscardHandler)))
	t.Cleanup(b.server.Close)
	return b
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) ticket(t *testing.T) string {
	t.Helper()
	token, err := b.DB.Machines.IssueConsoleTicket(t.Context(), b.Organization, b.Person, b.node.ID)
	noError(t, err)
	return token
}

func (b *bench) get(t *testing.T, path string) (int, string) {
	t.Helper()
	r, err := http.Get(b.server.URL + path)
	noError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	noError(t, err)
	return r.StatusCode, string(body)
}

// open opens the console and reads until the shell's prompt stands there.
func (b *bench) open(t *testing.T) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), b.server.URL+"/console?ticket="+b.ticket(t), nil) //nolint:bodyclose // there is none after an upgrade
	noError(t, err)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

func expect(t *testing.T, ws *websocket.Conn, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
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
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
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
	noError(t, first.Write(t.Context(), websocket.MessageBinary, []byte("\r")))
	for deadline := time.Now().Add(10 * time.Second); ; {
		log, err := b.host.ConsoleLog(t.Context(), b.node.ID, 1<<16)
		noError(t, err)
		if strings.Contains(string(log), "volary: ready") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the guest does not boot")
		}
		<-time.After(time.Millisecond)
	}
	noError(t, first.Write(t.Context(), websocket.MessageBinary, []byte("hostname\r")))
	expect(t, first, "hostname\r\nhead\r\n")

	second := b.open(t)
	wantEnd(t, first, console.StatusTaken, "Somebody else opened this console.")
	noError(t, second.Write(t.Context(), websocket.MessageBinary, []byte("echo still here\r")))
	expect(t, second, "\r\nstill here\r\n")
	noError(t, b.host.StopNode(t.Context(), b.node.ID, true))
	wantEnd(t, second, websocket.StatusNormalClosure, "The machine was powered off.")

	// What was written is kept, also by a machine that is off; attaching to it is refused in words.
	if status, body := b.get(t, "/console/log?ticket="+b.ticket(t)); status != http.StatusOK || !strings.Contains(body, "still here") {
		t.Errorf("log: %d %q", status, body)
	}
	if status, body := b.get(t, "/console?ticket="+b.ticket(t)); status != http.StatusBadGateway || !strings.Contains(body, "not running") {
		t.Errorf("console of a machine that is off: %d %q", status, body)
	}
}

func TestTicketsAreForOneUse(t *testing.T) {
	b := newBench(t)
	ticket := b.ticket(t)
	if status, _ := b.get(t, "/console/log?ticket="+ticket); status != http.StatusOK {
		t.Errorf("first use: %d", status)
	}
	for _, again := range []string{ticket, "", "nonsense", uuid.NewString()} {
		if status, _ := b.get(t, "/console/log?ticket="+again); status != http.StatusNotFound {
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
	if status, body := b.get(t, "/console/log?ticket="+b.ticket(t)); status != http.StatusBadGateway || !strings.Contains(body, "host does not answer") {
		t.Errorf("log of a silent host: %d %q", status, body)
	}
}
