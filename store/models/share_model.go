package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
)

// MostShares is with how many organizations a model cluster may be shared by name.
const MostShares = 100

// ShareModel lets another organization, by its name, or everyone by an empty one, read and clone what is published of a model cluster, from now on and
// whatever is published later. Refusals: "invalid" for organization (no such one, its own), "duplicate", "shares" (MostShares), "suspended", NotFound.
func (db *DB) ShareModel(ctx context.Context, orgID, by, modelID uuid.UUID, with string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
			return err
		}
		if err := lockModel(ctx, tx, orgID, modelID); err != nil {
			return err
		}
		to, err := sharedWith(ctx, tx, orgID, with)
		if err != nil {
			return err
		}
		var shares int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM model_shares WHERE model_cluster_id = $1 AND with_id IS NOT NULL`, modelID).Scan(&shares); err != nil {
			return fmt.Errorf("count shares of model cluster %s: %w", modelID, err)
		}
		if to != uuid.Nil && shares >= MostShares {
			return &refusal.Error{
				Code: "shares", Title: fmt.Sprintf("This model cluster is shared with %d organizations, which is the most.", shares),
				Next: "Withdraw it from one that needs it no more, or share it with everyone.",
			}
		}
		done, err := tx.Exec(ctx, `INSERT INTO model_shares (model_cluster_id, organization_id, with_id, shared_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			modelID, orgID, store.OrNull(to), store.OrNull(by))
		if err != nil {
			return fmt.Errorf("share model cluster %s: %w", modelID, err)
		}
		if done.RowsAffected() == 0 {
			return &refusal.Error{Code: "duplicate", Title: "It is shared with " + everyoneOr(with) + " already.", Next: "Nothing has to be done."}
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "share model cluster", Subject: "model_cluster", SubjectID: modelID, Detail: map[string]any{"with": everyoneOr(with)},
		})
	})
}

// WithdrawShare takes that back; uuid.Nil is everyone. Clones stay. Refusals: NotFound.
func (db *DB) WithdrawShare(ctx context.Context, orgID, by, modelID, with uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockModel(ctx, tx, orgID, modelID); err != nil {
			return err
		}
		var name string
		err := tx.QueryRow(ctx, `
			WITH gone AS (DELETE FROM model_shares WHERE organization_id = $1 AND model_cluster_id = $2 AND with_id IS NOT DISTINCT FROM $3 RETURNING with_id)
			SELECT coalesce(o.name, '') FROM gone LEFT JOIN organizations o ON o.id = gone.with_id`, orgID, modelID, store.OrNull(with)).Scan(&name)
		if err != nil {
			return store.Found(err, "share")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "withdraw share", Subject: "model_cluster", SubjectID: modelID, Detail: map[string]any{"with": everyoneOr(name)},
		})
	})
}

func everyoneOr(name string) string {
	if name == "" {
		return "everyone"
	}
	return name
}

// lockModel keeps two from sharing the same model cluster beyond its bounds at once. The lock is none of its row, which web may not change.
func lockModel(ctx context.Context, tx pgx.Tx, orgID, id uuid.UUID) error {
	if err := tx.QueryRow(ctx, `SELECT FROM model_clusters WHERE organization_id = $1 AND id = $2`, orgID, id).Scan(); err != nil {
		return store.Found(err, "model cluster")
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('volary shares ' || $1::text, 0))`, id.String()); err != nil {
		return fmt.Errorf("wait for the shares of %s: %w", id, err)
	}
	return nil
}

// sharedWith finds the organization of a name; Nil for an empty one. That there is one of a name is no secret: whoever founds one with it is told.
func sharedWith(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, name string) (id uuid.UUID, err error) {
	if name == "" {
		return uuid.Nil, nil
	}
	f := store.Fields{}
	f.Name("organization", &name, 2, 80)
	if err := f.Refusal(); err != nil {
		return uuid.Nil, err
	}
	err = tx.QueryRow(ctx, `SELECT id FROM organizations WHERE name = $1`, name).Scan(&id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return uuid.Nil, refusal.Invalid(map[string]string{"organization": fmt.Sprintf("There is no organization called \"%s\": write its name as it writes it itself.", typed.Isolate(name))})
	case err != nil:
		return uuid.Nil, fmt.Errorf("find organization %q: %w", name, err)
	case id == orgID:
		return uuid.Nil, refusal.Invalid(map[string]string{"organization": "This is your own organization, which has the model cluster already: name another."})
	}
	return id, nil
}
