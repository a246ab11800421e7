package machines

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// TellLeaseEnds tells of leases that are over soon, and of disks that are deleted soon after one: a day, an hour and ten minutes
// before, each once for an end, and of what lasts no longer than a notice not by that one. An end that moves, since the lease was
// extended or its cluster paused, is told of anew. Of a lease that extends itself is told where it cannot. It returns of how many
// ends it told.
func (db *DB) TellLeaseEnds(ctx context.Context) (count int, err error) {
	for _, ends := range []soonEnds{leasesSoon, disksSoon} {
		err := db.core.Tx(ctx, func(tx pgx.Tx) error {
			n, err := db.tellSoon(ctx, tx, ends)
			count += n
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("tell of leases: %w", err)
		}
	}
	return count, nil
}

// soonEnds are ends of one kind: $2 is what their marks begin with.
type soonEnds struct {
	kind  store.MailKind
	mark  string
	query string
}

const tellSoon = `
	INSERT INTO told (event, subject_id, mark, at)
	SELECT $1, x.id, $2::text || s.step || ' ' || extract(epoch FROM x.at)::bigint, now()
	FROM (SELECT c.id, c.desired, c.until_stopped, c.lease_stays,
			CASE WHEN $2::text = '' THEN c.lease_ends_at ELSE c.kept_until END AS at,
			CASE WHEN $2::text = '' THEN c.lease_seconds ELSE 86400 * c.keep_days END AS lasts
		FROM clusters c WHERE c.ended_at IS NULL AND c.kind = 'cluster') x
	CROSS JOIN LATERAL (SELECT min(step) AS step FROM unnest(ARRAY[600, 3600, 86400]) AS step
		WHERE x.at <= now() + make_interval(secs => step) AND x.lasts > step) s
	WHERE x.at > now() AND x.at <= now() + make_interval(secs => 86400) AND s.step IS NOT NULL AND `

var (
	leasesSoon = soonEnds{store.MailLeaseEnds, "", tellSoon + `x.desired = 'running' AND (NOT x.until_stopped OR x.lease_stays <> '') ON CONFLICT DO NOTHING RETURNING subject_id`}
	disksSoon  = soonEnds{store.MailDisksEnd, "disks ", tellSoon + `x.desired = 'stopped' ON CONFLICT DO NOTHING RETURNING subject_id`}
)

func (db *DB) tellSoon(ctx context.Context, tx pgx.Tx, ends soonEnds) (int, error) {
	rows, _ := tx.Query(ctx, ends.query, store.EventLeaseEnds, ends.mark)
	ids, err := store.All(rows, "what ends soon", pgx.RowTo[uuid.UUID])
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	clusters, err := readTold(ctx, tx, ids)
	if err != nil {
		return 0, err
	}
	now, err := store.ReadNow(ctx, tx)
	if err != nil {
		return 0, err
	}
	var happened []store.Happening
	for _, c := range clusters {
		end := c.LeaseEndsAt
		if ends.kind == store.MailDisksEnd {
			end = c.KeptUntil
		}
		left := end.Sub(now)
		data := map[string]string{"until": store.MailTime(*end), "left": leftWords(left), "why": c.LeaseStays, "grace": c.keep()}
		if c.AtEnd == AtEndDelete {
			data["deleted"] = "yes"
		}
		happened = append(happened, c.happening(ends.kind, ends.mark+noticeOf(left)+" "+strconv.FormatInt(end.Unix(), 10), data))
	}
	return len(ids), db.core.Tell(ctx, tx, store.EventLeaseEnds, happened...)
}

// noticeOf is which of the three notices a lease gets that ends in left.
func noticeOf(left time.Duration) string {
	switch {
	case left <= 10*time.Minute:
		return "600"
	case left <= time.Hour:
		return "3600"
	default:
		return "86400"
	}
}

// leftWords says how long that is, in hours from two on and in minutes below.
func leftWords(left time.Duration) string {
	if left < 2*time.Hour {
		return refusal.Plural(max(int(left.Round(time.Minute).Minutes()), 1), "minute", "minutes")
	}
	return refusal.Plural(int(left.Round(time.Hour).Hours()), "hour", "hours")
}
