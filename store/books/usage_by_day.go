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

// DayUse is what an organization's nodes used in a day, which begins and ends with the accounting zone of the provider that
// the node ran at: a day of a page is a day of that provider's files.
type DayUse struct {
	Day  time.Time // the date, as its midnight in UTC
	Used billing.Hours
}

// UsageByDay gives the last days, today the last of them, with what was booked and what open runs have proven since. A
// line of usage that spans midnight counts in proportion, so that a day is exact to a thousandth of a compute second. Of
// several providers' zones, today is the one that is furthest on. When a day begins is said by typed.Day: of a midnight that clocks
// show twice, PostgreSQL takes the second.
func (db *DB) UsageByDay(ctx context.Context, orgID uuid.UUID, days int) ([]DayUse, error) {
	var now time.Time
	var zones []string
	err := db.pool.QueryRow(ctx, `
		SELECT now(), coalesce(array_agg(DISTINCT p.accounting_zone), '{}')
		FROM wallets w JOIN providers p ON p.id = w.provider_id WHERE w.organization_id = $1`, orgID).Scan(&now, &zones)
	if err != nil {
		return nil, fmt.Errorf("zones of organization %s: %w", orgID, err)
	}
	b, err := boundsOf(zones, now, days)
	if err != nil {
		return nil, err
	}
	// Lines are cut where a month begins, so that none that reaches into the first day began more than a month before it.
	rows, _ := db.pool.Query(ctx, `
		WITH bounds AS MATERIALIZED (
			SELECT zone, day::date AS day, begins, ends FROM unnest($2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) AS b (zone, day, begins, ends)
		), own AS MATERIALIZED (
			SELECT w.id, p.accounting_zone AS zone, (SELECT min(b.begins) FROM bounds b WHERE b.zone = p.accounting_zone) AS first
			FROM wallets w JOIN providers p ON p.id = w.provider_id WHERE w.organization_id = $1
		), used AS (
			SELECT o.zone, l.from_at, l.to_at, l.hours FROM own o JOIN usage_lines l ON l.wallet_id = o.id
			WHERE l.from_at >= o.first - interval '768 hours' AND l.to_at > o.first
			UNION ALL
			SELECT o.zone, b.booked_until, r.ended_at, extract(epoch FROM r.ended_at - b.booked_until)::bigint * r.rate
			FROM own o JOIN run_bookings b ON b.wallet_id = o.id JOIN runs r ON r.id = b.run_id
			WHERE NOT b.done AND r.ended_at > b.booked_until
		), parts AS (
			SELECT b.day, sum(u.hours * extract(epoch FROM least(u.to_at, b.ends) - greatest(u.from_at, b.begins))
				/ extract(epoch FROM u.to_at - u.from_at)) AS used
			FROM used u JOIN bounds b ON b.zone = u.zone AND b.begins < u.to_at AND b.ends > u.from_at GROUP BY b.day
		)
		SELECT d.day, coalesce(round(p.used), 0)::bigint AS used
		FROM (SELECT DISTINCT day FROM bounds) d LEFT JOIN parts p ON p.day = d.day ORDER BY d.day`,
		orgID, b.zones, b.days, b.begins, b.ends)
	list, err := store.All(rows, "use by day", pgx.RowToStructByName[DayUse])
	if err != nil {
		return nil, fmt.Errorf("use of organization %s by day: %w", orgID, err)
	}
	return list, nil
}

// dayBounds are days of several zones, as columns.
type dayBounds struct {
	zones, days  []string
	begins, ends []time.Time
}

// boundsOf are the last days in each of the zones, or in UTC where there is none, up to the day of now that is furthest on.
func boundsOf(zones []string, now time.Time, days int) (b dayBounds, err error) {
	if len(zones) == 0 {
		zones = []string{"UTC"}
	}
	places := make([]*time.Location, len(zones))
	var last typed.Day
	for i, name := range zones {
		if places[i], err = time.LoadLocation(name); err != nil {
			return b, fmt.Errorf("accounting zone %q: %w", name, err)
		}
		if today := typed.DayOf(now, places[i]); last.IsZero() || today.Compare(last) > 0 {
			last = today
		}
	}
	for i, place := range places {
		for d := last.Add(1 - days); d.Compare(last) <= 0; d = d.Next() {
			b.zones, b.days = append(b.zones, zones[i]), append(b.days, d.String())
			b.begins, b.ends = append(b.begins, d.Start(place)), append(b.ends, d.End(place))
		}
	}
	return b, nil
}
