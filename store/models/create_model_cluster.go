package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// CreateModelCluster adds a model cluster without versions. Refusals: "invalid" for name, "duplicate", "day_limit".
func (db *DB) CreateModelCluster(ctx context.Context, orgID, by uuid.UUID, name string) (uuid.UUID, error) {
	f := store.Fields{}
	f.Name("name", &name, 1, 80)
	if err := f.Refusal(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := refuseManyModels(ctx, tx, orgID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO model_clusters (id, organization_id, name, created_at) VALUES ($1, $2, $3, now())`, id, orgID, name)
		if store.UniqueViolation(err, "model_clusters_organization_id_name_key") {
			return store.Duplicate("a model cluster", "name", name)
		}
		if err != nil {
			return fmt.Errorf("create model cluster: %w", err)
		}
		if err := store.TakeName(ctx, tx, store.TakenName{Kind: store.ModelName, Scope: orgID, Subject: id, Name: name, Field: "name"}); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: "create model cluster", Subject: "model_cluster", SubjectID: id})
	})
}
