package webtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWithoutScripts opens pages in a browser that runs no scripts: upload and console say so, and everything else
// is there.
func TestWithoutScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	server := galleryServer(t)
	ctx := browser(t)
	if err := do(t, ctx, chromedp.EmulateViewport(1280, 844)); err != nil {
		t.Fatal(err)
	}
	switchScripts(t, ctx, false)
	for _, c := range []struct {
		page, seen, unseen string
	}{
		{"image-new", "noscript .notice", ".upload"},
		{"console", "noscript .notice", ".console"},
		{"console", ".excerpt", ".console"},
		{"cluster-new-quote", "button[formaction='/org/clusters/new']", "button[data-copy]"},
		{"cluster-ready", ".copy code", "button[data-copy]"},
		{"sign-in", ".demo-users button", "button[data-copy]"},
	} {
		if err := do(t, ctx, chromedp.Navigate(server.URL+"/"+c.page)); err != nil {
			t.Fatal(err)
		}
		for selector, want := range map[string]bool{c.seen: true, c.unseen: false} {
			script := "[...document.querySelectorAll(`" + selector + "`)].some((e) => e.checkVisibility())"
			got, err := ask(t, ctx, chromedp.Evaluate[bool](script))
			if err != nil || got != want {
				t.Errorf("%s: %s is seen: %v, %v; want %v", c.page, selector, got, err, want)
			}
		}
		picture, err := ask(t, ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		keep(t, c.page+".noscript.png", picture)
	}
}

// TestKeyboard walks with Tab: the way past the navigation comes first, and every stop shows that it has the focus.
func TestKeyboard(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Chromium")
	}
	server := galleryServer(t)
	ctx := browser(t)
	if err := do(t, ctx, chromedp.EmulateViewport(1280, 844), chromedp.Navigate(server.URL+"/cluster-stopped"), chromedp.KeyEvent("\t")); err != nil {
		t.Fatal(err)
	}
	const script = `(() => { const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
  return { body: e === document.body, name: (e.textContent.trim() || e.id).slice(0, 40), outline: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2, inside: b.top >= 0 && b.left >= 0 && b.width > 0 }; })()`
	type stopAt struct {
		Name            string
		Outline, Inside bool
		Body            bool
	}
	stops := 0
	for range 60 {
		at, err := ask(t, ctx, chromedp.Evaluate[stopAt](script))
		if err != nil {
			t.Fatal(err)
		}
		if at.Body {
			break // past the last stop
		}
		if stops++; stops == 1 && at.Name != "Skip to content" {
			t.Errorf("Tab comes to %q first, want the way past the navigation", at.Name)
		}
		if !at.Outline || !at.Inside {
			t.Errorf("at %q the focus is not to be seen: %+v", at.Name, at)
		}
		if err := do(t, ctx, chromedp.KeyEvent("\t")); err != nil {
			t.Fatal(err)
		}
	}
	if stops < 15 {
		t.Errorf("Tab comes to %d stops; navigation, actions and consoles are more", stops)
	}
}

// keep writes a picture into .volary/shots.
func keep(t *testing.T, name string, picture []byte) {
	t.Helper()
	dir := filepath.Join("..", "..", ".volary", "shots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
