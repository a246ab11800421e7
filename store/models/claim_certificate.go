package models

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/certificate"
)

// claimCertificate writes down what the certificate of a test will say, in the transaction that ends it: what it says of images and hosts
// may be gone when it is signed.
func claimCertificate(ctx context.Context, tx pgx.Tx, id uuid.UUID, r provisioner.Report) error {
	t := certificate.Test{ID: id.String()}
	err := tx.QueryRow(ctx, `
		SELECT m.name, v.version, t.document_digest, p.machine_type, p.cpu, pr.id::text, pr.name, p.name, t.begun_at, now()
		FROM acceptance_tests t JOIN model_versions v ON v.id = t.version_id JOIN model_clusters m ON m.id = v.model_cluster_id
		JOIN pools p ON p.id = t.pool_id JOIN providers pr ON pr.id = t.provider_id WHERE t.id = $1`, id).
		Scan(&t.Model, &t.Version, &t.Document, &t.Machine.Type, &t.Machine.CPU, &t.Provider.ID, &t.Provider.Name, &t.Pool, &t.Began, &t.Ended)
	if err != nil {
		return fmt.Errorf("certificate of test %s: %w", id, err)
	}
	if err := readCertified(ctx, tx, id, &t); err != nil {
		return fmt.Errorf("certificate of test %s: %w", id, err)
	}
	t.Of(r)
	t.Unknown()
	claim, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("certificate of test %s: %w", id, err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO certificate_claims (test_id, claim) VALUES ($1, $2)`, id, claim); err != nil {
		return fmt.Errorf("certificate of test %s: %w", id, err)
	}
	return nil
}

// readCertified reads images, nodes and hosts of a test.
func readCertified(ctx context.Context, tx pgx.Tx, id uuid.UUID, t *certificate.Test) (err error) {
	rows, _ := tx.Query(ctx, `
		SELECT i.name, array_agg(r.group_name ORDER BY r.position) AS groups, coalesce(max(u.digest), '') AS uploaded,
			i.canonical_digest AS canonical, i.guest_digest AS guest
		FROM acceptance_tests t JOIN version_roles r ON r.version_id = t.version_id AND r.organization_id = t.organization_id
		JOIN images i ON i.id = r.image_id LEFT JOIN uploads u ON u.id = i.upload_id
		WHERE t.id = $1 GROUP BY i.id ORDER BY min(r.position)`, id)
	if t.Images, err = pgx.CollectRows(rows, pgx.RowToStructByName[certificate.Image]); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, `
		SELECT n.group_name AS group, count(*)::int AS count FROM acceptance_tests t JOIN nodes n ON n.cluster_id = t.cluster_id
		LEFT JOIN version_roles r ON r.version_id = t.version_id AND r.group_name = n.group_name
		WHERE t.id = $1 GROUP BY n.group_name ORDER BY min(r.position)`, id)
	if t.Nodes, err = pgx.CollectRows(rows, pgx.RowToStructByName[certificate.Nodes]); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, `
		SELECT h.cpu_model AS processor, h.processors, h.memory_mib, coalesce(h.acceleration, '') AS acceleration, count(*)::int AS nodes
		FROM acceptance_tests t JOIN nodes n ON n.cluster_id = t.cluster_id JOIN hosts h ON h.id = n.host_id
		WHERE t.id = $1 GROUP BY h.id ORDER BY min(n.name)`, id)
	t.Hosts, err = pgx.CollectRows(rows, pgx.RowToStructByName[certificate.Host])
	return err
}
