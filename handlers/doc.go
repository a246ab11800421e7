// Package handlers is the portal as one http.Handler: routes.go is its table of contents, one row per route with the
// permission it asks for. The audiences below it (public, org, provider) answer; middleware guards; request and
// respond read and write.
//
// Start at routes.go.
package handlers
