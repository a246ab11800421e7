package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// TestOldClustersAreWholeBatches: what was wanted of a cluster is wanted of each of its nodes, and its present start is one batch.
func TestOldClustersAreWholeBatches(t *testing.T) {
	p := before(t, "00071")
	ctx := t.Context()
	org, person, provider, pool, host := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	model, version, image, digest := uuid.New(), uuid.New(), uuid.New(), strings.Repeat("1", 64)
	document := manifest.Canonical(provisioner.Model{Format: provisioner.ModelFormat, Head: provisioner.Group{
		Image: provisioner.ImageRef{Name: "sample", Digest: digest}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 512, DiskGiB: 1},
		Gate: provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 300},
	}})
	p.exec(`INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Atlas', now())`, org)
	p.exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'ada@example.org', 'Ada', '', now())`, person)
	p.exec(`INSERT INTO providers (id, name, currency, accounting_zone, created_at) VALUES ($1, 'North', 'EUR', 'UTC', now())`, provider)
	p.exec(`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at) VALUES ($1, $2, 'lab', '10.64.0.0/14', '192.0.2.0/24', 'local', 'q35', now())`, pool, provider)
	p.exec(`INSERT INTO hosts (id, provider_id, pool_id, name, scheme, address, port, underlay, state, created_at) VALUES ($1, $2, $3, 'h1', 'memory', 'h1', 0, '192.0.2.1', 'active', now())`, host, provider, pool)
	p.exec(`INSERT INTO images (id, organization_id, person_id, name, virtual_size, canonical_size, canonical_digest, guest_digest, created_at) VALUES ($1, $2, $3, 'sample', 1, 1, $4, $4, now())`, image, org, person, digest)
	p.exec(`INSERT INTO model_clusters VALUES ($1, $2, 'model', now())`, model, org)
	p.exec(`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, document, document_digest, created_at) VALUES ($1, $2, $3, '1', 'draft', $4, $5, now())`, version, org, model, string(document), manifest.Digest(document))
	olds := []struct {
		cluster, node        uuid.UUID
		desired, state       string
		ready                bool
		starts               int
		want                 string
		kind, pending, ended string
	}{
		{uuid.New(), uuid.New(), "running", "ready", true, 1, "running", "launch", "", ""},
		{uuid.New(), uuid.New(), "running", "starting", false, 1, "running", "launch", "yes", ""},
		{uuid.New(), uuid.New(), "running", "starting", false, 2, "running", "restart", "yes", ""},
		{uuid.New(), uuid.New(), "paused", "paused", true, 1, "running", "launch", "", ""},
		{uuid.New(), uuid.New(), "stopped", "stopped", true, 1, "stopped", "launch", "", ""},
		{uuid.New(), uuid.New(), "stopped", "stopping", false, 3, "stopped", "restart", "", "asked"},
		{uuid.New(), uuid.New(), "gone", "failed", false, 1, "gone", "launch", "", "asked"},
		{uuid.New(), uuid.New(), "gone", "gone", true, 1, "gone", "launch", "", ""},
	}
	for _, o := range olds {
		p.exec(`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, document_digest, created_at, ready_at, gate_deadline, start_count, ended_at, paused_at, paused_until, paused_why)
			VALUES ($1::uuid, $2, $3, $4, $5, $6, 'cluster', 'c-' || $1::uuid::text, $7, 3600, $8, now(), CASE WHEN $9 THEN now() END, now() + interval '5 minutes', $10, CASE WHEN $11 = 'gone' THEN now() END,
				CASE WHEN $7 = 'paused' THEN now() END, CASE WHEN $7 = 'paused' THEN now() + interval '1 day' END, CASE WHEN $7 = 'paused' THEN 'looked at' ELSE '' END)`,
			o.cluster, org, provider, pool, version, person, o.desired, digest, o.ready, o.starts, o.state)
		p.exec(`INSERT INTO nodes (id, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, shape_name, vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, state_at)
			VALUES ($1, $2, $3, $4, $5, 'head', 'head', 'head', '52:54:00:00:00:01', '10.64.0.11', 's', 1, 512, 1, 1, CASE WHEN $7 <> 'gone' THEN $6::uuid END, '', $7, now())`, o.node, o.cluster, org, provider, host, image, o.state)
	}
	db := p.migrate()
	for _, o := range olds {
		var want, kind, ended string
		var pending, deadline bool
		storetest.NoError(t, p.pool.QueryRow(ctx, `
			SELECT n.desired, b.kind, b.reason, b.ready_at IS NULL AND b.ended_at IS NULL, b.gate_deadline IS NOT NULL
			FROM nodes n JOIN batches b ON b.id = n.batch_id WHERE n.id = $1`, o.node).Scan(&want, &kind, &ended, &pending, &deadline))
		if want != o.want || kind != o.kind || ended != o.ended || pending != (o.pending == "yes") || !deadline {
			t.Errorf("%s and %s: a %s, pending %t, ended %q, its node to be %s", o.desired, o.state, kind, pending, ended, want)
		}
		work := storetest.Must[machines.ClusterWork](t)(db.Machines.ClusterForReconcile(ctx, o.cluster))
		if gone := o.state == string(provisioner.NodeGone); (len(work.Nodes) == 0) != gone || (len(work.Batches) == 1) != pending {
			t.Errorf("%s and %s: %d nodes, on their way up %+v", o.desired, o.state, len(work.Nodes), work.Batches)
		}
	}
}
