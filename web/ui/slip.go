package ui

import "context"

// The fields of a slip.
const (
	SlipPlace = "made_for"
	SlipID    = "slip"
)

// Slips are what the forms of one page carry unseen.
type Slips struct {
	Place string        // for whom the page was made: "org:ID", "provider:ID" or "platform"; empty: for the person alone
	NewID func() string // makes the id by which a form is taken once
}

type slipsKey struct{}

// WithSlips gives the forms that are rendered under the context their slips. Without it, as where nobody is signed in, they have none.
func WithSlips(ctx context.Context, s Slips) context.Context {
	return context.WithValue(ctx, slipsKey{}, s)
}

func slipsOf(ctx context.Context) (Slips, bool) {
	s, ok := ctx.Value(slipsKey{}).(Slips)
	return s, ok
}
