// Package assets builds what the browser gets: static/js and static/css, together with the npm files kept under
// static/vendor, become hashed files in static/dist, and static/assets_gen.go names them as constants.
//
// Both the vendored files and the result are committed, so that `go build` needs neither npm nor this package.
// Building twice writes nothing the second time.
package assets
