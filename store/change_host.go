package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// lockedHost is a host whose row, and whose pool's before it, are locked: no launch places nodes meanwhile.
type lockedHost struct {
	Name    string
	Checked bool // it passed the last check that ended
	Nodes   int  // all but gone ones
}

func lockHost(ctx context.Context, tx pgx.Tx, providerID, id uuid.UUID) (h lockedHost, err error) {
	_, err = tx.Exec(ctx, `
		SELECT FROM pools WHERE id = (SELECT pool_id FROM hosts WHERE id = $1 AND provider_id = $2) FOR UPDATE`, id, providerID)
	if err != nil {
		return h, fmt.Errorf("lock pool of host: %w", err)
	}
	rows, _ := tx.Query(ctx, `
		SELECT name, checked,
			(SELECT count(*) FROM nodes n WHERE n.host_id = h.id AND n.state <> 'gone')::int AS nodes
		FROM hosts h WHERE id = $1 AND provider_id = $2 AND removed_at IS NULL FOR UPDATE`, id, providerID)
	return one(rows, "host", pgx.RowToStructByName[lockedHost])
}

// CordonHost lets a host keep its nodes and take no new ones; reason is what staff read beside it. Refusals: "invalid"
// for reason, NotFound("host").
func (db *DB) CordonHost(ctx context.Context, by, providerID, id uuid.UUID, reason string) error {
	return db.changeHost(ctx, by, providerID, id, provisioner.HostCordoned, "cordon host", reason)
}

// DrainHost empties a host: it takes nothing new, and a stopped cluster does not start on it again. What runs ends
// with its lease. Refusals as for CordonHost.
func (db *DB) DrainHost(ctx context.Context, by, providerID, id uuid.UUID, reason string) error {
	return db.changeHost(ctx, by, providerID, id, provisioner.HostDraining, "drain host", reason)
}

const mostHostReason = 200

func (db *DB) changeHost(ctx context.Context, by, providerID, id uuid.UUID, to provisioner.HostState, verb, reason string) error {
	reason = strings.TrimSpace(reason)
	f := fields{}
	f.length("reason", reason, 0, mostHostReason)
	if err := f.refusal(); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		if _, err := lockHost(ctx, tx, providerID, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE hosts SET state = $2, state_reason = $3 WHERE id = $1`, id, to, reason); err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		return writeAudit(ctx, tx, auditRow{By: by, Provider: providerID, Verb: verb, Subject: "host", SubjectID: id, Detail: map[string]any{"reason": reason}})
	})
}

// ActivateHost lets a host take nodes again; one that does not answer now takes them when it does. Refusals:
// "host_unchecked" where its last check did not pass, "suspended", NotFound("host").
func (db *DB) ActivateHost(ctx context.Context, by, providerID, id uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		if err := refuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		h, err := lockHost(ctx, tx, providerID, id)
		if err != nil {
			return err
		}
		if !h.Checked {
			return &provisioner.Refusal{
				Code: "host_unchecked", Title: h.Name + " has not passed its last check.",
				Next: "Check it again. It takes nodes by itself when its check has passed.",
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE hosts SET state = 'active', state_reason = '' WHERE id = $1`, id); err != nil {
			return fmt.Errorf("activate host: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: by, Provider: providerID, Verb: "activate host", Subject: "host", SubjectID: id})
	})
}

// RemoveHost takes a host out of its pool for good. Its row stays for the nodes of long ago; name, address and machine
// may be added anew. Refusals: "host_in_use" with the number of nodes on it, NotFound("host").
func (db *DB) RemoveHost(ctx context.Context, by, providerID, id uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		h, err := lockHost(ctx, tx, providerID, id)
		if err != nil {
			return err
		}
		if h.Nodes > 0 {
			return &provisioner.Refusal{
				Code: "host_in_use", Title: fmt.Sprintf("%s still carries %s.", h.Name, plural(h.Nodes, "node")),
				Next: "Drain it, and remove it when the clusters on it have ended or been deleted.",
			}
		}
		_, err = tx.Exec(ctx, `
			UPDATE hosts SET removed_at = now(), claimed_by = NULL, claimed_until = NULL
			WHERE id = $1`, id)
		if err != nil {
			return fmt.Errorf("remove host: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: by, Provider: providerID, Verb: "remove host", Subject: "host", SubjectID: id, Detail: map[string]any{"name": h.Name}})
	})
}
