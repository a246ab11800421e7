package webtest

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// focusScript gives what the keyboard reaches and does not visibly mark when it is there. A mark is an outline or a
// shadow that is not there without the focus.
const focusScript = `(() => {
  const faults = new Set();
  const looks = (el) => {
    const s = getComputedStyle(el);
    return (s.outlineStyle === "none" || parseFloat(s.outlineWidth) === 0 ? "" : s.outlineColor + s.outlineWidth) + s.boxShadow + s.borderColor;
  };
  for (const el of document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")) {
    if (el.type === "hidden" || el.disabled || !el.checkVisibility({ visibilityProperty: true }) || el.closest(".console-screen")) continue;
    document.activeElement?.blur();
    const before = looks(el);
    el.focus({ focusVisible: true, preventScroll: true });
    if (document.activeElement !== el) faults.add("not reached: " + el.outerHTML.slice(0, 120));
    else if (looks(el) === before) faults.add("no visible focus: " + el.outerHTML.slice(0, 120));
  }
  document.activeElement?.blur();
  return [...faults];
})()`

// attentive lets the page behave as the one that a person works in: without it nothing of it is ever in focus.
func attentive() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	})
}

func focusFaults(t *testing.T, ctx context.Context) []string {
	t.Helper()
	faults, err := ask(t, ctx, chromedp.Evaluate[[]string](focusScript))
	if err != nil {
		t.Fatal(err)
	}
	return faults
}
