package webtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"volary.dev/provisioner/waittest"
	"volary.dev/static"
)

// policy is the content security policy of the portal.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// look is how a page is looked at.
type look struct {
	width  int64
	scheme string // "light" or "dark"
}

// looks are every width and every colour. The first two between them show all there is to see; of the others
// only the contrast is judged.
func looks() []look { return []look{{1280, "light"}, {390, "dark"}, {1280, "dark"}, {390, "light"}} }

// TestShots judges each page of the gallery in Chromium at two widths, light and dark, under the portal's content security policy. A page that
// logs an error, is wider than the window (of these and of other widths), has too little contrast, hides where the keyboard is, breaks a rule of
// axe-core or has a table whose rows take more lines than they tell things (rowFaults) fails.
// VOLARY_SHOT names the only pages to judge, with commas between them. They are photographed into .volary/shots, as each page is that has a
// fault; VOLARY_SHOTS=all photographs every page in every look.
func TestShots(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	only := strings.Split(os.Getenv("VOLARY_SHOT"), ",")
	samples := slices.DeleteFunc(Gallery(), func(s Sample) bool { return only[0] != "" && !slices.Contains(only, s.Name) })
	server := galleryServer(t)
	for n := range judges {
		t.Run(fmt.Sprint(n+1), func(t *testing.T) {
			t.Parallel()
			p := newJudge(t, server.URL)
			for i := n; i < len(samples); i += judges {
				p.judgePage(samples[i].Name)
			}
		})
	}
}

// judges is how many browsers share the gallery's pages: half of what one does is to wait for the other process.
const judges = 2

// judge looks at pages with a browser of its own.
type judge struct {
	t          *testing.T
	ctx        context.Context
	url        string
	complaints func() []string
}

func newJudge(t *testing.T, url string) judge {
	t.Helper()
	p := judge{t: t, ctx: browser(t), url: url}
	p.complaints = listen(t, p.ctx)
	if err := do(t, p.ctx, attentive()); err != nil {
		t.Fatal(err)
	}
	return p
}

// judgePage fails for each fault of a page.
func (p judge) judgePage(name string) {
	t, ctx := p.t, p.ctx
	t.Helper()
	if err := do(t, ctx, chromedp.EmulateViewport(1280, 844), chromedp.Navigate(p.url+"/"+name)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := equip(t, ctx); err != nil {
		t.Fatal(err)
	}
	for i, l := range looks() {
		for _, fault := range lookAt(t, ctx, name, l, i > 1) {
			t.Errorf("%s, %d px, %s: %s", name, l.width, l.scheme, fault)
		}
	}
	for _, fault := range slices.Concat(rowFaults(t, ctx), sidewaysFaults(t, ctx), mastheadFaults(t, ctx), p.complaints()) {
		t.Errorf("%s: %s", name, fault)
	}
}

// lookAt gives what is wrong with the page that the browser shows, and keeps a picture of it. again judges width and contrast alone.
func lookAt(t *testing.T, ctx context.Context, name string, l look, again bool) []string {
	t.Helper()
	if err := do(t, ctx, chromedp.EmulateViewport(l.width, 844), prefer(l.scheme)); err != nil {
		t.Fatal(err)
	}
	var faults []string
	if !again {
		faults = rulesBroken(t, ctx, name)
	}
	wide, err := ask(t, ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
	if err != nil {
		t.Fatal(err)
	}
	if wide > l.width {
		guilty, err := ask(t, ctx, chromedp.Evaluate[string](guiltyScript))
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, fmt.Sprintf("it is %d px wide, because of %s", wide, guilty))
	}
	for _, f := range contrastFaults(t, ctx) {
		faults = append(faults, "too little contrast: "+f)
	}
	if !again {
		faults = append(faults, focusFaults(t, ctx)...)
	}
	if photographed(again, len(faults) > 0) {
		picture, err := ask(t, ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		keep(t, shotName(name, l), picture)
	}
	return faults
}

// photographed tells whether a look is kept as a picture, which costs as much as all judging does.
func photographed(again, faulty bool) bool {
	return os.Getenv("VOLARY_SHOTS") == "all" || !again && (faulty || os.Getenv("VOLARY_SHOT") != "")
}

// rulesBroken gives what axe-core has against the page.
func rulesBroken(t *testing.T, ctx context.Context, name string) []string {
	t.Helper()
	judging, done := waittest.Context(ctx, t, "the judgement of "+name)
	defer done()
	faults, err := Faults(judging, false)
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

// guiltyScript names the innermost element that reaches farthest to the right.
const guiltyScript = `(() => {
  let far = null;
  const inside = [...document.querySelectorAll("main *")].filter((el) => el.getBoundingClientRect().right > innerWidth);
  for (const el of inside.length ? inside : document.querySelectorAll("header *, footer *")) {
    if (el.closest(".sections")) continue;
    if (!far || el.getBoundingClientRect().right >= far.getBoundingClientRect().right) far = el;
  }
  return far ? far.outerHTML.slice(0, 160) : "";
})()`

func shotName(page string, l look) string {
	size := "wide"
	if l.width < 600 {
		size = "phone"
	}
	return page + "." + size + "." + l.scheme + ".png"
}

func prefer(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// route is what a test serves beside the gallery.
type route struct {
	pattern string
	handler http.Handler
}

// galleryServer serves each sample under its name, with the portal's policy.
func galleryServer(t *testing.T, more ...route) *httptest.Server {
	t.Helper()
	files, err := static.Handler()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(static.Prefix, files)
	for _, s := range Gallery() {
		mux.Handle("GET /"+s.Name, templ.Handler(s.Page))
	}
	handleConsole(mux)
	own := http.NewServeMux()
	for _, r := range append(more, route{"/", mux}) {
		own.Handle(r.pattern, r.handler)
	}
	mux.HandleFunc("GET /events", events(nil))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		own.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

// browser starts a Chromium of its own that ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	options := append(ChromiumFolder(t),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
	)
	ctx, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stopAllocator)
	ctx, stopBrowser := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("ending Chromium: %v", err)
		}
		stopBrowser()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// do runs steps of a page. Each wait among them is bounded and measured with the whole.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) error {
	t.Helper()
	ctx, done := waittest.Context(ctx, t, "steps of a page, "+calledAt())
	defer done()
	return chromedp.Do(ctx, steps...)
}

// equip is Equip, bounded and measured as steps are.
func equip(t *testing.T, ctx context.Context) error {
	t.Helper()
	ctx, done := waittest.Context(ctx, t, "a page to take what judges it")
	defer done()
	return Equip(ctx)
}

// ask has a page answer.
func ask[A any](t *testing.T, ctx context.Context, question chromedp.Action[A]) (A, error) {
	t.Helper()
	ctx, done := waittest.Context(ctx, t, "a page's answer, "+calledAt())
	defer done()
	return chromedp.Run(ctx, question)
}

// calledAt is the line that called the caller.
func calledAt() string {
	_, file, line, _ := runtime.Caller(2)
	return fmt.Sprintf("%s:%d", filepath.Base(file), line)
}

// listen collects what the page logs as errors; the function it gives returns what came since its last call.
func listen(t *testing.T, ctx context.Context) func() []string {
	t.Helper()
	var said quietly
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleException {
				said.add(m.Text)
			}
		}
	}()
	return said.take
}
