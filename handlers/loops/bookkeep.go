package loops

import (
	"context"
	"sync"
	"time"

	"volary.dev/store/books"
)

// How often leases are looked at and use is settled.
// The ledger is audited once a day; how soon after midnight (UTC) is the last.
// Settling often costs little: an hour is booked once, as soon as it is proven to its end.
const (
	leaseTick  = 2 * time.Second
	settleTick = time.Minute
	auditTick  = 10 * time.Minute
)

// Bookkeeper extends leases that do so themselves, ends those that are over, begins acceptance tests that waited, settles use, tells people what they want to hear of, forgets spent secrets and has the ledger audited. Every worker runs one: the first four judge each row afresh and do nothing twice; the audit run of a day is one worker's.
type Bookkeeper struct {
	Engine
}

// Run keeps the books until ctx ends.
func (b *Bookkeeper) Run(ctx context.Context) error {
	var audits sync.WaitGroup // and what is told, beside
	defer audits.Wait()
	audits.Go(func() { b.auditDaily(ctx) })
	audits.Go(func() { b.tell(ctx) })
	ticker := time.NewTicker(leaseTick)
	defer ticker.Stop()
	var settled time.Time
	for {
		if n, err := b.Machines.ExtendLeases(ctx); err != nil && ctx.Err() == nil {
			b.Log.ErrorContext(ctx, "extend leases", "error", err)
		} else if n > 0 {
			b.Log.InfoContext(ctx, "leases extended by themselves", "clusters", n)
		}
		if n, err := b.Machines.EndLeases(ctx); err != nil && ctx.Err() == nil {
			b.Log.ErrorContext(ctx, "end leases", "error", err)
		} else if n > 0 {
			b.Log.InfoContext(ctx, "leases ended", "clusters", n)
		}
		b.beginTests(ctx)
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

// beginTests begins the acceptance tests whose turn has come.
func (b *Bookkeeper) beginTests(ctx context.Context) {
	n, err := b.Machines.BeginWaitingTests(ctx)
	if err != nil && ctx.Err() == nil {
		b.Log.ErrorContext(ctx, "begin waiting tests", "error", err)
	}
	if n > 0 {
		b.Log.InfoContext(ctx, "waiting tests begun", "tests", n)
	}
}

// settle turns what was used into ledger entries. The hour is the database's: workers' clocks differ.
func (b *Bookkeeper) settle(ctx context.Context) {
	now, err := b.Core.Now(ctx)
	if err == nil {
		_, err = b.Books.SettleUsage(ctx, now)
	}
	if err != nil && ctx.Err() == nil {
		b.Log.ErrorContext(ctx, "settle usage", "error", err)
	}
}

// auditDaily goes on beside the rest: recomputing a long ledger takes its time, and leases end meanwhile. Before each look at
// whether a day is to be audited it forgets spent secrets and slips.
func (b *Bookkeeper) auditDaily(ctx context.Context) {
	ticker := time.NewTicker(auditTick)
	defer ticker.Stop()
	for {
		if err := b.Core.ForgetSecrets(ctx); err != nil && ctx.Err() == nil {
			b.Log.ErrorContext(ctx, "forget spent secrets", "error", err)
		}
		if err := b.Core.ForgetSlips(ctx); err != nil && ctx.Err() == nil {
			b.Log.ErrorContext(ctx, "forget slips", "error", err)
		}
		if err := b.Core.ForgetNotices(ctx, forgottenAtOnce); err != nil && ctx.Err() == nil {
			b.Log.ErrorContext(ctx, "forget notices", "error", err)
		}
		b.audit(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (b *Bookkeeper) audit(ctx context.Context) {
	known, err := olderHeads(ctx, b.Books, b.Models)
	var run books.AuditRun
	var did bool
	if err == nil {
		run, did, err = b.Books.AuditLedger(ctx, b.Worker, known)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		b.Log.ErrorContext(ctx, "audit the ledger", "error", err)
	case err != nil || !did:
	case run.Difference != "":
		b.Log.ErrorContext(ctx, "the ledger differs", "day", run.Day.Format(time.DateOnly), "difference", run.Difference)
	default:
		b.Log.InfoContext(ctx, "the ledger is whole", "day", run.Day.Format(time.DateOnly), "journals", run.Journals, "entries", run.Entries)
	}
}
