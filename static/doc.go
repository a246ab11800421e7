// Package static holds what the browser gets besides pages. css and js are the sources, vendor the npm files kept
// with their licences, dist the built result, which is embedded. `go run ./cmd/dev gen` builds dist and the
// constants of assets_gen.go; nothing else is needed to compile or serve.
//
// css/app.css is the design language: css/tokens.css first, then a file per concern. There are no inline scripts
// or styles anywhere, so the content security policy allows none.
package static
