package handlertest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers"
	"volary.dev/handlers/handshake"
	"volary.dev/handlers/live"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/storetest"
)

// App is a portal that answers at URL over a database of its own. Portal and worker have the rights of their roles there
// and no others.
type App struct {
	URL     string
	Store   *floors.All   // of the test itself, with the rights of both
	Pool    *pgxpool.Pool // for what no store call makes: rows of a broken or finished state
	Changes *live.Changes
	Hosts   *memory.World // with Options.Worker
	// Stop asks the portal to stop, as a signal does its process.
	Stop    context.CancelFunc
	uploads string // the folder of blobs
	blobs   blob.Place
	t       testing.TB
	web     *floors.All
	echo    *echo.Echo
	portal  atomic.Pointer[http.Handler]
	options handlers.Options
}

// Options of Start. The zero value is good.
type Options struct {
	Worker    bool // runs one over simulated hosts, and its consoles; otherwise nobody answers there
	Throttled bool // what people send is counted as it is in the open, by a clock that stands still
	Log       *slog.Logger
	// Serve answers at the listener until ctx ends; nil takes a server of the test's, which knows no deadlines.
	Serve      func(ctx context.Context, l net.Listener, portal http.Handler)
	UploadPace time.Duration // see handlers.Options
	Blobs      blob.Place    // nil: a folder, see App.Uploads
}

// Start serves a portal until the test ends.
func Start(t testing.TB, o Options) *App {
	t.Helper()
	pool := storetest.Pool(t)
	a := &App{Store: storetest.Open(t, pool), Pool: pool, Changes: handlers.NewChanges(), t: t}
	server := httptest.NewUnstartedServer(nil)
	a.URL = "http://" + server.Listener.Addr().String()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	workerURL := "http://127.0.0.1:1"
	if o.Worker {
		workerURL = a.startWorker(o.Log)
	}
	stopping, stop := context.WithCancel(context.Background())
	a.Stop, a.uploads = stop, t.TempDir()
	if a.blobs = o.Blobs; a.blobs == nil {
		var err error
		if a.blobs, err = blob.OpenDirectory(a.uploads); err != nil {
			t.Fatal(err)
		}
	}
	a.web = storetest.OpenAs(t, pool, store.RoleWeb)
	a.options = handlers.Options{
		Store: a.web, Log: o.Log, Changes: a.Changes, PublicURL: a.URL, WorkerURL: workerURL, WorkerSecret: Secret(t),
		Stopping: stopping, UploadsChecked: true, UploadsFetched: true, Uploads: a.blobs.Uploads(), Images: a.blobs, UploadLocks: handlers.NewUploadLocks(a.web, o.Log), Unthrottled: !o.Throttled,
		Heartbeat: 200 * time.Millisecond, UploadPace: o.UploadPace,
	}
	if started := time.Now(); o.Throttled {
		a.options.Clock = func() time.Time { return started }
	}
	a.Restart()
	portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*a.portal.Load()).ServeHTTP(w, r) })
	server.Config.Handler = portal
	if o.Serve != nil {
		ended := make(chan struct{})
		go func() { defer close(ended); o.Serve(stopping, server.Listener, portal) }()
		t.Cleanup(func() { stop(); <-ended })
		return a
	}
	server.Start()
	t.Cleanup(func() {
		stop() // event streams end by it, and Close waits for them
		server.Close()
	})
	return a
}

// Beside is another web process over the same database and store, which lives as long as the test.
func (a *App) Beside() *App {
	a.t.Helper()
	b := &App{Store: a.Store, Pool: a.Pool, Changes: handlers.NewChanges(), Stop: a.Stop, uploads: a.uploads, blobs: a.blobs, t: a.t, options: a.options}
	b.web = storetest.OpenAs(a.t, a.Pool, store.RoleWeb)
	server := httptest.NewUnstartedServer(nil)
	b.URL = "http://" + server.Listener.Addr().String()
	b.options.Store, b.options.Changes, b.options.PublicURL = b.web, b.Changes, b.URL
	b.options.UploadLocks = handlers.NewUploadLocks(b.web, b.options.Log)
	b.Restart()
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*b.portal.Load()).ServeHTTP(w, r) })
	server.Start()
	a.t.Cleanup(func() { a.Stop(); server.Close() })
	b.Listen()
	return b
}

