package webtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// widths are between those that pages are looked at: where tables become cards, and where the rail comes and takes its part.
func widths() []int64 { return []int64{360, 600, 719, 760, 800, 900, 1023, 1024, 1120} }

// sidewaysFaults names the widths at which the page that the browser shows is wider than the window, and what makes it so.
func sidewaysFaults(t *testing.T, ctx context.Context) (faults []string) {
	t.Helper()
	for _, width := range widths() {
		if err := do(t, ctx, chromedp.EmulateViewport(width, 844)); err != nil {
			t.Fatal(err)
		}
		wide, err := ask(t, ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
		if err != nil {
			t.Fatal(err)
		}
		if wide <= width {
			continue
		}
		guilty, err := ask(t, ctx, chromedp.Evaluate[string](guiltyScript))
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, fmt.Sprintf("in a window of %d px it is %d px wide, because of %s", width, wide, guilty))
	}
	return faults
}

// mastheadFaults names the widths at which the menu's button does not stand beside the mark and the names: however long those are.
func mastheadFaults(t *testing.T, ctx context.Context) (faults []string) {
	t.Helper()
	for _, width := range []int64{360, 390, 800} {
		if err := do(t, ctx, chromedp.EmulateViewport(width, 844)); err != nil {
			t.Fatal(err)
		}
		fallen, err := ask(t, ctx, chromedp.Evaluate[bool](`(() => {
			const [brand, who, menu] = [".brand", ".who", ".menu-button"].map((s) => document.querySelector(".masthead-in " + s)?.getBoundingClientRect());
			return !!menu && (menu.top >= brand.bottom || who.top >= brand.bottom || who.width < 80);
		})()`))
		if err != nil {
			t.Fatal(err)
		}
		if fallen {
			faults = append(faults, fmt.Sprintf("in a window of %d px the head of the page takes two rows", width))
		}
	}
	return faults
}
