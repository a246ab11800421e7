package webtest

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

// axe is axe-core 4.14.1 as its package on npm has it (MPL 2.0, axe/LICENSE). Only tests use it.
//
//go:embed axe/axe.min.js
var axe string

// axeRun gives a line for each element that breaks a rule of WCAG 2.2 A or AA, or one of axe's best practices.
const axeRun = `axe.run(document, {resultTypes: ["violations"], runOnly: %s}).then((r) => r.violations.flatMap((v) =>
  v.nodes.map((n) => v.id + ": " + v.help + ": " + n.target.join(" ") + ": " + n.html.slice(0, 160))))`

const (
	everyRule   = `{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`
	colourRule  = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
	consoleRows = ".xterm"
)

// Equip gives axe-core to the page that ctx's browser shows.
func Equip(ctx context.Context) error {
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](axe+";0")); err != nil {
		return fmt.Errorf("axe: %w", err)
	}
	return nil
}

// Faults asks axe-core about the page after Equip. colours asks only what colours can break.
func Faults(ctx context.Context, colours bool) ([]string, error) {
	rules := everyRule
	if colours {
		rules = colourRule
	}
	faults, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf(axeRun, rules), chromedp.EvalAwaitPromise))
	if err != nil {
		return nil, fmt.Errorf("axe: %w", err)
	}
	var ours []string
	for _, f := range faults {
		// What xterm.js draws is its own; beside it is the log, as text.
		if !strings.Contains(f, consoleRows) {
			ours = append(ours, f)
		}
	}
	return ours, nil
}
