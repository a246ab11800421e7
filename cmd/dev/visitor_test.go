package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"volary.dev/provisioner/waittest"
	"volary.dev/web/webtest"
)

// portal is a Volary in which there is nobody and nothing, and a Chromium to come to it with.
type portal struct {
	*volary
	chromium context.Context
	looked   map[string]bool // patterns of the pages that were judged; nil: none is to be
}

// visitor is one person at the portal, with cookies of their own.
type visitor struct {
	*browser
	portal   *portal
	name     string // "Ida Quill"
	email    string
	password string
}

// visitorPassword is that of everybody who came by the browser.
const visitorPassword = "seven herons over the weir"

// visitor opens a browser for a person who was never here. Without scripts they have switched JavaScript off.
func (p *portal) visitor(t *testing.T, name string, scripts bool) *visitor {
	t.Helper()
	ctx, shut := chromedp.NewContext(p.chromium, chromedp.WithNewBrowserContext())
	t.Cleanup(shut)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(strings.ToLower(name), " ")
	v := &visitor{
		browser: &browser{t: t, ctx: ctx, base: p.address(), shots: p.path("shots"), quiet: !scripts, width: desk},
		portal:  p, name: name, email: first + "@" + strings.ToLower(strings.Fields(name)[1]) + ".example", password: visitorPassword,
	}
	v.prepare()
	v.scripts(scripts)
	return v
}

func (v *visitor) scripts(on bool) {
	v.t.Helper()
	v.quiet = !on
	v.do("switch scripts", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
		return err
	}))
}

// on is the person with a window of another width.
func (v *visitor) on(width int64) *visitor {
	v.t.Helper()
	v.width = width
	v.prepare()
	return v
}

// goes takes a link of the menu, which a button opens where the window is narrow.
func (v *visitor) goes(label string) {
	v.t.Helper()
	link := fmt.Sprintf(`//nav[@id="sections"]//a[starts-with(normalize-space(),%s)]`, strconv.Quote(label))
	shown, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](`document.querySelector("#sections").checkVisibility()`))
	if err != nil {
		v.fail("look for the menu", err)
	}
	if narrow := v.width < desk; shown == narrow {
		v.fail("look for the menu", fmt.Errorf("in a window of %d px it is shown: %t", v.width, shown))
	}
	if !shown {
		v.do("open the menu", chromedp.Click(`//header//button[@popovertarget="sections"]`, chromedp.NodeVisible))
	}
	v.leave(label, link)
}

// visit opens an address of the portal and judges the page.
func (v *visitor) visit(path string) {
	v.t.Helper()
	v.open(path)
	v.look()
}

// follow presses a button or link, waits for the page it leads to, and judges that.
func (v *visitor) follow(label string) {
	v.t.Helper()
	v.leave(label, fmt.Sprintf(`(//main//button[normalize-space()=%[1]s]|//main//a[normalize-space()=%[1]s])[1]`, strconv.Quote(label)))
}

// followLike is follow for a label that begins so.
func (v *visitor) followLike(label string) {
	v.t.Helper()
	v.leave(label, fmt.Sprintf(`(//main//button[starts-with(normalize-space(),%[1]s)]|//main//a[starts-with(normalize-space(),%[1]s)])[1]`, strconv.Quote(label)))
}

// followIn is follow for a button or link whose label begins so, in the row or list item that says text.
func (v *visitor) followIn(text, label string) {
	v.t.Helper()
	const path = `(//main//*[(self::tr or self::li or self::section) and contains(normalize-space(),%[1]s)]//*[(self::a or self::button) and starts-with(normalize-space(),%[2]s)])[1]`
	v.leave(label+" of "+text, fmt.Sprintf(path, strconv.Quote(text), strconv.Quote(label)))
}

func (v *visitor) leave(what, xpath string) {
	v.t.Helper()
	v.do("follow "+what, chromedp.Evaluate[chromedp.Void](`window.left = 1`), chromedp.Click(xpath, chromedp.NodeVisible))
	v.until("come to the page that "+what+" leads to", `!window.left && document.readyState === "complete"`)
	v.look()
	v.repeatPassword(visitorPassword)
}

