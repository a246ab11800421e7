package store_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// Versions from before documents get exactly the bytes that Go writes, whatever stands in their texts.
func TestVersionsBecomeDocuments(t *testing.T) {
	past := before(t, "00063")
	ctx, exec := t.Context(), past.exec
	org, ada, model := uuid.New(), uuid.New(), uuid.New()
	named, bare := uuid.New(), uuid.New()
	guest, nasty := strings.Repeat("c", 64), "\"\\/\b\t\n\f\r\x01\x1f\x7f<>&'$é\u2028\u2029\ufeff😀\U0010ffff"
	exec(`INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Atlas', now())`, org)
	exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'ada@example.org', 'Ada', '', now())`, ada)
	exec(`INSERT INTO model_clusters (id, organization_id, name, created_at) VALUES ($1, $2, 'trial', now())`, model, org)
	exec(`INSERT INTO images (id, organization_id, person_id, name, virtual_size, canonical_size, canonical_digest, guest_digest, created_at)
		VALUES ($1, $3, $4, $5, 9000, 800, repeat('1', 64), $6, now()), ($2, $3, $4, 'bare', 9000, 800, repeat('2', 64), '', now())`, named, bare, org, ada, nasty, guest)
	version := func(name string, least, most int, gate provisioner.Gate, user string) uuid.UUID {
		t.Helper()
		id := uuid.Must(uuid.NewV7())
		exec(`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, compute_min, compute_max, gate_kind, gate_text, gate_timeout_seconds, sign_in_user, created_at)
			VALUES ($1, $2, $3, $4, 'draft', $5, $6, $7, $8, $9, $10, now())`, id, org, model, name, least, most, gate.Kind, gate.Text, gate.TimeoutSeconds, user)
		return id
	}
	role := func(version uuid.UUID, role string, image uuid.UUID, g provisioner.Group) {
		t.Helper()
		exec(`INSERT INTO version_roles (version_id, organization_id, role, image_id, vcpus, memory_mib, disk_gib, user_data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			version, org, role, image, g.Shape.VCPUs, g.Shape.MemoryMiB, g.Shape.DiskGiB, g.UserData)
	}
	console, address := provisioner.Gate{Kind: provisioner.GateConsole, Text: nasty, TimeoutSeconds: 60}, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 3600}
	head := provisioner.Group{
		Image: provisioner.ImageRef{Name: nasty, Digest: guest}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 4 << 20, DiskGiB: 7}, UserData: nasty + strings.Repeat("\x02", 65000), Gate: console,
	}
	compute := provisioner.Group{
		Name: "compute", Count: provisioner.Count{Least: 2, Most: 1000}, Image: provisioner.ImageRef{Name: "bare"}, Shape: provisioner.Shape{VCPUs: 256, MemoryMiB: 64, DiskGiB: 1}, Gate: console,
	}
	want := map[uuid.UUID]provisioner.Model{}

	full := version("full", 2, 1000, console, "debian")
	role(full, "head", named, head)
	role(full, "compute", bare, compute)
	exec(`UPDATE model_versions SET state = 'published', published_at = now() WHERE id = $1`, full)
	want[full] = provisioner.Model{Format: 1, SignInUser: "debian", Head: head, Compute: []provisioner.Group{compute}}

	plain := head
	plain.UserData, plain.Gate = "", address
	alone := version("alone", 0, 0, address, "")
	role(alone, "head", named, plain)
	want[alone] = provisioner.Model{Format: 1, Head: plain}

	nobody := version("nobody", 0, 0, address, "") // a role that no node could be of
	role(nobody, "head", named, plain)
	role(nobody, "compute", bare, compute)
	want[nobody] = provisioner.Model{Format: 1, Head: plain}

	lost := version("lost", 0, 3, address, "") // its images went
	want[lost] = provisioner.Model{
		Format: 1, Head: provisioner.Group{Gate: address},
		Compute: []provisioner.Group{{Name: "compute", Count: provisioner.Count{Most: 3}, Gate: address}},
	}

	cluster := past.launch(org, ada, full, named)

	db := past.migrate()
	for id, m := range want {
		var document, digest string
		storetest.NoError(t, past.pool.QueryRow(ctx, `SELECT document, document_digest FROM model_versions WHERE id = $1`, id).Scan(&document, &digest))
		if b := manifest.Canonical(m); document != string(b) || digest != manifest.Digest(b) {
			t.Errorf("%s has the document\n%.2000q\nand Go writes\n%.2000q", id, document, b)
		}
		v, err := db.Models.Version(ctx, org, id)
		if err != nil || !reflect.DeepEqual(v.Model, m) || v.DocumentDigest != digest {
			t.Errorf("read as %+v, %v", v.Model, err)
		}
	}
	v, err := db.Models.Version(ctx, org, full)
	if err != nil || len(v.Groups) != 2 || v.Groups[0].ImageID != named || v.Groups[1].ImageID != bare || v.Groups[1].Digest != strings.Repeat("2", 64) {
		t.Errorf("groups %+v, %v", v.Groups, err)
	}
	// Of a draft whose role nobody could have been its image goes free; what is left of it is as a command would write it.
	storetest.WantProjections(t, past.pool, lost)
	c, err := db.Machines.Cluster(ctx, org, cluster)
	if err != nil || c.DocumentDigest != v.DocumentDigest || len(c.NodeRows) != 2 {
		t.Errorf("the cluster: %+v, %v", c, err)
	}
	w, err := db.Machines.ClusterForReconcile(ctx, cluster)
	if err != nil || w.Nodes[0].Group.UserData != head.UserData || w.Nodes[1].Group.Count != compute.Count || w.Nodes[1].Group.Gate != console {
		t.Errorf("the nodes: %+v, %v", w.Nodes, err)
	}
	tests, _, err := db.Models.AcceptanceTests(ctx, org, full, models.TestFilter{})
	if err != nil || len(tests) != 1 || tests[0].DocumentDigest != v.DocumentDigest {
		t.Errorf("the test: %+v, %v", tests, err)
	}
	err = db.Models.PublishVersion(ctx, org, ada, lost, 1)
	if r := storetest.WantRefusal(t, err, "document"); len(r.Detail) < 4 || !strings.HasPrefix(r.Detail[0], "compute[0].image: Choose an image.") {
		t.Errorf("%+v", r)
	}
}

