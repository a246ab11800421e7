package webtest

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// painted is what a browser shows of a page before any script has run.
type painted struct {
	Heading string // the first heading, where it can be seen
	Text    int    // characters that can be seen below it
	Hidden  string // a heading that cannot be seen
}

const paintedNow = `(() => {
  const h1 = document.querySelector("main h1");
  const unseen = [...document.querySelectorAll("main h2")].find((e) => !e.checkVisibility());
  return { Heading: h1?.checkVisibility() ? h1.innerText : "", Text: document.querySelector("main").innerText.length - (h1?.innerText.length ?? 0), Hidden: unseen?.innerText ?? "" };
})()`

// blocking names the scripts that the browser waited for before it painted.
const blocking = `performance.getEntriesByType("resource").filter((e) => e.initiatorType === "script" && e.renderBlockingStatus !== "non-blocking").map((e) => e.name)`

// TestFirstPaint opens every page without scripts: heading and content are there. With them, none is waited for.
func TestFirstPaint(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	server := galleryServer(t)
	ctx := browser(t)
	switchScripts(t, ctx, false)
	for _, s := range Gallery() {
		if err := do(t, ctx, chromedp.Navigate(server.URL+"/"+s.Name)); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		p, err := ask(t, ctx, chromedp.Evaluate[painted](paintedNow))
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if p.Heading == "" || p.Text < 20 || p.Hidden != "" {
			t.Errorf("%s shows without scripts: %+v", s.Name, p)
		}
	}
	switchScripts(t, ctx, true)
	scripts := 0
	for _, name := range []string{"sign-in", "image-new", "console"} { // with each of the scripts there are
		if err := do(t, ctx, chromedp.Navigate(server.URL+"/"+name)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		waited, err := ask(t, ctx, chromedp.Evaluate[[]string](blocking))
		if err != nil || len(waited) > 0 {
			t.Errorf("%s is not painted before %v ran; %v", name, waited, err)
		}
		n, err := ask(t, ctx, chromedp.Evaluate[int](`performance.getEntriesByType("resource").filter((e) => e.initiatorType === "script").length`))
		if err != nil {
			t.Fatal(err)
		}
		scripts += n
	}
	if scripts < 5 {
		t.Errorf("the three pages have %d scripts; the console's and the upload's are there beside the one of all", scripts)
	}
}

func switchScripts(t *testing.T, ctx context.Context, on bool) {
	t.Helper()
	if err := do(t, ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	})); err != nil {
		t.Fatal(err)
	}
}
