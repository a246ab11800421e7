package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
)

// PeriodCheck is a question that a month has before it is closed.
type PeriodCheck struct {
	Title  string // "Use is booked"
	Found  string // what is in the way: "2 runs, 3.50 compute hours"; empty: nothing
	Next   string // what to do about it
	Blocks bool   // a month with it open is not closed; else it is only said
}

// Open tells whether the question is not answered.
func (c PeriodCheck) Open() bool { return c.Found != "" }

// periodChecks asks all questions of a provider's month.
func periodChecks(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, p billing.Period) ([]PeriodCheck, error) {
	var list []PeriodCheck
	for _, check := range []func(context.Context, pgx.Tx, uuid.UUID, billing.Period) (PeriodCheck, error){
		unbookedUse, refusedUse, unbookedExpiry, redAudit, unprovenRuns, waitingOrders, unusedCredit,
	} {
		c, err := check(ctx, tx, providerID, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Title, err)
		}
		list = append(list, c)
	}
	return list, nil
}

// unbookedUse finds what runs are proven to have used in the month and have no entry yet. Of a run that goes on, and whose host fell silent, an hour is booked
// once it is proven to its end: that one is unprovenRuns'.
func unbookedUse(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, p billing.Period) (PeriodCheck, error) {
	c := PeriodCheck{Title: "All proven use is booked", Next: "It is booked within the hour; `volary ledger status` says if it is not.", Blocks: true}
	var runs int
	var hours billing.Hours
	err := tx.QueryRow(ctx, `
		SELECT count(*), coalesce(sum(extract(epoch FROM u.until - b.booked_until)::bigint * r.rate), 0)::bigint
		  FROM wallets w JOIN run_bookings b ON b.wallet_id = w.id AND NOT b.done JOIN runs r ON r.id = b.run_id
		 CROSS JOIN LATERAL (
		   SELECT CASE WHEN r.closed_at IS NOT NULL OR r.ended_at >= $2 THEN least(r.ended_at, $2) ELSE date_trunc('hour', r.ended_at, 'UTC') END AS until) u
		 WHERE w.provider_id = $1 AND b.booked_until < u.until`, providerID, p.To).Scan(&runs, &hours)
	if runs > 0 {
		c.Found = refusal.Plural(runs, "run", "runs") + " with " + hours.Ceil() + " compute hours that are not booked"
	}
	return c, err
}

// refusedUse finds what could not be booked: somebody has to look why.
func refusedUse(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, p billing.Period) (PeriodCheck, error) {
	c := PeriodCheck{Title: "No use was set aside as wrong", Next: "Ask who runs the platform: the log names each run and why its use could not be booked.", Blocks: true}
	var runs int
	err := tx.QueryRow(ctx, `
		SELECT count(*) FROM wallets w JOIN run_bookings b ON b.wallet_id = w.id AND NOT b.done AND b.aside_reason <> ''
		 WHERE w.provider_id = $1 AND b.booked_until < $2`, providerID, p.To).Scan(&runs)
	if runs > 0 {
		c.Found = refusal.Plural(runs, "run", "runs") + " could not be booked"
	}
	return c, err
}

// unbookedExpiry finds lots that lapsed in the month, which settling has still to book.
func unbookedExpiry(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, p billing.Period) (PeriodCheck, error) {
	c := PeriodCheck{Title: "All that lapsed is booked", Next: "It is booked within the hour.", Blocks: true}
	var lots int
	var hours billing.Hours
	err := tx.QueryRow(ctx, `
		SELECT count(*), coalesce(sum(l.available), 0)::bigint FROM wallets w JOIN lots l ON l.wallet_id = w.id
		 WHERE w.provider_id = $1 AND l.available > 0 AND l.expires_at <= $2`, providerID, p.To).Scan(&lots, &hours)
	if lots > 0 {
		c.Found = refusal.Plural(lots, "purchase or grant", "purchases and grants") + " lapsed with " + hours.Ceil() + " compute hours that are not booked"
	}
	return c, err
}

// redAudit finds a difference that the last audit run of the ledger found.
func redAudit(ctx context.Context, tx pgx.Tx, _ uuid.UUID, _ billing.Period) (PeriodCheck, error) {
	c := PeriodCheck{Title: "The last audit run found the ledger whole", Next: "An admin of the platform reads on its first page what differs, and mends it.", Blocks: true}
	var day time.Time
	var differs bool
	err := tx.QueryRow(ctx, `SELECT day, difference IS NOT NULL FROM audit_runs WHERE ended_at IS NOT NULL ORDER BY day DESC LIMIT 1`).Scan(&day, &differs)
	switch {
	case err == nil && differs:
		c.Found = "the audit run of " + day.Format(time.DateOnly) + " found a difference"
	case errors.Is(err, pgx.ErrNoRows):
		return c, nil
	}
	return c, err
}

// unprovenRuns finds runs that go on and are not proven up to the month's end: their host is silent, and what they ran may come late.
func unprovenRuns(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, p billing.Period) (PeriodCheck, error) {
	c := PeriodCheck{Title: "Every run is proven to the month’s end or ended", Next: "What they ran until then is in the accounts of the next month once their hosts answer."}
	var runs int
	err := tx.QueryRow(ctx, `
		SELECT count(*) FROM wallets w JOIN run_bookings b ON b.wallet_id = w.id AND NOT b.done JOIN runs r ON r.id = b.run_id
		 WHERE w.provider_id = $1 AND r.closed_at IS NULL AND r.ended_at < $2`, providerID, p.To).Scan(&runs)
	if runs > 0 {
		c.Found = refusal.Plural(runs, "run is", "runs are") + " not proven so far"
	}
	return c, err
}

func waitingOrders(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, p billing.Period) (PeriodCheck, error) {
	c := PeriodCheck{Title: "No order of the month waits", Next: "An order that is approved later is in the accounts of the month in which that is done."}
	var orders int
	err := tx.QueryRow(ctx, `SELECT count(*) FROM orders WHERE provider_id = $1 AND state = 'waiting' AND created_at < $2`, providerID, p.To).Scan(&orders)
	if orders > 0 {
		c.Found = refusal.Plural(orders, "order waits", "orders wait")
	}
	return c, err
}

// unusedCredit finds money that came in and that no invoice took.
func unusedCredit(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, _ billing.Period) (PeriodCheck, error) {
	c := PeriodCheck{Title: "All payments are for an invoice", Next: "Credit pays the next invoice by itself; on the page of payments it is used at once or paid back."}
	var customers int
	err := tx.QueryRow(ctx, `
		SELECT count(DISTINCT m.wallet_id) FROM wallets w JOIN wallet_money m ON m.wallet_id = w.id AND m.credit > 0 WHERE w.provider_id = $1`, providerID).Scan(&customers)
	if customers > 0 {
		c.Found = refusal.Plural(customers, "customer has", "customers have") + " credit that no invoice took"
	}
	return c, err
}
