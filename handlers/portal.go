package handlers

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/account"
	"volary.dev/handlers/handshake"
	"volary.dev/handlers/live"
	"volary.dev/handlers/middleware"
	"volary.dev/handlers/org"
	"volary.dev/handlers/platform"
	"volary.dev/handlers/provider"
	"volary.dev/handlers/public"
	"volary.dev/handlers/relay"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/uploads"
	"volary.dev/static"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
)

// Options of New. All but the Throttle and Demo fields are needed.
type Options struct {
	Store          *floors.All
	Log            *slog.Logger
	Changes        *live.Changes
	PublicURL      string // as a browser sees us, without a slash at its end
	WorkerURL      string
	WorkerSecret   handshake.Secret // shared with the worker
	TrustedProxies []netip.Prefix
	// Stopping ends when the process is asked to stop: streams end then, before the server waits for requests.
	Stopping  context.Context
	Demo      bool
	Simulated bool
	// SimulatedFolder is where simulated hosts look for their codes; empty: not known here.
	SimulatedFolder string
	// PlainHosts lets staff add hosts by tcp and unix: one machine, and the lab.
	PlainHosts     bool
	UploadsChecked bool
	UploadsFetched bool // the worker fetches files from addresses
	// Uploads is where they are written.
	Uploads blob.Uploads
	// Images are read from there for bundles.
	Images org.Blobs
	// UploadLocks are those that the process hears of (NewUploadLocks); nil: what another one asks for is found by a look.
	UploadLocks *UploadLocks
	// UploadPace is the time in which an upload's sender has to send 64 KiB; 0 takes 60 s.
	UploadPace time.Duration
	// Heartbeat of event streams and consoles; 0 takes 5 s.
	Heartbeat time.Duration
	// Unthrottled is for tests that sign in often.
	Unthrottled bool
	// Clock is what throttles count by; nil takes time.Now.
	Clock func() time.Time
}

const (
	formBytes   = 1 << 20          // a document of 256 KiB, escaped, and room
	workTime    = 25 * time.Second // of an ordinary handler: below the server's time for reading, which would end it without a word
	exportPace  = 30 * time.Second // to take 64 KiB of an export
	signInsEach = 6 * time.Second  // and bursts of 20: a whole laboratory may sit behind one address
	signInBurst = 20
	consoleEach = 2 * time.Second
	openBurst   = 20
	// Nobody types as fast: what a person does is written into a log that keeps it for ever.
	formsEach = 500 * time.Millisecond
	formBurst = 200
	heartbeat = 5 * time.Second
)

// How much runs at once, of all people and of one. Of the pool's 10 connections (setup.Pool) pages always find some: forms wait in the
// database for one another, and costly pages read much.
func exports() middleware.AtOnce {
	return middleware.AtOnce{All: 2, Each: 1, Waiting: 32, Patience: 10 * time.Second}
}

// bundles are gigabytes, and hold no connection to the database: they have places of their own, so that no account waits behind them.
func bundles() middleware.AtOnce {
	return middleware.AtOnce{All: 4, Each: 1, Waiting: 8, Patience: 10 * time.Second}
}

func costPages() middleware.AtOnce {
	return middleware.AtOnce{All: 4, Each: 2, Waiting: 32, Patience: 10 * time.Second}
}

func formsAt() middleware.AtOnce {
	return middleware.AtOnce{All: 6, Each: 2, Waiting: 64, Patience: 10 * time.Second}
}

// hostsAsked is for what a host is asked by one question for everyone: the more it holds, the less of each console is in the answer.
func hostsAsked() middleware.AtOnce {
	return middleware.AtOnce{All: 16, Each: 4, Waiting: 32, Patience: 10 * time.Second}
}

