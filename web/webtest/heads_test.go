package webtest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"volary.dev/web/ui"
)

// TestTimeLeftCountsDown: what is left of a lease goes down by the second without a question to the server, by the time since the
// answer and not by the browser's clock, and turns to a warning in time.
func TestTimeLeftCountsDown(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	server, ctx := galleryServer(t), browser(t)
	complaints := listen(t, ctx)
	if err := do(t, ctx, chromedp.Navigate(server.URL+"/cluster-soon"), chromedp.WaitVisible(chromedp.CSS(".left [data-left-last]"))); err != nil {
		t.Fatal(err)
	}
	if first, err := ask(t, ctx, chromedp.Evaluate[string](`document.querySelector("[data-left-words]").textContent`)); err != nil || !strings.HasPrefix(first, "9 min ") && !strings.HasPrefix(first, "8 min 5") {
		t.Errorf("of 9 min 3 s %q are left, %v", first, err)
	}
	until(t, ctx, "two seconds less", `!["9 min 3 s", "9 min 2 s"].includes(document.querySelector("[data-left-words]").textContent)`)
	asked, err := ask(t, ctx, chromedp.Evaluate[int](`performance.getEntriesByType("resource").filter((e) => e.initiatorType === "xmlhttprequest" || e.initiatorType === "fetch").length`))
	if err != nil || asked > 1 {
		t.Errorf("%d questions to the server, %v", asked, err)
	}
	// A later answer begins anew, in the words of the server.
	given := []time.Duration{0, 30 * time.Second, 10 * time.Minute, 3*time.Hour + 5*time.Minute, 52*time.Hour + 30*time.Minute}
	seconds := make([]int, len(given))
	for i, d := range given {
		seconds[i] = int(d / time.Second)
	}
	list, _ := json.Marshal(seconds)
	if err := do(t, ctx, chromedp.Evaluate[chromedp.Void](`{
		const first = document.querySelector(".left");
		for (const s of `+string(list)+`) {
			const copy = first.cloneNode(true);
			copy.dataset.left = s;
			copy.dataset.tried = "";
			copy.querySelector("[data-left-words]").textContent = "";
			first.after(copy);
		}
	}`)); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, "words", `[...document.querySelectorAll("[data-tried] [data-left-words]")].every((e) => e.textContent)`)
	said, err := ask(t, ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("[data-tried]")].reverse().map((e) =>
		e.querySelector("[data-left-words]").textContent + "|" + !e.querySelector("[data-left-soon]").hidden + "|" + !e.querySelector("[data-left-last]").hidden)`))
	if err != nil || len(said) != len(given) {
		t.Fatalf("%q, %v", said, err)
	}
	marks := []string{"|false|false", "|false|true", "|false|true", "|false|false", "|false|false"}
	for i, d := range given {
		if !near(said[i], d, marks[i]) {
			t.Errorf("%s left is %q, the server says %q", d, said[i], ui.Left(d)+marks[i])
		}
	}
	for _, c := range complaints() {
		t.Error(c)
	}
}

// near allows for the seconds until somebody looked.
func near(said string, d time.Duration, marks string) bool {
	for i := range 5 {
		if said == ui.Left(d-time.Duration(i)*time.Second)+marks {
			return true
		}
	}
	return false
}

// TestChartValues: a bar's value stands over it where it is focused, and the arrow keys go from bar to bar.
func TestChartValues(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	server, ctx := galleryServer(t), browser(t)
	const shown = `[...document.querySelectorAll(".chart-value")].filter((e) => getComputedStyle(e).visibility === "visible").map((e) => e.textContent).join()`
	if err := do(t, ctx, chromedp.EmulateViewport(1280, 844), chromedp.Navigate(server.URL+"/provider"), chromedp.WaitVisible(chromedp.CSS(".chart"))); err != nil {
		t.Fatal(err)
	}
	if before, err := ask(t, ctx, chromedp.Evaluate[string](shown)); err != nil || before != "" {
		t.Errorf("shown before anything is pointed at: %q, %v", before, err)
	}
	if err := do(t, ctx, chromedp.Evaluate[chromedp.Void](`document.querySelector(".chart").scrollIntoView(); document.querySelector(".chart-column[tabindex='0']").focus()`), chromedp.KeyEvent(kb.ArrowLeft)); err != nil {
		t.Fatal(err)
	}
	want := "Oct 2026: 328.00 CH"
	if got, err := ask(t, ctx, chromedp.Evaluate[string](shown)); err != nil || strings.ReplaceAll(got, "\u00a0", " ") != want {
		t.Errorf("the bar before the last says %q, %v; want %q", got, err, want)
	}
	if n, err := ask(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll(".chart-column[tabindex='0']").length`)); err != nil || n != 1 {
		t.Errorf("%d bars are in the page's order, %v", n, err)
	}
	at, err := ask(t, ctx, chromedp.Evaluate[[]float64](`((r) => [r.x + r.width / 2, r.y + 3])(document.querySelector(".chart-hit").getBoundingClientRect())`))
	if err != nil || len(at) != 2 {
		t.Fatal(at, err)
	}
	if err := do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0], at[1])); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(t, ctx, chromedp.Evaluate[string](shown)); err != nil || strings.ReplaceAll(got, "\u00a0", " ") != "Sep 2026: 120.00 CH" {
		t.Errorf("the bar that is pointed at says %q, %v", got, err)
	}
}