// at waits until the page is one of that pattern, such as /org/orders/:id.
func (v *visitor) at(pattern string) {
	v.t.Helper()
	expression := "^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), ":id", "[0-9a-f-]{32,36}") + "$"
	v.until("be at "+pattern, fmt.Sprintf(`new RegExp(%q).test(location.pathname) && document.readyState === "complete"`, expression))
	v.look()
}

// says fails where the page does not say a text soon.
func (v *visitor) says(texts ...string) {
	v.t.Helper()
	for _, text := range texts {
		v.see(text)
	}
}

// opens what is folded away below a summary that begins so.
func (v *visitor) opens(summary string) {
	v.t.Helper()
	v.do("open "+summary, chromedp.Click(fmt.Sprintf(`(//main//summary[starts-with(normalize-space(),%s)])[1]`, strconv.Quote(summary)), chromedp.NodeVisible))
}

// fillIn is fill for a field in the row that says text.
func (v *visitor) fillIn(text, name, value string) {
	v.t.Helper()
	field := fmt.Sprintf(`(//main//tr[contains(normalize-space(),%s)]//input[@name=%s])[1]`, strconv.Quote(text), strconv.Quote(name))
	v.do("fill "+name+" of "+text, chromedp.Focus(field), chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`), chromedp.KeyEvent(value))
}

// fillAll fills fields given as name and value in turns.
func (v *visitor) fillAll(namesAndValues ...string) {
	v.t.Helper()
	for i := 0; i < len(namesAndValues); i += 2 {
		v.fill(namesAndValues[i], namesAndValues[i+1])
	}
}

// path is where the browser is.
func (v *visitor) path() string {
	v.t.Helper()
	s, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`location.pathname`))
	if err != nil {
		v.fail("read the address", err)
	}
	return s
}

// ids are what differs between addresses of one route.
var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|[\w-]{40,}`)

// look judges a page that nobody has judged yet: axe-core finds nothing, it is as wide as the window, whichever that is, and
// it weighs less than a page may. Pictures of it are kept.
func (v *visitor) look() {
	v.t.Helper()
	pattern := ids.ReplaceAllString(v.path(), ":id")
	if v.quiet || v.portal.looked == nil || v.portal.looked[pattern] {
		return
	}
	v.portal.looked[pattern] = true
	name := strings.ReplaceAll(strings.Trim(strings.ReplaceAll(pattern, ":", ""), "/"), "/", "-")
	if name == "" {
		name = "front"
	}
	v.weigh(pattern)
	ctx, done := waittest.Context(v.ctx, v.t, "judge "+pattern)
	defer done()
	if err := webtest.Equip(ctx); err != nil {
		v.fail("judge "+pattern, err)
	}
	for _, width := range []int64{phone, tablet, desk} {
		v.do("change the width", chromedp.EmulateViewport(width, 900))
		faults, err := webtest.Faults(ctx, width != desk) // the gallery asks everything at each
		if err != nil {
			v.fail("judge "+pattern, err)
		}
		wide, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
		if err != nil {
			v.fail("judge "+pattern, err)
		}
		if wide > width {
			faults = append(faults, fmt.Sprintf("it is %d px wide", wide))
		}
		for _, f := range faults {
			v.t.Errorf("%s at %d px: %s", pattern, width, f)
		}
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			v.fail("take a picture", err)
		}
		if err := os.WriteFile(filepath.Join(v.shots, fmt.Sprintf("%s-%d.png", name, width)), png, 0o644); err != nil {
			v.t.Fatal(err)
		}
	}
	v.do("go on in the own window", chromedp.EmulateViewport(v.width, 900))
}

// maxPage is what a page with its styles and scripts may weigh, as it comes over the line.
const maxPage = 150_000

func (v *visitor) weigh(pattern string) {
	v.t.Helper()
	const script = `performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource"))
		.filter(e => ["navigation", "link", "script", "css"].includes(e.initiatorType)).reduce((sum, e) => sum + e.encodedBodySize, 0)`
	n, err := chromedp.Run(v.ctx, chromedp.Evaluate[int64](script))
	if err != nil {
		v.fail("weigh "+pattern, err)
	}
	if n < 5_000 || n > maxPage {
		v.t.Errorf("%s weighs %d bytes with its styles and scripts; at most %d are allowed", pattern, n, maxPage)
	}
	v.t.Logf("%-40s %6d bytes", pattern, n)
}
