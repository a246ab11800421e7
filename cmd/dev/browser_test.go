package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"volary.dev/provisioner/waittest"
	"volary.dev/web/webtest"
)

// browser is a real Chromium on the portal, and the hands of one person.
type browser struct {
	t     *testing.T
	ctx   context.Context
	base  string
	shots string // folder of the pictures
	quiet bool   // it runs no scripts
	width int64  // of its window, in CSS pixels
}

// The windows that people come with.
const (
	phone  = 390
	tablet = 800
	desk   = 1280
)

// openBrowser starts Chromium without a profile. It ends with the test.
func openBrowser(t *testing.T, base, shots string) *browser {
	t.Helper()
	b := &browser{t: t, ctx: startChromium(t), base: base, shots: shots, width: desk}
	b.prepare()
	return b
}

// prepare makes the folder of the pictures, and the window.
func (b *browser) prepare() {
	b.t.Helper()
	if err := os.MkdirAll(b.shots, 0o755); err != nil {
		b.t.Fatal(err)
	}
	b.do("open the browser", chromedp.EmulateViewport(b.width, 900))
}

func startChromium(t *testing.T) context.Context {
	t.Helper()
	options := append(append(chromedp.DefaultExecAllocatorOptions[:], webtest.ChromiumFolder(t)...),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(desk, 900),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true))
	allocator, endAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() { end(); endAllocator() })
	// The browser lives as long as the context it was started with: not one of a single step.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return ctx
}

// do runs steps and ends the test with a picture of the page where they fail. What the page replaced between being found
// and being used is looked for again, as a person does; no step after that one was done then.
func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, done := waittest.Context(b.ctx, b.t, what)
	defer done()
	err := chromedp.Do(ctx, steps...)
	for tries := 0; tries < 5 && replaced(err); tries++ {
		b.t.Logf("%s once more: %v", what, err)
		err = chromedp.Do(ctx, steps...)
	}
	if err != nil {
		b.fail(what, err)
	}
}

// replaced tells Chromium's words for an element that left the page.
func replaced(err error) bool {
	return err != nil && slices.ContainsFunc([]string{
		"Could not find node with given id", "Node is detached from document", "Could not compute box model",
	}, func(words string) bool { return strings.Contains(err.Error(), words) })
}

func (b *browser) fail(what string, err error) {
	b.t.Helper()
	b.t.Fatalf("%s: %v\n%s", what, err, b.picture())
}

// picture keeps the page as failed.png, and gives its words.
func (b *browser) picture() string {
	if png, shotErr := chromedp.Run(b.ctx, chromedp.FullScreenshot(100)); shotErr == nil {
		_ = os.WriteFile(filepath.Join(b.shots, "failed.png"), png, 0o644)
	}
	text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 3000)`))
	return fmt.Sprintf("the page then, also as %s/failed.png:\n%s", b.shots, text)
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.base+path))
}

// fill writes into the field of that name, as a person would have it there.
func (b *browser) fill(name, value string) {
	b.t.Helper()
	field := chromedp.CSS(fmt.Sprintf(`main [name=%q]`, name))
	b.do("fill "+name, chromedp.Focus(field), chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`), chromedp.KeyEvent(value))
}

// choose takes the option whose label contains text.
func (b *browser) choose(name, text string) {
	b.t.Helper()
	script := fmt.Sprintf(`(() => {
		const select = document.querySelector('select[name=%q]');
		const option = select && [...select.options].find(o => o.label.includes(%q));
		if (!option) return select ? [...select.options].map(o => o.label).join(", ") : "no such field";
		select.value = option.value;
		select.dispatchEvent(new Event("change", {bubbles: true}));
		return "";
	})()`, name, text)
	missing, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](script))
	if err != nil || missing != "" {
		b.fail("choose "+text+" of "+name, fmt.Errorf("there is only %q (%w)", missing, err))
	}
}

// press clicks the first visible button or link with that label.
func (b *browser) press(label string) {
	b.t.Helper()
	what := fmt.Sprintf(`(//main//button[normalize-space()=%[1]s]|//main//a[normalize-space()=%[1]s])[1]`, strconv.Quote(label))
	b.do("press "+label, chromedp.Click(what, chromedp.NodeVisible))
}

// see waits until the page says text.
func (b *browser) see(text string) {
	b.t.Helper()
	b.until("see "+text, fmt.Sprintf(`document.body.innerText.replace(/\s+/g, " ").toLowerCase().includes(%q.toLowerCase())`, text))
}

// state waits until the word beside the page's title is that one, live.
func (b *browser) state(word string) {
	b.t.Helper()
	b.until("become "+word, fmt.Sprintf(`document.querySelector("main .head").innerText.toLowerCase().includes(%q)`, word))
}

// until waits until the script's expression is true, over reloads of the page too. Where the page runs no scripts, it
// is refreshed by its link meanwhile: by the look that did not see it, as a page may come between two looks that says a thing once.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	const script = `(() => {
		try { if (%s) return true } catch {}
		if (%t) document.querySelector("main .as-of a")?.click();
		return false;
	})()`
	fresh := time.Now()
	b.wait(what, func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, oneLook) //nolint:forbidigo // one of many looks
		defer cancel()
		refresh := b.quiet && time.Since(fresh) > time.Second
		if refresh {
			fresh = time.Now()
		}
		done, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(script, expression, refresh)))
		return err == nil && done
	})
}

// oneLook ends a script that Chromium forgot when it loaded the page anew; it is asked again.
const oneLook = 5 * time.Second

// wait is waittest.Until, with a picture of the page where it was in vain.
func (b *browser) wait(what string, met func() bool) {
	b.t.Helper()
	came := false
	defer func() {
		if !came {
			b.t.Log(b.picture())
		}
	}()
	waittest.Until(b.t, what, met)
	came = true
}

// repeatPassword gives the password again where the page asks for it: on a slow machine a journey takes more than ten minutes.
func (b *browser) repeatPassword(password string) {
	b.t.Helper()
	asked, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`!!document.querySelector("main input[name=password_again]")`))
	if err != nil {
		b.fail("see whether the password is asked for again", err)
	}
	if asked {
		b.fill("password_again", password)
		b.press("Go on")
		b.until("go on", `!document.querySelector("main input[name=password_again]") && document.readyState === "complete"`)
	}
}

// text is what the page shows of the first element that the selector finds.
func (b *browser) text(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ""`, selector)))
	if err != nil {
		b.fail("read "+selector, err)
	}
	return s
}

// shoot takes the page at the width of a phone and of a desk.
func (b *browser) shoot(name string) {
	b.t.Helper()
	for _, width := range []int64{phone, desk} {
		b.do("take a picture", chromedp.EmulateViewport(width, 900))
		png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		if err != nil {
			b.fail("take a picture", err)
		}
		if err := os.WriteFile(filepath.Join(b.shots, fmt.Sprintf("%s-%d.png", name, width)), png, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	b.do("go on in the own window", chromedp.EmulateViewport(b.width, 900))
}
