package store_test

import (
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// The nodes of clusters that were gone before let go of their image, which can be deleted once its version is withdrawn; one that runs holds it.
func TestGoneNodesOfBeforeHoldNoImage(t *testing.T) {
	ctx, past := t.Context(), before(t, "00062")
	exec := past.exec
	org, ada, image, digest := uuid.New(), uuid.New(), uuid.New(), storetest.Digest
	exec(`INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Atlas', now())`, org)
	exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'ada@example.org', 'Ada', '', now())`, ada)
	exec(`INSERT INTO images (id, organization_id, person_id, name, virtual_size, canonical_size, canonical_digest, guest_digest, created_at)
		VALUES ($1, $2, $3, 'old.qcow2', 1 << 30, 900, $4, $4, now())`, image, org, ada, digest)
	provider, pool, host := uuid.New(), uuid.New(), uuid.New()
	exec(`INSERT INTO providers (id, name, currency, accounting_zone, created_at) VALUES ($1, 'North', 'EUR', 'UTC', now())`, provider)
	exec(`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at) VALUES ($1, $2, 'lab', '10.0.0.0/16', '192.0.2.0/24', 'local', 'q35', now())`, pool, provider)
	exec(`INSERT INTO hosts (id, provider_id, pool_id, name, scheme, address, port, underlay, state, vcpus, memory_mib, disk_gib, check_state, created_at)
		VALUES ($1, $2, $3, 'host-1', 'memory', 'one', 0, '192.0.2.1', 'active', 8, 8192, 100, 'none', now())`, host, provider, pool)
	model, version := uuid.New(), uuid.New()
	exec(`INSERT INTO model_clusters (id, organization_id, name, created_at) VALUES ($1, $2, 'trial', now())`, model, org)
	exec(`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, compute_min, compute_max, gate_kind, gate_timeout_seconds, created_at)
		VALUES ($1, $2, $3, '1', 'draft', 0, 0, 'address', 300, now())`, version, org, model)
	exec(`INSERT INTO version_roles (version_id, organization_id, role, image_id, vcpus, memory_mib, disk_gib) VALUES ($1, $2, 'head', $3, 1, 512, 1)`, version, org, image)
	exec(`UPDATE model_versions SET state = 'published', published_at = now() WHERE id = $1`, version)
	cluster := func(name, state, mac string) uuid.UUID {
		id := uuid.New()
		exec(`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, created_at, ended_at)
			VALUES ($1, $2, $3, $4, $5, $6, 'cluster', $7, $8, 3600, now(), CASE WHEN $8 = 'gone' THEN now() END)`, id, org, provider, pool, version, ada, name, map[bool]string{true: "gone", false: "running"}[state == "gone"])
		exec(`INSERT INTO nodes (id, cluster_id, organization_id, provider_id, host_id, role, name, mac, address, shape_name, vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, state_at)
			VALUES ($1, $2, $3, $4, $5, 'head', 'head', $6::text::macaddr, '10.0.0.2', 's', 1, 512, 1, 1, $7, $8, $9, now())`, uuid.New(), id, org, provider, host, mac, image, digest, state)
		return id
	}
	gone, runs := cluster("gone", "gone", "52:54:00:00:00:01"), cluster("runs", "ready", "52:54:00:00:00:02")

	db := past.migrate()
	if c := storetest.Must[machines.ClusterDetail](t)(db.Machines.Cluster(ctx, org, gone)); len(c.NodeRows) != 1 || c.NodeRows[0].State != provisioner.NodeGone {
		t.Errorf("the one that is gone: %+v", c)
	}
	if r := storetest.WantRefusal(t, db.Models.WithdrawVersion(ctx, org, ada, version), "version_used"); r.Title == "" {
		t.Error(r)
	}
	exec(`UPDATE nodes SET desired = 'gone', state = 'gone', image_id = NULL WHERE cluster_id = $1`, runs)
	exec(`UPDATE clusters SET desired = 'gone' WHERE id = $1`, runs)
	exec(`UPDATE clusters SET ended_at = now() WHERE id = $1`, runs)
	storetest.NoError(t, db.Models.WithdrawVersion(ctx, org, ada, version))
	storetest.NoError(t, db.Models.DeleteImage(ctx, org, ada, image))
	if v := storetest.Must[models.Version](t)(db.Models.Version(ctx, org, version)); v.Groups[0].Image.Name != "old.qcow2" || v.Groups[0].Digest != digest {
		t.Errorf("the version: %+v", v)
	}
}
