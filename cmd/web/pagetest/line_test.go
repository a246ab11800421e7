package pagetest

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"volary.dev/cmd/internal/setup"
	"volary.dev/handlers/handlertest"
)

// portal is a whole one behind the server of cmd/web, with the deadlines of the real one.
func portal(t *testing.T, o handlertest.Options) (*handlertest.App, *handlertest.World) {
	t.Helper()
	o.Serve = func(ctx context.Context, l net.Listener, portal http.Handler) {
		if err := setup.ServeListener(ctx, slog.New(slog.DiscardHandler), l, portal, setup.ServerTimes); err != nil {
			t.Error(err)
		}
	}
	app := handlertest.Start(t, o)
	return app, app.World()
}

// line is what lies between browsers and the portal, and what befalls it.
type line struct {
	URL   string
	proxy *httputil.ReverseProxy
	mu    sync.Mutex
	bad   func(w http.ResponseWriter, r *http.Request) bool // answers in the portal's place, or gives false
}

func newLine(t *testing.T, app *handlertest.App) *line {
	t.Helper()
	to, err := url.Parse(app.URL)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{proxy: &httputil.ReverseProxy{
		FlushInterval: -1, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	server := httptest.NewUnstartedServer(l)
	server.Config.ErrorLog = l.proxy.ErrorLog
	server.Start()
	l.URL = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return l
}

// befalls says what happens to requests below /uploads/ from now on; nil: nothing.
func (l *line) befalls(bad func(w http.ResponseWriter, r *http.Request) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bad = bad
}

func (l *line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	bad := l.bad
	l.mu.Unlock()
	if bad != nil && strings.HasPrefix(r.URL.Path, "/uploads/") && bad(w, r) {
		return
	}
	l.proxy.ServeHTTP(w, r)
}

// cut passes the first n bytes of a request's body on, and then nothing more in either direction.
func (l *line) cut(w http.ResponseWriter, r *http.Request, n int64) {
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(r.Body, n), broken{}), r.Body}
	l.proxy.ServeHTTP(w, r)
	panic(http.ErrAbortHandler)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// gateway answers as one whose portal is not there.
func gateway(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html><head><title>"+http.StatusText(status)+"</title></head><body>gateway</body></html>")
}

// stuckAfter lets the first, small piece of an upload pass and so many others, and answers all that come then for a gateway.
func stuckAfter(patches int) func(w http.ResponseWriter, r *http.Request) bool {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != http.MethodPatch || r.ContentLength <= mib {
			return false
		}
		if patches--; patches >= 0 {
			return false
		}
		gateway(w, http.StatusServiceUnavailable)
		return true
	}
}
