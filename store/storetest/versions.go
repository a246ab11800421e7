package storetest

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store/models"
)

// DraftOf is a draft of the World's model cluster, as its form would send it.
func DraftOf(w *World) models.VersionDraft {
	gate := provisioner.Gate{Kind: provisioner.GateConsole, Text: "ready", TimeoutSeconds: 60}
	d := Draft(w.Model, w.Image, "2.0", provisioner.Count{Least: 1, Most: 4}, gate)
	d.Model.Head.UserData = "#cloud-config\n"
	return d
}

// Draft is a version of a head and a group "compute" of nodes that are alike, of 1 vCPU, 256 MiB and 2 GiB; without that group where there may be none.
func Draft(modelID, imageID uuid.UUID, version string, count provisioner.Count, gate provisioner.Gate) models.VersionDraft {
	group := provisioner.Group{Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}, Gate: gate}
	d := models.VersionDraft{ModelClusterID: modelID, Version: version, Model: provisioner.Model{Head: group}, Images: []uuid.UUID{imageID}}
	if count.Most > 0 {
		group.Name, group.Count = string(provisioner.RoleCompute), count
		d.Model.Compute, d.Images = []provisioner.Group{group}, append(d.Images, imageID)
	}
	return d
}

// RewriteDocuments changes the documents of all versions, published ones too, as no command does: to what none would let in today.
func RewriteDocuments(t testing.TB, pool *pgxpool.Pool, change func(m *provisioner.Model)) {
	t.Helper()
	exec := func(sql string, args ...any) {
		t.Helper()
		_, err := pool.Exec(t.Context(), sql, args...)
		noError(t, err)
	}
	exec(`ALTER TABLE model_versions DISABLE TRIGGER USER`)
	rows, _ := pool.Query(t.Context(), `SELECT id, document FROM model_versions`)
	documents := map[uuid.UUID]string{}
	var id uuid.UUID
	var document string
	_, err := pgx.ForEachRow(rows, []any{&id, &document}, func() error {
		documents[id] = document
		return nil
	})
	noError(t, err)
	for id, document := range documents {
		m := check[provisioner.Model](t)(manifest.Read([]byte(document)))
		change(&m)
		b := manifest.Canonical(m)
		exec(`UPDATE model_versions SET document = $2, document_digest = $3 WHERE id = $1`, id, string(b), manifest.Digest(b))
	}
	exec(`ALTER TABLE model_versions ENABLE TRIGGER USER`)
}
