package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// PeriodRow is a month of a provider's accounts.
type PeriodRow struct {
	Month        billing.Month
	ClosedAt     *time.Time
	ClosedByName string // empty: the operator's command, or open
	Statements   int    // that were made when it was closed
}

// Period is one month with what is known of it.
type Period struct {
	PeriodRow
	Zone       *time.Location
	Instants   billing.Period
	MayCloseAt time.Time     // the month's end and the days of grace
	First      billing.Month // that is open: months are closed one after the other
	Checks     []PeriodCheck // of one that is open
	Files      []PeriodFile  // of one that is closed; of an open one without size and SHA-256, as they would be made now
	Now        time.Time
}

// accounts are a provider's month, as files are made of it.
type accounts struct {
	providerID uuid.UUID
	month      billing.Month
	period     billing.Period
	known      billing.AsOf
}

// openMonths remembers in which months a transaction may book; it holds them open.
type openMonths map[billing.Month]billing.Month

// of gives the month in whose accounts an entry is that is dated in another: the same while it is open. The lock is the database's
// (open_period): it is shared by all who book and waited for by who closes the month, behind the papers' number and before
// nothing that somebody with this lock waits for.
func (o openMonths) of(ctx context.Context, tx pgx.Tx, w wallet, dated billing.Month) (billing.Month, error) {
	if m, known := o[dated]; known {
		return m, nil
	}
	var first time.Time
	if err := tx.QueryRow(ctx, `SELECT open_period($1, $2::text::date)`, w.ProviderID, dated.FirstDay()).Scan(&first); err != nil {
		return billing.Month{}, fmt.Errorf("open month of provider %s: %w", w.ProviderID, err)
	}
	o[dated] = billing.MonthOf(first, time.UTC)
	return o[dated], nil
}

// RefuseClosedDay refuses a date of account whose month is closed ("closed"): what a person dates themselves is refused, while what comes late by itself
// is in the accounts of the next month.
func RefuseClosedDay(ctx context.Context, q store.Queryer, providerID uuid.UUID, day typed.Day) error {
	m := billing.Month{Year: day.Year, Month: day.Month}
	var closed *time.Time
	var open *time.Time
	err := q.QueryRow(ctx, `
		SELECT (SELECT closed_at FROM periods WHERE provider_id = $1 AND month = $2::text::date),
		       (SELECT (max(month) + interval '1 month')::date FROM periods WHERE provider_id = $1 AND closed_at IS NOT NULL)`, providerID, m.FirstDay()).Scan(&closed, &open)
	if err != nil {
		return fmt.Errorf("closed months of provider %s: %w", providerID, err)
	}
	if closed == nil && (open == nil || !m.Before(billing.MonthOf(*open, time.UTC))) {
		return nil
	}
	return &refusal.Error{
		Code: "closed", Title: fmt.Sprintf("%s is in %s, whose accounts are closed.", day, m.Words()),
		Next: fmt.Sprintf("Date it from 1 %s on.", billing.MonthOf(*open, time.UTC).Words()),
	}
}

// Periods gives a page of a provider's months, the newest first, and how many there are.
func (db *DB) Periods(ctx context.Context, providerID uuid.UUID, page store.Page) (list []PeriodRow, total int, err error) {
	rows, _ := db.pool.Query(ctx, selectPeriods+` WHERE p.provider_id = $1 ORDER BY p.month DESC LIMIT $2 OFFSET $3`, providerID, page.Most(), page.Skip())
	if list, err = store.All(rows, "periods", rowToPeriod); err != nil {
		return nil, 0, err
	}
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM periods WHERE provider_id = $1`, providerID).Scan(&total)
	return list, total, store.Found(err, "period")
}

const selectPeriods = `
	SELECT p.month, p.closed_at, coalesce(b.name, ''), (SELECT count(*) FROM statements s WHERE s.provider_id = p.provider_id AND s.month = p.month)
	  FROM periods p LEFT JOIN people b ON b.id = p.closed_by`

func rowToPeriod(row pgx.CollectableRow) (PeriodRow, error) {
	var p PeriodRow
	var first time.Time
	err := row.Scan(&first, &p.ClosedAt, &p.ClosedByName, &p.Statements)
	p.Month = billing.MonthOf(first, time.UTC)
	return p, err
}

// Period gives one of a provider's months with its checklist or its files. NotFound("month").
func (db *DB) Period(ctx context.Context, providerID uuid.UUID, month billing.Month) (p Period, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		if p, err = readPeriod(ctx, tx, providerID, month); err != nil {
			return err
		}
		if p.ClosedAt != nil {
			p.Files, err = keptFiles(ctx, tx, providerID, month)
			return err
		}
		for _, f := range periodFiles() {
			p.Files = append(p.Files, f.forms()...)
		}
		p.Checks, err = periodChecks(ctx, tx, providerID, p.Instants)
		return err
	})
	return p, err
}

func readPeriod(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, month billing.Month) (Period, error) {
	rows, _ := tx.Query(ctx, selectPeriods+` WHERE p.provider_id = $1 AND p.month = $2::text::date`, providerID, month.FirstDay())
	row, err := store.One(rows, "month", rowToPeriod)
	if err != nil {
		return Period{}, err
	}
	p := Period{PeriodRow: row}
	var zone string
	var days int
	var first *time.Time
	err = tx.QueryRow(ctx, `
		SELECT p.accounting_zone, p.grace_days, now(), (SELECT min(month) FROM periods WHERE provider_id = p.id AND closed_at IS NULL)
		  FROM providers p WHERE p.id = $1`, providerID).Scan(&zone, &days, &p.Now, &first)
	if err != nil {
		return Period{}, fmt.Errorf("days of grace of provider %s: %w", providerID, err)
	}
	if p.Zone, err = time.LoadLocation(zone); err != nil {
		return Period{}, fmt.Errorf("accounting zone %q: %w", zone, err)
	}
	if first != nil {
		p.First = billing.MonthOf(*first, time.UTC)
	}
	p.Instants = month.Period(p.Zone)
	p.MayCloseAt = typed.DayOf(time.Date(month.Year, month.Month+1, 1+days, 0, 0, 0, 0, time.UTC), time.UTC).Start(p.Zone)
	return p, nil
}

// PeriodClosed tells whether one of a provider's months is closed, so that its files are kept. NotFound("month").
func (db *DB) PeriodClosed(ctx context.Context, providerID uuid.UUID, month billing.Month) (bool, error) {
	var closed bool
	err := db.pool.QueryRow(ctx, `SELECT closed_at IS NOT NULL FROM periods WHERE provider_id = $1 AND month = $2::text::date`, providerID, month.FirstDay()).Scan(&closed)
	return closed, store.Found(err, "month")
}

// IsClosed is PeriodClosed of any month: one in which nothing was booked is not closed.
func (db *DB) IsClosed(ctx context.Context, providerID uuid.UUID, month billing.Month) (bool, error) {
	closed, err := db.PeriodClosed(ctx, providerID, month)
	if r, ok := refusal.As(err); ok && r.Code == "not_found" {
		return false, nil
	}
	return closed, err
}
