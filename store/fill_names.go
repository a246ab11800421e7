package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/provisioner/typed"
)

// fillNames does for rows from before what SQL cannot: names get their keys, the older of two twins first, and mail
// addresses their domain's ASCII form. It is part of every Migrate and finds nothing the second time but twins.
func fillNames(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, `SELECT to_regclass('public.taken_names') IS NOT NULL`).Scan(&there); err != nil || !there {
			return err // a schema from before them
		}
		rows, _ := tx.Query(ctx, `
			SELECT n.kind, n.scope, n.subject, n.name FROM (
				SELECT 'organization' AS kind, '00000000-0000-0000-0000-000000000000'::uuid AS scope, id AS subject, name, created_at FROM organizations
				UNION ALL SELECT 'provider', '00000000-0000-0000-0000-000000000000', id, name, created_at FROM providers
				UNION ALL SELECT 'pool', provider_id, id, name, created_at FROM pools
				UNION ALL SELECT 'shape', provider_id, id, name, created_at FROM shapes
				UNION ALL SELECT 'offer', provider_id, id, name, created_at FROM offers
				UNION ALL SELECT 'model cluster', organization_id, id, name, created_at FROM model_clusters) AS n
			WHERE NOT EXISTS (SELECT FROM taken_names t WHERE t.kind = n.kind AND t.subject_id = n.subject) ORDER BY n.created_at, n.subject`)
		names, err := All(rows, "names without keys", func(row pgx.CollectableRow) (n TakenName, err error) {
			err = row.Scan(&n.Kind, &n.Scope, &n.Subject, &n.Name)
			return n, err
		})
		if err != nil {
			return err
		}
		for _, n := range names {
			if _, err := keepName(ctx, tx, n); err != nil {
				return err
			}
		}
		return fillAddresses(ctx, tx)
	})
}

func fillAddresses(ctx context.Context, tx pgx.Tx) error {
	type person struct {
		ID    uuid.UUID
		Email string
	}
	rows, _ := tx.Query(ctx, `SELECT id, email FROM people WHERE email ~ '[^\x01-\x7f]'`)
	people, err := All(rows, "addresses", pgx.RowToStructByName[person])
	if err != nil {
		return err
	}
	for _, p := range people {
		_, err := tx.Exec(ctx, `
			UPDATE people SET email = $2 WHERE id = $1 AND NOT EXISTS (SELECT FROM people WHERE email = $2)`, p.ID, typed.Email(p.Email))
		if err != nil {
			return fmt.Errorf("address of %s: %w", p.ID, err)
		}
	}
	return nil
}
