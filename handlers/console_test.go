package handlers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
)

// untilState asks the store until a cluster is in a state: rows change beside the test.
func untilState(t *testing.T, a *handlertest.App, w *handlertest.World, id uuid.UUID, want provisioner.ClusterState) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		d, err := a.Store.Machines.Cluster(t.Context(), w.Organization, id)
		if err != nil {
			t.Fatal(err)
		}
		if d.State == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the cluster is %s (%s), wanted %s", d.State, d.ReasonDetail, want)
		}
	}
}

// dial opens a console's WebSocket as a browser's script does.
func dial(ctx context.Context, a *handlertest.App, b *handlertest.Browser, path, origin string) (*websocket.Conn, int, error) {
	header := http.Header{"Origin": {origin}}
	conn, res, err := websocket.Dial(ctx, strings.Replace(a.URL, "http", "ws", 1)+path, &websocket.DialOptions{HTTPClient: b.Client(), HTTPHeader: header})
	status := 0
	if res != nil {
		status = res.StatusCode
	}
	return conn, status, err
}

func ticket(t *testing.T, b *handlertest.Browser, console string) string {
	t.Helper()
	got := b.Post(console+"/ticket", nil)
	var answer struct{ Ticket string }
	if err := json.Unmarshal([]byte(got.Body), &answer); err != nil || answer.Ticket == "" {
		t.Fatalf("ticket: %d %s", got.Status, got.Body)
	}
	return "/ws?ticket=" + url.QueryEscape(answer.Ticket)
}

func TestConsoleIsTypedIntoThroughThePortal(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Worker: true})
	w := a.World()
	cluster, head := a.Launch(w, "first", 1)
	untilState(t, a, w, cluster, provisioner.ClusterReady)
	b := a.SignIn(handlertest.Member)
	console := "/org/clusters/" + cluster.String() + "/nodes/" + head.String() + "/console"

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	good := ticket(t, b, console)
	conn, _, err := dial(ctx, a, b, console+good, a.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	if err := conn.Write(ctx, websocket.MessageBinary, []byte("hostname\r")); err != nil {
		t.Fatal(err)
	}
	var shown strings.Builder
	for !strings.Contains(shown.String(), "\nhead\r\n") {
		_, text, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("after %q: %v", shown.String(), err)
		}
		shown.Write(text)
	}
	if _, _, err := dial(ctx, a, b, console+good, a.URL); err == nil {
		t.Error("a ticket was good twice")
	}
	if _, status, err := dial(ctx, a, b, console+ticket(t, b, console), "https://evil.example"); err == nil || status != http.StatusForbidden {
		t.Errorf("another site's page: %d %v", status, err)
	}
	if _, status, err := dial(ctx, a, a.Browser(), console+ticket(t, b, console), a.URL); err == nil || status == http.StatusSwitchingProtocols {
		t.Errorf("signed out: %d %v", status, err)
	}
	page := b.Get(console)
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "volary: ready") {
		t.Errorf("the page lacks the log: %d", page.Status)
	}
	log := b.Get(console + ".log")
	if log.Header.Get("Content-Disposition") != "attachment; filename=first-head.log" || !strings.Contains(log.Body, "volary: ready") {
		t.Errorf("the log: %q %d", log.Header.Get("Content-Disposition"), log.Status)
	}
	a.Stop()
	for {
		if _, _, err = conn.Read(ctx); err != nil {
			break
		}
	}
	if websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("closed with %v", err)
	}
}
