package handlertest

import (
	"context"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/store/books"
)

// ClosedMonth is one that North closed, long before anything else was booked.
const ClosedMonth = "2025-09"

// Statement gives the first organization's statement of North's ClosedMonth, in which nothing was moved.
func (a *App) Statement(w *World) uuid.UUID {
	a.t.Helper()
	ctx := context.Background()
	month := must(billing.ParseMonth(ClosedMonth))(a)
	_, err := a.Pool.Exec(ctx, `SELECT open_period($1, $2::text::date)`, w.North, month.FirstDay())
	a.ok(err)
	if closed := must(a.Store.Books.IsClosed(ctx, w.North, month))(a); !closed {
		a.ok(a.Store.Books.ClosePeriod(ctx, w.people[Accountant], w.North, month))
	}
	id := uuid.Must(uuid.NewV7())
	_, err = a.Pool.Exec(ctx, `
		INSERT INTO statements (id, provider_id, month, wallet_id, organization_id, made_at, seller, tax_id, buyer, zone, seq, hash, opening, bought, granted, used, expired, refunded,
		                        closing, currency, prepaid_opening, sold, earned, lapsed, credited, prepaid_closing, owed_opening, invoiced, paid, settled, owed_closing)
		SELECT $1, w.provider_id, $3::text::date, w.id, w.organization_id, now(), 'North', '', 'First Group', 'Europe/Berlin', j.seq, j.hash,
		       0, 0, 0, 0, 0, 0, 0, 'EUR', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
		  FROM wallets w JOIN journal_heads j ON j.wallet_id = w.id WHERE w.provider_id = $2 AND w.organization_id = $4`,
		id, w.North, month.FirstDay(), w.Organization)
	a.ok(err)
	return id
}

// GraceDays sets from when on North may close its months.
func (a *App) GraceDays(w *World, days int) {
	a.t.Helper()
	a.ok(a.Store.Books.SetAccounts(context.Background(), w.people[Accountant], w.North, books.AccountSettings{GraceDays: days}))
}
