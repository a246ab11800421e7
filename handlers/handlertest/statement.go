package handlertest

import (
	"context"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
)

// ClosedMonth is one that North closed, before anything else was booked: the month before the last, whose days of grace are over.
func ClosedMonth() billing.Month {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return billing.MonthOf(time.Now(), zone).Previous().Previous()
}

// Statement gives the first organization's statement of North's ClosedMonth, in which nothing was moved.
func (a *App) Statement(w *World) uuid.UUID {
	a.t.Helper()
	ctx := context.Background()
	month := ClosedMonth()
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
