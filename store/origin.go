package store

import (
	"context"
	"net/netip"

	"github.com/google/uuid"
)

// Origin is from where a command was given: what the log says of it beside the person. The zero Origin is a program's own
// doing, as the worker's and the operator's command's are.
type Origin struct {
	Session uuid.UUID  // Nil: nobody was signed in
	Address netip.Addr // of the browser; the zero Addr: none
}

type originKey struct{}

// WithOrigin gives what is done under the context its origin. The portal's middleware calls it for every request, so that
// no command has to hand it on and none can forget it: audit rows are written from the context of their transaction.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	o.Address = o.Address.Unmap().WithZone("")
	return context.WithValue(ctx, originKey{}, o)
}

func originOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// address is nil where there is none.
func (o Origin) address() *netip.Addr {
	if !o.Address.IsValid() {
		return nil
	}
	return &o.Address
}
