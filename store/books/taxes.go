package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// readTaxing decides how a provider taxes an organization on a day of its zone. A provider that has said nothing of tax yet taxes in no
// category: its papers say "taxes as agreed".
func readTaxing(ctx context.Context, q store.Queryer, providerID, orgID uuid.UUID, day typed.Day) (billing.Taxing, error) {
	var seller, buyer billing.TaxParty
	var domestic int64
	var certificate string
	err := q.QueryRow(ctx, `
		SELECT p.country, p.vat_id, g.country, g.vat_id,
		       coalesce((SELECT coalesce(rate, -1) FROM tax_rates t WHERE t.provider_id = p.id AND t.from_day <= $3::text::date ORDER BY t.from_day DESC LIMIT 1), -2),
		       coalesce((SELECT certificate FROM tax_exemptions e WHERE e.provider_id = p.id AND e.organization_id = g.id AND $3::text::date BETWEEN e.from_day AND e.until_day
		                  ORDER BY e.from_day DESC LIMIT 1), '')
		  FROM providers p, organizations g WHERE p.id = $1 AND g.id = $2`, providerID, orgID, day.String()).
		Scan(&seller.Country, &seller.VATID, &buyer.Country, &buyer.VATID, &domestic, &certificate)
	if err != nil {
		return billing.Taxing{}, fmt.Errorf("how provider %s taxes: %w", providerID, err)
	}
	if domestic == -2 {
		return billing.Taxing{}, nil
	}
	return billing.TaxOf(seller, buyer, domestic, certificate), nil
}

// TaxRate is a provider's domestic rate from a day on.
type TaxRate struct {
	From   typed.Day
	Rate   int64 // hundredths of a percent; below zero: none is charged
	ByName string
}

// TaxExemption is what exempts an organization.
type TaxExemption struct {
	Organization string
	Certificate  string
	From, Until  typed.Day // both included
}

// Taxes are how a provider taxes.
type Taxes struct {
	Rates      []TaxRate      // the latest first
	Exemptions []TaxExemption // the same; the latest hundred
}

// Taxes reads a provider's rates and whom it exempts, the latest hundred of each.
func (db *DB) Taxes(ctx context.Context, providerID uuid.UUID) (t Taxes, err error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT r.from_day::text, coalesce(r.rate, -1), coalesce(b.name, '') FROM tax_rates r LEFT JOIN people b ON b.id = r.set_by
		 WHERE r.provider_id = $1 ORDER BY r.from_day DESC LIMIT 100`, providerID)
	t.Rates, err = store.All(rows, "tax rates", func(row pgx.CollectableRow) (TaxRate, error) {
		var r TaxRate
		var from string
		err := row.Scan(&from, &r.Rate, &r.ByName)
		if err == nil {
			r.From, err = typed.ParseDay(from)
		}
		return r, err
	})
	if err != nil {
		return t, err
	}
	rows, _ = db.pool.Query(ctx, `
		SELECT g.name, e.certificate, e.from_day::text, e.until_day::text FROM tax_exemptions e JOIN organizations g ON g.id = e.organization_id
		 WHERE e.provider_id = $1 ORDER BY e.from_day DESC, g.name LIMIT 100`, providerID)
	t.Exemptions, err = store.All(rows, "tax exemptions", func(row pgx.CollectableRow) (TaxExemption, error) {
		var e TaxExemption
		var from, until string
		err := row.Scan(&e.Organization, &e.Certificate, &from, &until)
		if err == nil {
			e.From, err = typed.ParseDay(from)
		}
		if err == nil {
			e.Until, err = typed.ParseDay(until)
		}
		return e, err
	})
	return t, err
}

// today is the day in a provider's zone.
func today(ctx context.Context, tx pgx.Tx, providerID uuid.UUID) (typed.Day, error) {
	var name string
	if err := tx.QueryRow(ctx, `SELECT accounting_zone FROM providers WHERE id = $1`, providerID).Scan(&name); err != nil {
		return typed.Day{}, store.Found(err, "provider")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return typed.Day{}, fmt.Errorf("accounting zone %q: %w", name, err)
	}
	now, err := store.ReadNow(ctx, tx)
	return typed.DayOf(now, zone), err
}

// readTaxes reads what papers sum up by rate, by the papers' ids.
func readTaxes(ctx context.Context, q store.Queryer, table, paper string, ids ...uuid.UUID) (map[uuid.UUID][]billing.TaxSum, error) {
	rows, err := q.Query(ctx, `SELECT `+paper+`, category, rate, base, amount, reason FROM `+table+` WHERE `+paper+` = ANY ($1) ORDER BY `+paper+`, category, rate`, ids)
	if err != nil {
		return nil, fmt.Errorf("read taxes: %w", err)
	}
	sums := map[uuid.UUID][]billing.TaxSum{}
	var id uuid.UUID
	var t billing.TaxSum
	_, err = pgx.ForEachRow(rows, []any{&id, &t.Category, &t.Rate, &t.Base, &t.Amount, &t.Reason}, func() error {
		sums[id] = append(sums[id], t)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read taxes: %w", err)
	}
	return sums, nil
}
