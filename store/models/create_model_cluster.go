package models

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// CreateModelCluster adds a model cluster without versions. Refusals: "invalid" for name, "duplicate", "day_limit".
func (db *DB) CreateModelCluster(ctx context.Context, orgID, by uuid.UUID, name string) (id uuid.UUID, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		if id, err = createModel(ctx, tx, orgID, name); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: "create model cluster", Subject: "model_cluster", SubjectID: id})
	})
	return id, err
}