// Restart puts another portal in the place of the one that answers, over the same database and folder, as where the process was
// started anew: what one kept in memory is gone.
func (a *App) Restart() {
	a.t.Helper()
	portal, err := handlers.New(a.options)
	if err != nil {
		a.t.Fatal(err)
	}
	a.portal.Store(&portal)
	a.echo = portal.(*echo.Echo)
}

// Uploads is the folder in which uploads lie.
func (a *App) Uploads() string { return filepath.Join(a.uploads, "uploads") }

// Received is how many bytes of an unfinished upload have come, without the question that would end who sends them.
func (a *App) Received(id string) int64 {
	p, err := a.blobs.Uploads().Progress(context.Background(), id)
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		a.t.Error(err)
	}
	return p.Received
}

// Secret is what the portals and workers of tests know each other by.
func Secret(t testing.TB) handshake.Secret {
	t.Helper()
	s, err := handshake.NewSecret([]byte("a secret that every test may know"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Listen feeds the portal's event streams from the database, as cmd/web does.
func (a *App) Listen() {
	ctx, cancel := context.WithCancel(context.Background())
	var both sync.WaitGroup
	both.Go(func() { _ = a.web.Core.Listen(ctx, a.Changes.Publish, a.Changes.Lost) })
	both.Go(func() { _ = a.web.Core.ListenRights(ctx, a.Changes.RightsEnded) })
	both.Go(func() { _ = a.web.Core.ListenUploads(ctx, a.options.UploadLocks.Heard) })
	a.t.Cleanup(func() { cancel(); both.Wait() })
}

// Browser is one person's client: it keeps cookies and follows no redirect by itself.
type Browser struct {
	app    *App
	client *http.Client
}

// Browser opens a browser in which nobody is signed in.
func (a *App) Browser() *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return &Browser{app: a, client: &http.Client{
		Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// SignIn opens a browser in which a person of the world is signed in.
func (a *App) SignIn(email string) *Browser {
	a.t.Helper()
	b := a.Browser()
	res := b.Post("/sign-in", url.Values{"email": {email}, "password": {Password}})
	if res.Status != http.StatusSeeOther {
		a.t.Fatalf("sign in as %s: %d %s", email, res.Status, res.Body)
	}
	return b
}

// Answer is a response with its body read.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Get asks for a page.
func (b *Browser) Get(path string) Answer {
	b.app.t.Helper()
	return b.Do(http.MethodGet, path, nil, nil)
}

// Fragment asks for a page's part as htmx does.
func (b *Browser) Fragment(path, target string) Answer {
	b.app.t.Helper()
	return b.Do(http.MethodGet, path, nil, http.Header{"HX-Request": {"true"}, "HX-Target": {target}})
}

// Post sends a form from a page of the portal's own.
func (b *Browser) Post(path string, form url.Values) Answer {
	b.app.t.Helper()
	return b.Do(http.MethodPost, path, form, nil)
}

// Do sends a request with the headers of a browser on the same site, unless header says otherwise.
func (b *Browser) Do(method, path string, form url.Values, header http.Header) Answer {
	b.app.t.Helper()
	ctx, done := waittest.Context(context.Background(), b.app.t, method+" "+path)
	defer done()
	req := b.request(ctx, method, path, form)
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.app.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.app.t.Fatalf("%s %s: read: %v", method, path, err)
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: string(text)}
}

func (b *Browser) request(ctx context.Context, method, path string, form url.Values) *http.Request {
	b.app.t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, b.app.URL+path, body)
	if err != nil {
		b.app.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req
}

// Status sends a form, or asks for a page, and tells the status and where it leads. The body is not read: streams
// have no end.
func (b *Browser) Status(method, path string, form url.Values) (status int, location string) {
	b.app.t.Helper()
	ctx, done := waittest.Context(context.Background(), b.app.t, method+" "+path)
	defer done()
	res, err := b.client.Do(b.request(ctx, method, path, form))
	if err != nil {
		b.app.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	return res.StatusCode, res.Header.Get("Location")
}

// Routes are all of the portal's, as "METHOD /pattern".
func (a *App) Routes() []string {
	var list []string
	for _, r := range a.echo.Routes() {
		list = append(list, r.Method+" "+r.Path)
	}
	return list
}

// Client is the browser's own, for streams that the methods above would read to their end.
func (b *Browser) Client() *http.Client { return b.client }
