// Package static holds what the browser gets besides pages. css and js are the sources, vendor the npm files kept
// with their licences, dist the built result, which is embedded. `go run ./cmd/dev gen` builds dist and the
// constants of assets_gen.go; nothing else is needed to compile or serve.
//
// css/app.css is the design language: css/tokens.css first, then a file per concern. There are no inline scripts
// or styles anywhere, so the content security policy allows none.
//
// # Decided
//
// 2026-11-22: what changes while a page is looked at is laid over it by idiomorph (js/live.js) instead of replacing its
// element. Replaced, a reason that was typed and left for the button beside it was lost, and so were the focus and the
// reader's place; and a click between two replacements hit nothing.
package static
