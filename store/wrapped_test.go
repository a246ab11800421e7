package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// What was there before images had a firmware, an organization a quota, and uploads an address reads as it did: BIOS, the platform's quota, no
// address, nothing lost; and what nobody can tell any more (the guest-visible digest, whether a host has OVMF) says that it is not known.
func TestRowsOfBeforeWrappedDisks(t *testing.T) {
	ctx, past := t.Context(), before(t, "00055")
	exec := past.exec
	org, bare, ada, ben := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	one, two, content := strings.Repeat("1", 64), strings.Repeat("2", 64), strings.Repeat("c", 64)
	exec(`INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Atlas', now()), ($2, 'Bare', now())`, org, bare)
	exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'ada@example.org', 'Ada', '', now()), ($2, 'ben@example.org', 'Ben', '', now())`, ada, ben)
	exec(`INSERT INTO memberships (organization_id, person_id, role, created_at) VALUES ($1, $2, 'owner', now()), ($1, $3, 'member', now())`, org, ada, ben)
	exec(`INSERT INTO invitations (id, organization_id, email, role, token_hash, invited_by, created_at, expires_at, cap) VALUES (gen_random_uuid(), $1, 'eva@example.org', 'member', sha256('x'), $2, now(), now() + interval '1 day', 5)`, org, ada)
	upload := func(n int) string { return strings.Repeat(string(rune('a'+n)), 32) }
	states := []string{"arriving", "checking", "unverified", "refused", "done"}
	for n, state := range states {
		exec(`INSERT INTO uploads (id, organization_id, person_id, filename, name, size, fingerprint, sender, state, reason, checks, format, digest, expected_digest, created_at, finished_at, finished_by, verified_at)
			VALUES ($1, $2, $3, $4::text || '.raw', $4::text, 700, 's1-' || $5::text, 'sender-of-' || $1, $4::text, CASE WHEN $4::text IN ('unverified', 'refused') THEN 'Why ' || $4::text ELSE '' END,
				CASE WHEN $4::text IN ('refused', 'done') THEN jsonb_build_array(jsonb_build_object('name', 'format', 'passed', $4::text = 'done', 'detail', $4::text)) ELSE '[]' END,
				CASE $4::text WHEN 'done' THEN 'qcow2' ELSE '' END, CASE WHEN $4::text IN ('refused', 'done') THEN $5::text ELSE '' END, $5::text,
				now(), CASE WHEN $4::text <> 'arriving' THEN now() END, CASE WHEN $4::text <> 'arriving' THEN $6::uuid END, CASE WHEN $4::text IN ('refused', 'done') THEN now() END)`,
			upload(n), org, ada, state, one, ben)
	}
	image := func(of any, name, member, digest string) uuid.UUID {
		t.Helper()
		id := uuid.Must(uuid.NewV7())
		exec(`INSERT INTO images (id, organization_id, person_id, upload_id, name, member, virtual_size, canonical_size, canonical_digest, content_digest, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, 9000, 800, $7, $8, now())`, id, org, ben, of, name, member, digest, content)
		return id
	}
	whole, member, alone := image(upload(4), "whole", "", one), image(upload(4), "member", "disk-2.vmdk", two), image(nil, "alone", "", two)
	provider, pool, host, gone := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	exec(`INSERT INTO providers (id, name, currency, accounting_zone, created_at) VALUES ($1, 'North', 'EUR', 'UTC', now())`, provider)
	exec(`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at) VALUES ($1, $2, 'lab', '10.0.0.0/16', '192.0.2.0/24', 'local', 'q35', now())`, pool, provider)
	exec(`INSERT INTO hosts (id, provider_id, pool_id, name, scheme, address, port, underlay, state, acceleration, vcpus, memory_mib, disk_gib, check_state, checked, checked_at, enrolled_at, created_at, removed_at)
		VALUES ($1, $3, $4, 'host-1', 'memory', 'one', 0, '192.0.2.1', 'active', 'kvm', 8, 8192, 100, 'passed', true, now(), now(), now(), NULL),
			($2, $3, $4, 'host-2', 'memory', 'two', 0, '192.0.2.2', 'draining', NULL, 0, 0, 0, 'none', false, NULL, NULL, now(), now())`, host, gone, provider, pool)
	exec(`INSERT INTO base_images (host_id, digest, bytes, whole, used_at, brought_until) VALUES ($1, $2, 800, true, now(), NULL), ($1, $3, 800, false, now(), now() + interval '1 hour')`, host, one, two)
	model, version, cluster, node := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	exec(`INSERT INTO model_clusters (id, organization_id, name, created_at) VALUES ($1, $2, 'trial', now())`, model, org)
	exec(`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, compute_min, compute_max, gate_kind, gate_timeout_seconds, created_at)
		VALUES ($1, $2, $3, '1', 'draft', 0, 1, 'address', 300, now())`, version, org, model)
	exec(`INSERT INTO version_roles (version_id, organization_id, role, image_id, vcpus, memory_mib, disk_gib) VALUES ($1, $2, 'head', $3, 1, 512, 1), ($1, $2, 'compute', $4, 1, 512, 1)`, version, org, whole, member)
	exec(`UPDATE model_versions SET state = 'published', published_at = now() WHERE id = $1`, version)
	exec(`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, created_at) VALUES ($1, $2, $3, $4, $5, $6, 'cluster', 'first', 'running', 3600, now())`,
		cluster, org, provider, pool, version, ada)
	exec(`INSERT INTO nodes (id, cluster_id, organization_id, provider_id, host_id, role, name, mac, address, shape_name, vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, state_at)
		VALUES ($1, $2, $3, $4, $5, 'head', 'head', '52:54:00:00:00:01', '10.0.0.2', 's', 1, 512, 1, 1, $6, $7, 'ready', now())`, node, cluster, org, provider, host, whole, one)
	exec(`INSERT INTO river_job (kind, args, queue, priority, max_attempts, state) VALUES ('verify_upload', jsonb_build_object('upload_id', $1::text::uuid), 'verify', 1, 3, 'available')`, upload(1))

	db := past.migrate()
	for n, state := range states {
		u, err := db.Models.Upload(ctx, org, upload(n))
		judged := state == "refused" || state == "done"
		if err != nil || string(u.State) != state || u.Name != state || u.Filename != state+".raw" || u.Size != 700 || u.Person != "Ada" || u.ExpectedDigest != one || u.Sender == "" || u.Fingerprint == "" ||
			(u.FinishedBy == "Ben") != (state != "arriving") || (u.VerifiedAt != nil) != judged || (len(u.Checks) == 1) != judged || judged && u.Checks[0].Detail != state ||
			u.Source != "" || u.FetchState != "" || u.Progress != (models.Upload{}).Progress || (u.Reason != "") != (state == "refused" || state == "unverified") {
			t.Errorf("%s: %+v, %v", state, u, err)
		}
	}
	for name, id := range map[string]uuid.UUID{"whole": whole, "member": member, "alone": alone} {
		i, err := db.Models.Image(ctx, org, id)
		if err != nil || i.Name != name || i.Firmware != provisioner.FirmwareBIOS || i.Lost != models.BlobWhole || i.GuestDigest != "" || i.VirtualSize != 9000 || i.CanonicalSize != 800 ||
			(i.UploadID == "") != (name == "alone") || (i.Member == "") == (name == "member") || i.ProposedVCPUs != 0 || i.ProposedMemoryMiB != 0 {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
	}
	// Two digests, one upload that arrives, and two that are checked or wait for it.
	if q := storetest.Must[models.Quota](t)(db.Models.Quota(ctx, org)); q != (models.Quota{Allowed: db.Core.Quota(), Stored: 1600, Arriving: 700, Checking: 1400}) {
		t.Errorf("%+v", q)
	}
	if q := storetest.Must[models.Quota](t)(db.Models.Quota(ctx, bare)); q != (models.Quota{Allowed: db.Core.Quota()}) {
		t.Errorf("of an organization without anything: %+v", q)
	}
	if members, all, err := db.People.Members(ctx, org, people.MemberFilter{}); err != nil || all != 2 || members[0].Role != people.RoleOwner || members[1].Role != people.RoleMember || members[1].Cap != nil {
		t.Errorf("members: %+v, %v", members, err)
	}
	hosts, err := db.Machines.Hosts(ctx, provider)
	if err != nil || len(hosts) != 1 || hosts[0].ID != host || hosts[0].UEFI != nil || hosts[0].Capacity.VCPUs != 8 || hosts[0].Acceleration != provisioner.AccelerationKVM || !hosts[0].Fit {
		t.Errorf("hosts: %+v, %v", hosts, err)
	}
	if v, err := db.Models.Version(ctx, org, version); err != nil || len(v.Groups) != 2 || v.ImagesThere() != nil {
		t.Errorf("the version: %+v, %v", v, err)
	}
	if c, err := db.Machines.Cluster(ctx, org, cluster); err != nil || len(c.NodeRows) != 1 || c.NodeRows[0].ID != node || c.NodeRows[0].State != provisioner.NodeReady || c.NodeRows[0].HostID != host {
		t.Errorf("the cluster: %+v, %v", c, err)
	}
	// What is asked of old rows from now on is taken: the one that arrives is refused at its first bytes, what waits is asked for once.
	var jobs, claims int
	storetest.NoError(t, past.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM jobs WHERE kind = 'verify_upload' AND subject_id = $1::text::uuid), (SELECT count(*) FROM base_images WHERE brought_by IS NULL)`, upload(1)).Scan(&jobs, &claims))
	if jobs != 1 || claims != 2 {
		t.Errorf("%d jobs, %d base images", jobs, claims)
	}
}
