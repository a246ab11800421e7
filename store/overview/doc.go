// Package overview reads across the floors: what stands around every page (frame.go), the market, what a launch
// request's decision rests on, the first pages of organizations, providers and the platform, and the jobs, which are
// about hosts, tests, images and mails.
//
// It imports the core and every floor. Start at frame.go, then market.go; the rules of every floor are in the core's doc.go.
//
// # Decided
//
// 2026-11-29: a market is ordered by when what was asked for can start, and only then by cost; by price and cost, what cannot
// start at all as it was asked comes last. The lowest price is marked among rows that can start now, over the whole comparison
// and not the page. A full pool's networks and the addresses of one cluster count as much as its hosts do. What is short is
// said with its numbers (placement.Shortage), and of what is larger than a pool with the pool's size.
package overview
