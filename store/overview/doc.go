// Package overview reads across the floors: what stands around every page (frame.go), the market, what a launch
// request's decision rests on, the first pages of organizations, providers and the platform, and the jobs, which are
// about hosts, tests, images and mails.
//
// It imports the core and every floor. Start at frame.go, then market.go; the rules of every floor are in the core's doc.go.
package overview
