// Package demo is what a newcomer finds: people to sign in as, two providers with hosts, and hours to use. It goes
// through the same store commands as pages and `volary`. `go run ./cmd/dev up` calls Make; web shows People on the
// sign-in page of a demo.
package demo