// New puts the portal together.
func New(o Options) (http.Handler, error) {
	public, err := url.Parse(o.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("VOLARY_PUBLIC_URL: %w", err)
	}
	secure := public.Scheme == "https"
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard) // slog has every line
	e.IPExtractor = middleware.Address(o.TrustedProxies)
	e.SchemeExtractor = middleware.Scheme(secure)
	frame := page.Frame{
		Simulated: o.Simulated, Secure: secure, FormPages: map[string]string{}, Facts: o.Store.Overview.FrameFacts, OwnerAmong: o.Store.Overview.OwnerAmong,
	}
	e.HTTPErrorHandler = frame.Error
	origin, err := middleware.CrossOrigin(o.PublicURL)
	if err != nil {
		return nil, err
	}
	cookie := respond.SessionCookie{Secure: secure}
	asGet, asHead := middleware.Head("/uploads/", "/events", "/ws")
	e.Pre(asGet)
	e.Use(asHead, middleware.RequestID, middleware.Log(o.Log), middleware.Recover, middleware.Headers(o.PublicURL), origin,
		middleware.Session(cookie, o.Store.People.UseSession, o.Store.People.SessionByToken))
	table, err := o.table(frame, cookie, public.Host)
	if err != nil {
		return nil, err
	}
	maps.Copy(frame.FormPages, formPages(table)) // the handlers have the frame, and with it the map
	w := way{
		guards: o.guards(),
		rights: middleware.Rights{Watch: o.Changes.Watch, Use: o.Store.People.UseSession, Look: o.Store.People.SessionByToken},
		places: middleware.Places{
			SwitchOrganization: o.Store.People.SwitchOrganization, SwitchProvider: o.Store.People.SwitchProvider, Look: o.Store.People.SessionByToken,
		},
		once:  middleware.Taken{Sent: o.Store.Core.SentForm, Note: o.Store.Core.NoteAnswer, Done: frame.Done, Above: above(table), Log: o.Log},
		deeds: o.throttle(formsEach, formBurst),
		forms: []echo.MiddlewareFunc{middleware.Kept, middleware.Arrived, middleware.Queue(formsAt(), middleware.ByPerson)},
	}
	for _, r := range table {
		e.Add(r.method, r.path, r.handler, w.to(r)...)
	}
	openFormAddresses(e.Router(), table, frame)
	return e, nil
}

// way is what a request passes between the server and its handler.
type way struct {
	guards map[guard]guards
	rights middleware.Rights
	places middleware.Places
	once   middleware.Taken
	deeds  echo.MiddlewareFunc // slows down what the log keeps for ever
	forms  []echo.MiddlewareFunc
}

// to is the way to a route, outermost first.
func (w way) to(r route) []echo.MiddlewareFunc {
	before, after := slices.Clone(w.guards[r.guard].before), slices.Clone(w.guards[r.guard].after)
	if r.guard == exporting || r.guard == bundling || r.guard == uploading {
		after = append([]echo.MiddlewareFunc{w.rights.While(r.may, r.method)}, after...)
	}
	if r.method == post && r.guard != uploading {
		if !slices.Contains(asOftenAsSent(), r.path) {
			after = append(after, w.once.Once)
		}
		if r.guard != hashing { // those wait for their hashes, and are throttled
			after = slices.Concat(w.forms, after)
		}
	}
	if r.guard != hashing && (r.method == post || r.method == remove) {
		after = append([]echo.MiddlewareFunc{w.deeds}, after...)
	}
	if r.guard != uploading {
		before = append(before, w.places.For(r.may))
	}
	return slices.Concat(before, []echo.MiddlewareFunc{middleware.Require(r.may, r.method == get)}, after)
}

// asOftenAsSent are the forms whose slip nobody takes: each time they are sent they are meant.
func asOftenAsSent() []string { return []string{"/sign-in", "/sign-out", "/switch"} }