// launch makes a test's cluster of a version, with two nodes of an image, as it was before groups had names.
func (p past) launch(org, person, version, image uuid.UUID) uuid.UUID {
	p.t.Helper()
	provider, pool, host, cluster := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	p.exec(`INSERT INTO providers (id, name, currency, accounting_zone, created_at) VALUES ($1, 'North', 'EUR', 'UTC', now())`, provider)
	p.exec(`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at) VALUES ($1, $2, 'lab', '10.0.0.0/16', '192.0.2.0/24', 'local', 'q35', now())`, pool, provider)
	p.exec(`INSERT INTO hosts (id, provider_id, pool_id, name, scheme, address, port, underlay, state, created_at) VALUES ($1, $2, $3, 'host-1', 'memory', 'one', 0, '192.0.2.1', 'active', now())`, host, provider, pool)
	p.exec(`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, created_at) VALUES ($1, $2, $3, $4, $5, $6, 'test', 'first', 'running', 3600, now())`,
		cluster, org, provider, pool, version, person)
	p.exec(`INSERT INTO nodes (id, cluster_id, organization_id, provider_id, host_id, role, name, mac, address, shape_name, vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, state_at)
		SELECT gen_random_uuid(), $1, $2, $3, $4, role, name, '52:54:00:00:00:01', '10.0.0.2', 's', 1, 512, 1, 1, $5, '', 'ready', now()
		FROM (VALUES ('head', 'head'), ('compute', 'compute-001')) AS n (role, name)`, cluster, org, provider, host, image)
	p.exec(`INSERT INTO acceptance_tests (id, organization_id, provider_id, pool_id, version_id, cluster_id, person_id, nonce, state, created_at)
		VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, '', 'running', now())`, org, provider, pool, version, cluster, person)
	return cluster
}
