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

// DayUse is what an organization's nodes used in a day of UTC.
type DayUse struct {
	Day  time.Time // its beginning
	Used billing.Hours
}

// UsageByDay gives the last days, today the last of them, with what was booked and what open runs have proven since. A
// line of usage that spans midnight counts in proportion, so that a day is exact to a thousandth of a compute second.
func (db *DB) UsageByDay(ctx context.Context, orgID uuid.UUID, days int) ([]DayUse, error) {
	// An interval of 24 hours and not of a day: the latter would follow the session's time zone. Lines are cut where a
	// month begins, so that none that reaches into the first day began more than a month before it.
	rows, _ := db.pool.Query(ctx, `
		WITH span AS MATERIALIZED (
			SELECT date_trunc('day', now(), 'UTC') - make_interval(hours => 24 * ($2 - 1)) AS first, date_trunc('day', now(), 'UTC') AS last
		), own AS MATERIALIZED (
			SELECT id FROM wallets WHERE organization_id = $1
		), used AS (
			SELECT l.from_at, l.to_at, l.hours FROM span, usage_lines l
			WHERE l.wallet_id IN (SELECT id FROM own) AND l.from_at >= span.first - interval '744 hours' AND l.to_at > span.first
			UNION ALL
			SELECT b.booked_until, r.ended_at, extract(epoch FROM r.ended_at - b.booked_until)::bigint * r.rate
			FROM run_bookings b JOIN runs r ON r.id = b.run_id
			WHERE b.wallet_id IN (SELECT id FROM own) AND NOT b.done AND r.ended_at > b.booked_until
		), parts AS (
			SELECT d AS day, sum(u.hours * extract(epoch FROM least(u.to_at, d + interval '24 hours') - greatest(u.from_at, d))
				/ extract(epoch FROM u.to_at - u.from_at)) AS used
			FROM span, used u CROSS JOIN LATERAL generate_series(date_trunc('day', u.from_at, 'UTC'), u.to_at, interval '24 hours') AS d
			WHERE d < u.to_at GROUP BY d
		)
		SELECT d AS day, coalesce(round(p.used), 0)::bigint AS used
		FROM span CROSS JOIN LATERAL generate_series(span.first, span.last, interval '24 hours') AS d
		LEFT JOIN parts p ON p.day = d ORDER BY d`, orgID, days)
	list, err := store.All(rows, "use by day", pgx.RowToStructByName[DayUse])
	if err != nil {
		return nil, fmt.Errorf("use of organization %s by day: %w", orgID, err)
	}
	return list, nil
}
