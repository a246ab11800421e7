package jobs

import (
	"context"
	"time"
)

// How often leases are looked at, and when a cluster whose lease is over for that long is deleted.
const (
	leaseTick  = 2 * time.Second
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
		if hour := time.Now().Truncate(time.Hour); hour.After(settled) {
			if b.settle(ctx) {
				settled = hour
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// settle turns what was used into ledger entries. The hour is the database's: workers' clocks differ.
func (b *Bookkeeper) settle(ctx context.Context) bool {
	now, err := b.DB.StartRound(ctx)
	if err == nil {
		_, err = b.DB.SettleUsage(ctx, now)
	}
	if err != nil && ctx.Err() == nil {
		b.Log.ErrorContext(ctx, "settle usage", "error", err)
	}
	return err == nil
}
