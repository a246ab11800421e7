package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// Images of before that were no images yet, or never became any, are uploads in that state; jobs for them go on as theirs.
func TestImagesOfBeforeBecomeUploads(t *testing.T) {
	ctx, past := t.Context(), before(t, "00049")
	pool, exec := past.pool, past.exec
	org, ada, ben, digest := uuid.New(), uuid.New(), uuid.New(), strings.Repeat("ab", 32)
	exec(`INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Atlas', now())`, org)
	exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'ada@example.org', 'Ada', '', now()), ($2, 'ben@example.org', 'Ben', '', now())`, ada, ben)
	upload := func(n int) string { return strings.Repeat(string(rune('a'+n)), 32) }
	id := map[string]uuid.UUID{}
	image := func(name, state string, n int) {
		t.Helper()
		id[name] = uuid.Must(uuid.NewV7())
		var of any
		if n >= 0 {
			of = upload(n)
			exec(`INSERT INTO uploads (id, organization_id, person_id, filename, size, created_at, finished_at) VALUES ($1, $2, $3, $4, 700, now(), now())`, of, org, ada, name+".raw")
		}
		exec(`INSERT INTO images (id, organization_id, person_id, upload_id, name, size, state, reason, checks, format, virtual_size, canonical_size, uploaded_digest, canonical_digest, content_digest, created_at, verified_at)
			VALUES ($1, $2, $3, $4, $5::text, 700, $6::text, CASE $6::text WHEN 'ready' THEN '' ELSE 'Why ' || $5::text END, jsonb_build_array(jsonb_build_object('name', 'format', 'passed', true, 'detail', $5::text)), 'raw', 9, 8,
				$7::text, CASE $6::text WHEN 'ready' THEN $7::text ELSE '' END, $7::text, now(), CASE WHEN $6::text IN ('ready', 'refused') THEN now() END)`, id[name], org, ben, of, name, state, digest)
		exec(`INSERT INTO river_job (kind, args, queue, priority, max_attempts, state, unique_key, unique_states)
			VALUES ('verify_image', jsonb_build_object('image_id', $1::uuid), 'verify', 1, 3, 'available', sha256(convert_to('&kind=verify_image&args={"image_id":"' || $1::text || '"}', 'UTF8')), B'11110001')`, id[name])
	}
	image("ready", "ready", 0)
	image("checking", "checking", 1)
	image("refused", "refused", 2)
	image("unverified", "unverified", 3)
	image("lost", "refused", -1) // with no row of an upload
	// A draft whose head's image was typed in by its id.
	model, draft := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	exec(`INSERT INTO model_clusters (id, organization_id, name, created_at) VALUES ($1, $2, 'trial', now())`, model, org)
	exec(`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, compute_min, compute_max, gate_kind, gate_timeout_seconds, created_at)
		VALUES ($1, $2, $3, '1', 'draft', 0, 1, 'address', 300, now())`, draft, org, model)
	for role, of := range map[string]string{"head": "refused", "compute": "ready"} {
		exec(`INSERT INTO version_roles (version_id, organization_id, role, image_id, vcpus, memory_mib, disk_gib) VALUES ($1, $2, $3, $4, 1, 512, 1)`, draft, org, role, id[of])
	}
	exec(`INSERT INTO uploads (id, organization_id, person_id, filename, size, created_at) VALUES ($1, $2, $3, 'arriving.raw', 700, now())`, upload(4), org, ada)
	bare := uuid.Must(uuid.NewV7())
	exec(`INSERT INTO images (id, organization_id, person_id, name, size, state, canonical_digest, created_at) VALUES ($1, $2, $3, 'bare', 1, 'ready', $4, now())`, bare, org, ada, digest)
	exec(`INSERT INTO river_job (kind, args, queue, priority, max_attempts, state) VALUES ('verify_image', jsonb_build_object('image_id', gen_random_uuid()), 'verify', 1, 3, 'available')`)

	db := past.migrate()
	for name, n := range map[string]int{"ready": 0, "checking": 1, "refused": 2, "unverified": 3} {
		u, err := db.Models.Upload(ctx, org, upload(n))
		want := provisioner.UploadState(name)
		if name == "ready" {
			want = provisioner.UploadDone
		}
		if err != nil || u.State != want || u.Name != name || u.Filename != name+".raw" || u.Person != "Ada" || u.FinishedBy != "Ben" || u.Digest != digest || u.Format != "raw" ||
			len(u.Checks) != 1 || u.Checks[0].Detail != name || (u.Reason == "") != (name == "ready") || (u.VerifiedAt != nil) != (name == "ready" || name == "refused") {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}
	if v, err := db.Models.Version(ctx, org, draft); err != nil || len(v.Groups) != 2 || v.Groups[0].ImageID != uuid.Nil || v.Groups[1].ImageID != id["ready"] {
		t.Errorf("the draft: %+v, %v", v, err)
	}
	if u, err := db.Models.Upload(ctx, org, models.UploadOf(id["lost"])); err != nil || u.State != provisioner.UploadRefused || u.Reason != "Why lost" || u.Size != 700 {
		t.Errorf("without a row of an upload: %+v, %v", u, err)
	}
	if u, err := db.Models.Upload(ctx, org, upload(4)); err != nil || u.State != provisioner.UploadArriving || u.FinishedBy != "" {
		t.Errorf("unfinished: %+v, %v", u, err)
	}
	images := storetest.Must[[]models.Image](t)(db.Models.Images(ctx, org, store.Page{}))
	if len(images) != 2 || images[0].ID != bare || images[0].UploadID != "" || images[1].ID != id["ready"] || images[1].UploadID != upload(0) || images[1].Person != "Ben" || images[1].VirtualSize != 9 {
		t.Errorf("images: %+v", images)
	}
	// A job goes on as its upload's, and is the one that asking again finds.
	if n := storetest.Must[int](t)(db.Models.RetryUnverified(ctx)); n != 1 {
		t.Errorf("%d are tried again", n)
	}
	var all, theirs, left int
	storetest.NoError(t, pool.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE EXISTS (SELECT FROM uploads u WHERE u.id::uuid = (args ->> 'upload_id')::uuid)),
		count(*) FILTER (WHERE kind <> 'verify_upload') FROM river_job`).Scan(&all, &theirs, &left))
	if all != 5 || theirs != 5 || left != 0 {
		t.Errorf("%d jobs, %d of uploads, %d of another kind", all, theirs, left)
	}
}
