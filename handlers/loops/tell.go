package loops

import (
	"context"
	"time"
)

// How often notices become mails, and how often it is looked what the clock brought: leases and hours that end, which are not
// gathered. The longest that a notice is gathered (store.MailEvents), a tick and a mail's own second are less than a minute.
const (
	noticeTick = 2 * time.Second
	clockTick  = 20 * time.Second
)

// forgottenAtOnce is how many old notices go at a time.
const forgottenAtOnce = 5000

// tell mails what happened, until ctx ends. It goes on beside the settling of use, which may take its time.
func (b *Bookkeeper) tell(ctx context.Context) {
	ticker := time.NewTicker(noticeTick)
	defer ticker.Stop()
	var looked time.Time
	for {
		if time.Since(looked) >= clockTick {
			looked = time.Now()
			b.tellOfClock(ctx)
		}
		if n, err := b.Core.MailNotices(ctx); err != nil && ctx.Err() == nil {
			b.Log.ErrorContext(ctx, "mail notices", "error", err)
		} else if n > 0 {
			b.Log.InfoContext(ctx, "notices mailed", "mails", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (b *Bookkeeper) tellOfClock(ctx context.Context) {
	if _, err := b.Machines.TellLeaseEnds(ctx); err != nil && ctx.Err() == nil {
		b.Log.ErrorContext(ctx, "tell of leases", "error", err)
	}
	if _, err := b.Books.TellHours(ctx); err != nil && ctx.Err() == nil {
		b.Log.ErrorContext(ctx, "tell of hours", "error", err)
	}
	if _, err := b.Books.TellOverdue(ctx); err != nil && ctx.Err() == nil {
		b.Log.ErrorContext(ctx, "tell of overdue invoices", "error", err)
	}
}
