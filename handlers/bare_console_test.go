package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
)

// withoutUpgrade is a proxy as an operator has it first: it passes everything but the headers that are between two machines alone.
func withoutUpgrade(t *testing.T, a *handlertest.App) string {
	t.Helper()
	to, err := url.Parse(a.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Header.Del("Upgrade")
		r.Out.Header.Set("Connection", "close")
	}}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

// TestAConsoleBehindAProxyWithoutUpgradeSaysWhatIsMissing opens a console through such a proxy, and asks why it did not open as
// the page does.
func TestAConsoleBehindAProxyWithoutUpgradeSaysWhatIsMissing(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	cluster, head := a.Launch(w, "first", 1)
	b, other := a.SignIn(handlertest.Member), a.SignIn(handlertest.Owner)
	console := "/org/clusters/" + cluster.String() + "/nodes/" + head.String() + "/console"
	socket := console + ticket(t, b, console)
	script := http.Header{"Accept": {"text/plain"}, "Sec-Fetch-Mode": {"cors"}}
	if got := b.Do(http.MethodGet, socket, nil, script); got.Status != http.StatusBadRequest {
		t.Errorf("before any socket: %d %s", got.Status, got.Body)
	}
	ctx, done := waittest.Context(context.Background(), t, "the proxy's answer")
	defer done()
	proxy := strings.Replace(withoutUpgrade(t, a), "http", "ws", 1)
	conn, res, err := websocket.Dial(ctx, proxy+socket, &websocket.DialOptions{HTTPClient: b.Client(), HTTPHeader: http.Header{"Origin": {a.URL}}})
	if err == nil {
		_ = conn.CloseNow()
		t.Fatal("a console opened without the headers")
	}
	if res == nil || res.StatusCode != http.StatusUpgradeRequired {
		t.Fatalf("the socket is answered %+v, %v", res, err)
	}
	got := b.Do(http.MethodGet, socket, nil, script)
	says(t, "why", got, http.StatusUpgradeRequired, "takes away the headers Upgrade and Connection", "proxy_set_header Upgrade $http_upgrade;",
		`proxy_set_header Connection "upgrade";`, ".readme/operate.md")
	if got := other.Do(http.MethodGet, socket, nil, script); got.Status != http.StatusBadRequest {
		t.Errorf("somebody else is told %d %s", got.Status, got.Body)
	}
	if _, err := a.Pool.Exec(t.Context(), `UPDATE nodes SET state = 'starting' WHERE id = $1`, head); err != nil {
		t.Fatal(err)
	}
	says(t, "the page", b.Get(console), http.StatusOK, "data-no-upgrade hidden", "proxy_set_header Upgrade $http_upgrade;")
}