func (o Options) table(frame page.Frame, cookie respond.SessionCookie, host string) ([]route, error) {
	worker, err := url.Parse(o.WorkerURL)
	if err != nil {
		return nil, fmt.Errorf("VOLARY_WORKER_URL: %w", err)
	}
	files, err := static.Handler()
	if err != nil {
		return nil, err
	}
	uploads, err := o.uploads()
	if err != nil {
		return nil, err
	}
	consoles := relay.Relay{
		Worker: relay.Worker{URL: worker, Client: &http.Client{}, Secret: o.WorkerSecret}, Stopping: o.Stopping, Heartbeat: cmp.Or(o.Heartbeat, heartbeat), Bare: relay.NewBare(), PublicHost: host,
	}
	p := public.Handlers{
		Core: o.Store.Core, People: o.Store.People, Books: o.Store.Books, Models: o.Store.Models, Overview: o.Store.Overview, Frame: frame, Cookie: cookie, Device: respond.DeviceCookie(cookie), Demo: o.Demo, Changes: o.Changes, Stopping: o.Stopping, Heartbeat: consoles.Heartbeat,
		UploadsLack: uploads.Lacks,
	}
	if lacks := uploads.Lacks(context.Background()); lacks != "" {
		o.Log.Error("started, but " + lacks)
	}
	m := org.Handlers{
		Core: o.Store.Core, People: o.Store.People, Books: o.Store.Books, Models: o.Store.Models, Machines: o.Store.Machines, Overview: o.Store.Overview, Frame: frame, Relay: consoles,
		MaxUploadBytes: blob.MaxUpload, UploadsChecked: o.UploadsChecked, UploadsFetched: o.UploadsFetched, Uploads: uploads, Blobs: o.Images, PublicURL: o.PublicURL,
	}
	s := provider.Handlers{
		Core: o.Store.Core, People: o.Store.People, Books: o.Store.Books, Machines: o.Store.Machines, Models: o.Store.Models, Overview: o.Store.Overview, Frame: frame, Relay: consoles,
		PlainHosts: o.PlainHosts, Simulated: o.Simulated, SimulatedFolder: o.SimulatedFolder, PublicURL: o.PublicURL,
	}
	return routes(audiences{
		public: p, org: m, provider: s,
		account: account.Handlers{People: o.Store.People, Machines: o.Store.Machines, Frame: frame},
		platform: platform.Handlers{
			Core: o.Store.Core, People: o.Store.People, Models: o.Store.Models, Overview: o.Store.Overview, Frame: frame, PublicURL: o.PublicURL,
		},
	}, uploads, echo.WrapHandler(files)), nil
}

// guards are the middleware of each kind of route, outermost first. Throttles and queues come before, and what lifts a
// deadline after, the route's permission has been looked at.
func (o Options) guards() map[guard]guards {
	limits := middleware.Limits(formBytes, workTime)
	signIns := signInBurst
	if o.Unthrottled {
		signIns = 0
	}
	type list = []echo.MiddlewareFunc
	return map[guard]guards{
		ordinary:  {before: list{limits}},
		lasting:   {before: list{limits}, after: list{middleware.PasswordAgain(o.Store.People.RepeatPassword)}},
		hashing:   {before: list{limits, middleware.Throttle(signInsEach, signIns, o.clock(), middleware.ByAddress)}},
		asking:    {before: list{limits}, after: list{o.throttle(formsEach, formBurst), middleware.Kept, middleware.Queue(hostsAsked(), middleware.ByPerson)}},
		costly:    {before: list{limits}, after: list{middleware.Kept, middleware.Queue(costPages(), middleware.ByPerson)}},
		bundling:  {after: list{middleware.Queue(bundles(), middleware.ByPerson), middleware.Rolling(exportPace)}},
		exporting: {after: list{middleware.Queue(exports(), middleware.ByPerson), middleware.Rolling(exportPace)}},
		streaming: {after: list{middleware.Lasting(false)}},
		uploading: {after: list{middleware.Lasting(true)}},
		opening:   {before: list{o.throttle(consoleEach, openBurst)}, after: list{middleware.Lasting(false)}},
	}
}

// throttle is of each person.
func (o Options) throttle(each time.Duration, burst int) echo.MiddlewareFunc {
	if o.Unthrottled {
		burst = 0
	}
	return middleware.Throttle(each, burst, o.clock(), middleware.ByPerson)
}

func (o Options) clock() func() time.Time {
	if o.Clock == nil {
		return time.Now
	}
	return o.Clock
}

// guards are what a request passes before and after its permission is looked at.
type guards struct{ before, after []echo.MiddlewareFunc }

func (o Options) uploads() (*uploads.Handler, error) {
	return uploads.New(uploads.Options{Models: o.Store.Models, People: o.Store.People, Store: o.Uploads, Locks: o.UploadLocks, MaxBytes: blob.MaxUpload, Log: o.Log, Pace: o.UploadPace})
}

// UploadLocks are the locks of uploads under way.
type UploadLocks = uploads.Locks

// NewUploadLocks makes those whose Heard store.ListenUploads calls.
func NewUploadLocks(all *floors.All, log *slog.Logger) *UploadLocks {
	return uploads.NewLocks(all.Models, log)
}

// NewChanges makes the hub that store.Listen feeds.
func NewChanges() *live.Changes { return live.NewChanges() }
