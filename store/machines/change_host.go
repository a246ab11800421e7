package machines

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// lockedHost is a host whose row, and whose pool's before it, are locked: no launch places nodes meanwhile.
type lockedHost struct {
	Name     string
	Checked  bool // it passed the last check that ended
	Enrolled bool
	Waiting  bool // for a code
	Mistaken bool // another machine answers at its address, or a twin does elsewhere
	Nodes    int  // all but gone ones
}

func lockHost(ctx context.Context, tx pgx.Tx, providerID, id uuid.UUID) (h lockedHost, err error) {
	_, err = tx.Exec(ctx, `
		SELECT FROM pools WHERE id = (SELECT pool_id FROM hosts WHERE id = $1 AND provider_id = $2) FOR UPDATE`, id, providerID)
	if err != nil {
		return h, fmt.Errorf("lock pool of host: %w", err)
	}
	rows, _ := tx.Query(ctx, `
		SELECT name, checked, enrolled_at IS NOT NULL AS enrolled, enrol_code IS NOT NULL AS waiting, mistaken <> '' AS mistaken,
			(SELECT count(*) FROM nodes n WHERE n.host_id = h.id AND n.state <> 'gone')::int AS nodes
		FROM hosts h WHERE id = $1 AND provider_id = $2 AND removed_at IS NULL FOR UPDATE`, id, providerID)
	return store.One(rows, "host", pgx.RowToStructByName[lockedHost])
}

const mostHostReason = 200

func (db *DB) changeHost(ctx context.Context, by, providerID, id uuid.UUID, to provisioner.HostState, verb, reason string) error {
	reason = strings.TrimSpace(reason)
	f := store.Fields{}
	f.Length("reason", reason, 0, mostHostReason)
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := lockHost(ctx, tx, providerID, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE hosts SET state = $2, state_reason = $3 WHERE id = $1`, id, to, reason); err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: verb, Subject: "host", SubjectID: id, Detail: map[string]any{"reason": reason}})
	})
}
