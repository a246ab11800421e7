package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/store"
)

// GroupFilter says which part of an organization's month is meant.
type GroupFilter struct {
	Month    billing.Month // by each provider's accounting zone
	Provider uuid.UUID     // Nil: all
	Person   uuid.UUID     // who launched, whose file says nothing of the orders that paid; Nil: everybody
}

// GroupUsage adds an organization's month up by provider and person. Where it is everybody's it is compared with the
// ledger: billing.ErrUntied.
func (db *DB) GroupUsage(ctx context.Context, orgID uuid.UUID, f GroupFilter) (*billing.GroupUse, error) {
	use := &billing.GroupUse{}
	return use, db.eachGroupRun(ctx, orgID, f, use, use.Add)
}

// ExportGroupUsage writes an organization's month; billing's document has the columns. The file is good only where it
// returns nil.
func (db *DB) ExportGroupUsage(ctx context.Context, orgID uuid.UUID, f GroupFilter, to billing.Book) error {
	w, err := billing.NewGroupUsageWriter(to)
	if err != nil {
		return err
	}
	if err := db.eachGroupRun(ctx, orgID, f, &w.GroupUse, w.Run); err != nil {
		return err
	}
	return w.Finish()
}

// MonthsOfGroup are the first and the last month that an organization may ask for: of its first purchase, and the present
// one, wherever it comes first. Without a provider both are now's in UTC.
func (db *DB) MonthsOfGroup(ctx context.Context, orgID uuid.UUID, now time.Time) (first, last billing.Month, err error) {
	first = billing.MonthOf(now, time.UTC)
	rows, _ := db.pool.Query(ctx, `
		SELECT p.accounting_zone, (SELECT min(created_at) FROM lots WHERE wallet_id = w.id) FROM wallets w JOIN providers p ON p.id = w.provider_id
		 WHERE w.organization_id = $1`, orgID)
	type place struct {
		Zone  string
		Began *time.Time
	}
	places, err := store.All(rows, "providers of an organization", pgx.RowToStructByPos[place])
	if err != nil {
		return first, last, err
	}
	for i, p := range places {
		zone, err := time.LoadLocation(p.Zone)
		if err != nil {
			return first, last, fmt.Errorf("accounting zone %q: %w", p.Zone, err)
		}
		if m := billing.MonthOf(now, zone); i == 0 || last.Before(m) {
			last = m
		}
		if p.Began != nil {
			if m := billing.MonthOf(*p.Began, zone); m.Before(first) {
				first = m
			}
		}
	}
	if len(places) == 0 {
		last = first
	}
	return first, last, nil
}

// GroupParts are an organization's months with all its providers, and what is known of each.
func (db *DB) GroupParts(ctx context.Context, orgID uuid.UUID, month billing.Month) (parts []billing.GroupPart, err error) {
	err = db.eachParty(ctx, ExportScope{Organization: orgID, Month: month}, func(_ pgx.Tx, p billing.FocusParty) error {
		parts = append(parts, billing.GroupPart{ProviderID: p.ProviderID, ProviderName: p.Provider, Zone: p.Zone, Period: p.Period, AsOf: p.AsOf})
		return nil
	})
	return parts, err
}

// groupProvider is a provider that an organization has a wallet with.
type groupProvider struct {
	ID   uuid.UUID
	Name string
	Zone string
}

// eachGroupRun begins a part of use for each provider, calls fn with the part's runs, and compares the part with the ledger,
// all in one snapshot.
func (db *DB) eachGroupRun(ctx context.Context, orgID uuid.UUID, f GroupFilter, use *billing.GroupUse, fn func(billing.GroupRun) error) error {
	err := db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			SELECT p.id, p.name, p.accounting_zone FROM wallets w JOIN providers p ON p.id = w.provider_id
			 WHERE w.organization_id = $1 AND ($2::uuid IS NULL OR p.id = $2) ORDER BY p.name, p.id`, orgID, store.OrNull(f.Provider))
		providers, err := store.All(rows, "providers of an organization", pgx.RowToStructByPos[groupProvider])
		if err != nil {
			return err
		}
		for _, p := range providers {
			if err := groupPart(ctx, tx, orgID, p, f, use, fn); err != nil {
				return fmt.Errorf("with provider %s: %w", p.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("usage of organization %s in %s: %w", orgID, f.Month, err)
	}
	return nil
}

func groupPart(
	ctx context.Context, tx pgx.Tx, orgID uuid.UUID, p groupProvider, f GroupFilter, use *billing.GroupUse, fn func(billing.GroupRun) error,
) error {
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		return fmt.Errorf("accounting zone %q: %w", p.Zone, err)
	}
	part := billing.GroupPart{ProviderID: p.ID, ProviderName: p.Name, Zone: zone, Period: f.Month.Period(zone)}
	if part.AsOf, err = asOf(ctx, tx, p.ID, orgID); err != nil {
		return err
	}
	if err := use.Begin(part); err != nil {
		return err
	}
	// Who launched is who started the cluster last before the run. A person who left or was made nameless is still one.
	rows, err := tx.Query(ctx, selectRunUse+`, y.id AS person_id, y.name AS person_name`+fromRunUse+`
		  LEFT JOIN LATERAL (SELECT person_id FROM cluster_starts WHERE cluster_id = c.id AND at <= r.started_at ORDER BY number DESC LIMIT 1) s ON true
		  JOIN people y ON y.id = coalesce(s.person_id, c.person_id)
		 WHERE $5::uuid IS NULL OR y.id = $5`+orderRunUse, p.ID, part.Period.From, part.Period.To, orgID, store.OrNull(f.Person))
	if err != nil {
		return err
	}
	err = eachRunUse(rows, func(r runUseRow) error {
		if f.Person != uuid.Nil {
			r.Orders, r.OrderPurchaseOrder, r.OrderCostCentre, r.OrderGrantNumber = "", "", "", "" // orders are the group's
		}
		return fn(billing.GroupRun{RunUse: r.RunUse, PersonID: r.PersonID, PersonName: r.PersonName})
	})
	if err != nil || f.Person != uuid.Nil {
		return err // the ledger does not know persons
	}
	err = eachUseTakenBack(ctx, tx, p.ID, orgID, f.Month, func(r billing.RunUse) error { return fn(billing.GroupRun{RunUse: r}) })
	if err != nil {
		return err
	}
	totals, err := usageTotals(ctx, tx, p.ID, orgID, f.Month, part.Period)
	if err != nil {
		return err
	}
	ledger := billing.UsageTotal{OrganizationID: orgID}
	if len(totals) > 1 {
		return errors.New("the ledger has several sums of one organization")
	}
	if len(totals) == 1 {
		ledger = totals[0]
	}
	return use.Tie(part, ledger)
}
