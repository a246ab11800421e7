package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
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
// several providers' zones, today is the one that is furthest on.
func (db *DB) UsageByDay(ctx context.Context, orgID uuid.UUID, days int) ([]DayUse, error) {
	// Lines are cut where a month begins, so that none that reaches into the first day began more than a month before it.
	rows, _ := db.pool.Query(ctx, `
		WITH own AS MATERIALIZED (
			SELECT w.id, p.accounting_zone AS zone FROM wallets w JOIN providers p ON p.id = w.provider_id WHERE w.organization_id = $1
		), span AS MATERIALIZED (
			SELECT last, last - ($2 - 1) AS first FROM (
				SELECT coalesce(max((now() AT TIME ZONE zone)::date), (now() AT TIME ZONE 'UTC')::date) AS last FROM own) x
		), used AS (
			SELECT o.zone, l.from_at, l.to_at, l.hours FROM span, usage_lines l JOIN own o ON o.id = l.wallet_id
			WHERE l.from_at >= span.first::timestamp AT TIME ZONE o.zone - interval '768 hours' AND l.to_at > span.first::timestamp AT TIME ZONE o.zone
			UNION ALL
			SELECT o.zone, b.booked_until, r.ended_at, extract(epoch FROM r.ended_at - b.booked_until)::bigint * r.rate
			FROM own o JOIN run_bookings b ON b.wallet_id = o.id JOIN runs r ON r.id = b.run_id
			WHERE NOT b.done AND r.ended_at > b.booked_until
		), parts AS (
			SELECT d::date AS day, sum(u.hours * extract(epoch FROM least(u.to_at, day.ends) - greatest(u.from_at, day.begins))
				/ extract(epoch FROM u.to_at - u.from_at)) AS used
			FROM used u
			CROSS JOIN LATERAL generate_series(date_trunc('day', u.from_at AT TIME ZONE u.zone), u.to_at AT TIME ZONE u.zone, interval '1 day') AS d
			CROSS JOIN LATERAL (SELECT d AT TIME ZONE u.zone AS begins, (d + interval '1 day') AT TIME ZONE u.zone AS ends) day
			WHERE day.begins < u.to_at AND day.ends > u.from_at GROUP BY d::date
		)
		SELECT d::date AS day, coalesce(round(p.used), 0)::bigint AS used
		FROM span CROSS JOIN LATERAL generate_series(span.first::timestamp, span.last::timestamp, interval '1 day') AS d
		LEFT JOIN parts p ON p.day = d::date ORDER BY d`, orgID, days)
	list, err := store.All(rows, "use by day", pgx.RowToStructByName[DayUse])
	if err != nil {
		return nil, fmt.Errorf("use of organization %s by day: %w", orgID, err)
	}
	return list, nil
}
