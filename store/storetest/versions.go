package storetest

import (
	"fmt"
	"strings"
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

// WantProjections holds what version_roles has of every version but some against the document, whose projection it is.
func WantProjections(t testing.TB, pool *pgxpool.Pool, but ...uuid.UUID) {
	t.Helper()
	rows, _ := pool.Query(t.Context(), `
		SELECT v.document, coalesce((SELECT string_agg(concat_ws(' ', r.position, r.group_name, r.least, r.most, r.gate_timeout_seconds), ', ' ORDER BY r.position)
			FROM version_roles r WHERE r.version_id = v.id AND r.organization_id = v.organization_id), '') FROM model_versions v WHERE v.id <> ALL ($1)`, but)
	var document, projected string
	_, err := pgx.ForEachRow(rows, []any{&document, &projected}, func() error {
		m, err := manifest.Read([]byte(document))
		var want []string
		for i, g := range m.Groups() {
			if i == 0 {
				g.Count = provisioner.Count{Least: 1, Most: 1}
			}
			want = append(want, fmt.Sprintf("%d %s %d %d %d", i, g.Name, g.Count.Least, g.Count.Most, g.Gate.TimeoutSeconds))
		}
		if projected != strings.Join(want, ", ") {
			t.Errorf("projected %q of %s", projected, document)
		}
		return err
	})
	noError(t, err)
}
