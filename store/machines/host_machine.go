package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// hostAddress are the columns of host h that a driver needs to reach it, and to know it; scanAddress takes them.
const hostAddress = `h.scheme, h.address, h.port, coalesce(h.machine, '00000000-0000-0000-0000-000000000000'), coalesce(h.machine_key, '00000000-0000-0000-0000-000000000000')`

func scanAddress(a *provisioner.HostAddress) []any {
	return []any{&a.Scheme, &a.Name, &a.Port, &a.Machine.UUID, &a.Machine.Key}
}

// HostMistaken writes down why what answers at a host's address is not taken for it; it gets no nodes until its own machine
// answers again, or another was enrolled in its place. It tells whether that is news.
func (db *DB) HostMistaken(ctx context.Context, hostID uuid.UUID, worker, why string) (news bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		var provider uuid.UUID
		rows, _ := tx.Query(ctx, `
			UPDATE hosts h SET mistaken = $3 FROM (SELECT id, mistaken FROM hosts WHERE id = $1 FOR UPDATE) AS was
			WHERE h.id = was.id AND was.mistaken <> $3 AND h.claimed_by = $2 AND h.claimed_until > now()
			RETURNING h.provider_id, was.mistaken = ''`, hostID, worker, why)
		if _, err := pgx.ForEachRow(rows, []any{&provider, &news}, func() error { return nil }); err != nil {
			return fmt.Errorf("note another machine at host %s: %w", hostID, err)
		}
		if !news {
			return nil
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{Provider: provider, Verb: "notice another machine", Subject: "host", SubjectID: hostID, Detail: map[string]any{"why": why}})
	})
	return news, err
}

// know keeps a machine's key when its host's hook first reports one, or finds that another host reported it before. Then
// neither takes nodes, and each page says so without the other's name.
func (r *round) know(ctx context.Context, tx pgx.Tx, seen provisioner.Machine) error {
	if seen.Key == uuid.Nil || r.Keyed {
		return nil
	}
	tag, err := tx.Exec(ctx, `
		UPDATE hosts SET machine_key = $2, twin_of = NULL WHERE id = $1 AND machine_key IS NULL
			AND NOT EXISTS (SELECT FROM hosts o WHERE o.machine_key = $2 AND o.removed_at IS NULL)`, r.HostID, seen.Key)
	if err != nil || tag.RowsAffected() > 0 {
		return store.Found(err, "host")
	}
	_, err = tx.Exec(ctx, `
		UPDATE hosts SET twin_of = (SELECT id FROM hosts o WHERE o.machine_key = $2 AND o.removed_at IS NULL)
		WHERE id = $1 AND machine_key IS NULL`, r.HostID, seen.Key)
	if err != nil {
		return fmt.Errorf("note that host %s has a twin: %w", r.HostID, err)
	}
	return nil
}

// mistakenNow is what a round that its own machine answered leaves of mistaken.
const mistakenNow = `
	CASE WHEN twin_of IS NOT NULL OR EXISTS (SELECT FROM hosts t WHERE t.twin_of = hosts.id AND t.removed_at IS NULL) THEN '` + sameMachine + `' ELSE '' END`
