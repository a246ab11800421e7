package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// What the end of a lease stopped before there were terms keeps its disks for the day that it was promised; what somebody stopped lies on.
func TestOldLeasesKeepTheirDay(t *testing.T) {
	p := before(t, "00079")
	ctx := t.Context()
	org, person, provider, pool := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	model, version, digest := uuid.New(), uuid.New(), strings.Repeat("1", 64)
	document := manifest.Canonical(provisioner.Model{Format: provisioner.ModelFormat, Head: provisioner.Group{
		Image: provisioner.ImageRef{Name: "sample", Digest: digest}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 512, DiskGiB: 1},
		Gate: provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 300},
	}})
	p.exec(`INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Atlas', now())`, org)
	p.exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'ada@example.org', 'Ada', '', now())`, person)
	p.exec(`INSERT INTO providers (id, name, currency, accounting_zone, created_at) VALUES ($1, 'North', 'EUR', 'UTC', now())`, provider)
	p.exec(`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at) VALUES ($1, $2, 'lab', '10.64.0.0/14', '192.0.2.0/24', 'local', 'q35', now())`, pool, provider)
	p.exec(`INSERT INTO model_clusters (id, organization_id, name, created_at) VALUES ($1, $2, 'model', now())`, model, org)
	p.exec(`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, document, document_digest, created_at) VALUES ($1, $2, $3, '1', 'draft', $4, $5, now())`, version, org, model, string(document), manifest.Digest(document))
	olds := []struct {
		name, desired, reason, ended string
		kept                         bool
	}{
		{"over", "stopped", "lease_ended", "-23 hours", true}, {"asked", "stopped", "asked", "-2 days", false}, {"runs", "running", "", "5 hours", false}, {"gone", "gone", "lease_ended", "-2 days", false},
	}
	for _, o := range olds {
		p.exec(`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, reason, lease_seconds, lease_ends_at, document_digest, created_at, ready_at)
			VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, 'cluster', $6, $7, $8, 3600, now() + $9::text::interval, $10, now(), now())`,
			org, provider, pool, version, person, o.name, o.desired, o.reason, o.ended, digest)
	}
	db := p.migrate()
	for _, o := range olds {
		var id uuid.UUID
		storetest.NoError(t, p.pool.QueryRow(ctx, `SELECT id FROM clusters WHERE name = $1`, o.name).Scan(&id))
		d := storetest.Must[machines.ClusterDetail](t)(db.Machines.Cluster(ctx, org, id))
		if d.AtEnd != machines.AtEndKeep || d.KeepDays != 1 || d.UntilStopped || d.Until != nil || (d.KeptUntil != nil) != o.kept {
			t.Errorf("%s: %+v", o.name, d)
		}
		if o.kept && d.KeptUntil.Sub(*d.LeaseEndsAt) != 24*time.Hour {
			t.Errorf("%s is kept for %s", o.name, d.KeptUntil.Sub(*d.LeaseEndsAt))
		}
	}
	if rule := storetest.Must[machines.KeptDisksRule](t)(db.Machines.KeptDisksRule(ctx, provider)); rule.Days != 30 || rule.GiB != nil {
		t.Errorf("its provider keeps %+v", rule)
	}
}
