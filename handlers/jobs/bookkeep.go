package jobs

import (
	"context"
	"time"
)

// How often leases are looked at and use is settled, and when a cluster whose lease is over for that long is deleted.
// Settling often costs little: an hour is booked once, as soon as it is proven to its end.
const (
	leaseTick  = 2 * time.Second
	settleTick = time.Minute
	leaseGrace = 24 * time.Hour
)

// Bookkeeper ends leases and settles use. Every worker runs one: both are set-based, judge each row afresh and do
// nothing twice.
type Bookkeeper struct {
	Engine
}

// Run keeps the books until ctx ends.
func (b *Bookkeeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(leaseTick)
	defer ticker.Stop()
	var settled time.Time
	for {
		if n, err := b.DB.EndLeases(ctx, leaseGrace); err != nil && ctx.Err() == nil {
			b.Log.ErrorContext(ctx, "end leases", "error", err)
		} else if n > 0 {
			b.Log.InfoContext(ctx, "leases ended", "clusters", n)
		}
		if time.Since(settled) >= settleTick {
			settled = time.Now()
			b.settle(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// settle turns what was used into ledger entries. The hour is the database's: workers' clocks differ.
func (b *Bookkeeper) settle(ctx context.Context) {
	now, err := b.DB.StartRound(ctx)
	if err == nil {
		_, err = b.DB.SettleUsage(ctx, now)
	}
	if err != nil && ctx.Err() == nil {
		b.Log.ErrorContext(ctx, "settle usage", "error", err)
	}
}
