package books

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// verifyRuns compares each run with its lines: they go on where the one before ended, from the run's start to where it is
// booked, each with its seconds × rate. A range that several lots paid has a line of each, and counts once.
func verifyRuns(ctx context.Context, tx pgx.Tx, w wallet, _ *billing.Audit, report *LedgerReport) error {
	rows, err := tx.Query(ctx, `
		SELECT r.id, r.rate, r.started_at, r.ended_at, greatest(r.proven_at, r.started_at) AS proven_at, b.booked_until, l.*
		  FROM runs r LEFT JOIN run_bookings b ON b.run_id = r.id
		  JOIN LATERAL (
		    SELECT coalesce(sum(x.hours), 0)::bigint AS hours, count(*) AS ranges, min(x.from_at) AS from_at, max(x.to_at) AS to_at,
		           (array_agg(x.from_at ORDER BY x.from_at, x.to_at) FILTER (WHERE x.from_at < x.reached))[1] AS twice_from,
		           (array_agg(least(x.to_at, x.reached) ORDER BY x.from_at, x.to_at) FILTER (WHERE x.from_at < x.reached))[1] AS twice_to,
		           (array_agg(x.reached ORDER BY x.from_at) FILTER (WHERE x.from_at > x.reached))[1] AS never_from,
		           (array_agg(x.from_at ORDER BY x.from_at) FILTER (WHERE x.from_at > x.reached))[1] AS never_to,
		           min(x.from_at) FILTER (WHERE x.hours <> extract(epoch FROM x.to_at - x.from_at) * r.rate) AS wrong_at
		      FROM (SELECT from_at, to_at, sum(hours) AS hours,
		                   max(to_at) OVER (ORDER BY from_at, to_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached
		              FROM usage_lines WHERE run_id = r.id GROUP BY from_at, to_at) x) l ON true
		 WHERE r.wallet_id = $1 ORDER BY r.id`, w.ID)
	if err != nil {
		return err
	}
	runs, err := pgx.CollectRows(rows, pgx.RowToStructByName[bookedRun])
	if err != nil {
		return err
	}
	for _, r := range runs {
		report.Runs++
		if what, expected, found := r.differs(); what != "" {
			report.Difference = differs(w, what+" of run "+r.ID.String(), expected, found)
			return nil
		}
	}
	return nil
}

type bookedRun struct {
	ID          uuid.UUID
	Rate        billing.Rate
	StartedAt   time.Time
	EndedAt     time.Time
	ProvenAt    time.Time
	BookedUntil *time.Time
	Hours       billing.Hours
	Ranges      int
	FromAt      *time.Time // of the first range
	ToAt        *time.Time // of the last
	TwiceFrom   *time.Time // the first seconds that two lines have
	TwiceTo     *time.Time
	NeverFrom   *time.Time // the first between two lines that none has
	NeverTo     *time.Time
	WrongAt     *time.Time // the beginning of the first range that is not its seconds × rate
}

func (r bookedRun) differs() (what string, expected, found any) {
	booked := orZero(r.BookedUntil)
	seconds := booked.Unix() - r.StartedAt.Unix()
	switch {
	case r.BookedUntil == nil:
		return "the booking", "there", "missing"
	case r.EndedAt.After(r.ProvenAt):
		return "the end", "at most " + second(&r.ProvenAt), second(&r.EndedAt)
	case booked.After(r.EndedAt):
		return "the booked end", "at most " + second(&r.EndedAt), second(r.BookedUntil)
	case r.Ranges > 0 && !orZero(r.FromAt).Equal(r.StartedAt):
		return "the first booked second", second(&r.StartedAt), second(r.FromAt)
	case r.Ranges > 0 && !orZero(r.ToAt).Equal(booked):
		return "the last booked second", second(r.BookedUntil), second(r.ToAt)
	case r.TwiceFrom != nil || r.NeverFrom != nil:
		return "each booked second", "in one line", r.misfits()
	case r.WrongAt != nil:
		return "the booked use from " + second(r.WrongAt), "its seconds at the rate", "something else"
	case int64(r.Hours) != seconds*int64(r.Rate):
		return "the booked use in mcs", seconds * int64(r.Rate), int64(r.Hours)
	default:
		return "", nil, nil
	}
}

// misfits names what lines have twice, and apart from it what none has: seconds may be missing and others double while the
// sum is right.
func (r bookedRun) misfits() string {
	var parts []string
	if r.TwiceFrom != nil {
		parts = append(parts, fmt.Sprintf("in two from %s to %s", second(r.TwiceFrom), second(r.TwiceTo)))
	}
	if r.NeverFrom != nil {
		parts = append(parts, fmt.Sprintf("in none from %s to %s", second(r.NeverFrom), second(r.NeverTo)))
	}
	return strings.Join(parts, " and ")
}

func second(t *time.Time) string { return orZero(t).UTC().Format(time.RFC3339) }
