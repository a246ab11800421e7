package webtest

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
)

// contrastScript gives the texts whose contrast with what is behind them is below 4.5 (WCAG 2.2 AA). Colours are
// resolved by painting them, so that color-mix and alpha need no parser.
const contrastScript = `(() => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (under, css) => {
    pen.fillStyle = "rgb(" + under.join(",") + ")";
    pen.fillRect(0, 0, 1, 1);
    pen.fillStyle = css;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const behind = (el) => {
    const chain = [];
    for (let e = el; e; e = e.parentElement) chain.unshift(getComputedStyle(e).backgroundColor);
    return chain.reduce(over, [255, 255, 255]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => ((v /= 255), v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faults = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; (n = walk.nextNode()); ) {
    const el = n.parentElement;
    if (!n.data.trim() || !el.checkVisibility() || el.closest(".console-screen, .unseen, .skip, noscript, option")) continue;
    const back = behind(el);
    const [a, b] = [light(over(back, getComputedStyle(el).color)), light(back)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faults.add(n.data.trim().slice(0, 40) + " in " + el.className + ": " + ratio.toFixed(2));
  }
  return [...faults];
})()`

func contrastFaults(t *testing.T, ctx context.Context) []string {
	t.Helper()
	faults, err := ask(t, ctx, chromedp.Evaluate[[]string](contrastScript))
	if err != nil {
		t.Fatal(err)
	}
	return faults
}
