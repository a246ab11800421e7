package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// SetStarters says that an organization is the platform's own, or no more: what such a one shares with everyone is a starter model. Refusals:
// NotFound("organization").
func (db *DB) SetStarters(ctx context.Context, by, orgID uuid.UUID, starters bool) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockOrganization(ctx, tx, orgID); err != nil {
			return err
		}
		done, err := tx.Exec(ctx, `UPDATE organizations SET starters = $2 WHERE id = $1 AND starters <> $2`, orgID, starters)
		if err != nil || done.RowsAffected() == 0 {
			return wrapStarters(orgID, err)
		}
		verb := "make starters"
		if !starters {
			verb = "end starters"
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: verb, Subject: "organization", SubjectID: orgID})
	})
}

// Starters tells whether it is.
func (db *DB) Starters(ctx context.Context, orgID uuid.UUID) (starters bool, err error) {
	err = db.pool.QueryRow(ctx, `SELECT starters FROM organizations WHERE id = $1`, orgID).Scan(&starters)
	return starters, store.Found(err, "organization")
}

func wrapStarters(orgID uuid.UUID, err error) error {
	if err != nil {
		return fmt.Errorf("set starters of %s: %w", orgID, err)
	}
	return nil
}
