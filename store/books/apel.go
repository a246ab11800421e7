package books

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/store"
)

// ExportApel writes the cloud usage records of a UTC month, one for each machine that had passed its gate by then and was not gone
// before: what it ran up to the month's end, or up to now. site is the provider's name in GOCDB; empty: made of its name.
func (db *DB) ExportApel(ctx context.Context, s ExportScope, site string, to io.Writer) error {
	if err := s.check(); err != nil {
		return err
	}
	err := db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		var made time.Time
		if err := tx.QueryRow(ctx, `SELECT date_trunc('second', now())`).Scan(&made); err != nil {
			return err
		}
		w := billing.NewApelWriter(to, s.Month, made, "volary-apel-"+s.Month.String())
		if err := eachVM(ctx, tx, s, made, func(v billing.VMUse) error {
			if site != "" {
				v.Site = site
			}
			v.CloudVersion = built()
			return w.VM(v)
		}); err != nil {
			return err
		}
		return w.Finish()
	})
	if err != nil {
		return fmt.Errorf("export APEL records of %s: %w", s.Month, err)
	}
	return nil
}

// built is of which version this program was built.
func built() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "1"
}

// eachVM streams the machines of a UTC month. Who launched a machine is who started its cluster last before its first run in the end.
func eachVM(ctx context.Context, tx pgx.Tx, s ExportScope, made time.Time, fn func(billing.VMUse) error) error {
	p := s.Month.UTCMonth()
	if made.Before(p.From) {
		return nil
	}
	rows, err := tx.Query(ctx, `
		SELECT n.id, c.name || '-' || n.name, p.name, k.name, coalesce(s.person_id, c.person_id), o.id, o.name, u.began, u.ended,
		       n.state = 'gone' AND NOT u.later AND u.running = 0, u.running > 0, u.wall, n.vcpus, n.memory_mib, n.disk_gib, n.image_digest
		  FROM nodes n
		  JOIN clusters c ON c.id = n.cluster_id
		  JOIN pools k ON k.id = c.pool_id
		  JOIN providers p ON p.id = n.provider_id
		  JOIN organizations o ON o.id = n.organization_id
		  CROSS JOIN LATERAL (
		    SELECT min(r.started_at) FILTER (WHERE r.started_at < $4) AS began, max(least(r.ended_at, $4)) FILTER (WHERE r.started_at < $4) AS ended,
		           coalesce(sum(extract(epoch FROM least(r.ended_at, $4) - r.started_at)) FILTER (WHERE r.started_at < $4), 0)::bigint AS wall,
		           count(*) FILTER (WHERE r.started_at < $4 AND (r.closed_at IS NULL OR r.ended_at > $4)) AS running,
		           coalesce(bool_or(r.started_at >= $4), false) AS later
		      FROM runs r WHERE r.node_id = n.id) u
		  LEFT JOIN LATERAL (SELECT person_id FROM cluster_starts WHERE cluster_id = c.id AND at <= u.ended ORDER BY number DESC LIMIT 1) s ON true
		 WHERE ($1::uuid IS NULL OR n.provider_id = $1) AND ($2::uuid IS NULL OR n.organization_id = $2) AND c.kind = 'cluster' AND u.began IS NOT NULL
		   AND (n.state <> 'gone' OR u.later OR u.running > 0 OR u.ended >= $3)
		 ORDER BY n.id`, store.OrNull(s.Provider), store.OrNull(s.Organization), p.From, p.To)
	var v billing.VMUse
	var person, group uuid.UUID
	var gone bool
	var ended time.Time
	into := []any{
		&v.NodeID, &v.Machine, &v.Site, &v.Service, &person, &group, &v.Group, &v.Began, &ended, &gone, &v.Running, &v.Wall, &v.VCPUs, &v.MemoryMiB, &v.DiskGiB, &v.ImageDigest,
	}
	return eachRow(rows, err, into, func() error {
		v.PersonID, v.GroupID, v.Until, v.Ended = person, group, ended, time.Time{}
		if gone {
			v.Ended = ended
		}
		return fn(v)
	})
}
