package models_test

import (
	"fmt"
	"testing"

	"volary.dev/store/storetest"
)

// An organization makes no more than its day's share of what is kept for ever.
func TestDayBounds(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	makeModel := func(name string) error {
		_, err := w.DB.Models.CreateModelCluster(ctx, w.Organization, w.Person, name)
		return err
	}
	makeVersion := func() error {
		_, err := w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, storetest.DraftOf(w))
		return err
	}
	w.Exec(t, `INSERT INTO model_clusters (id, organization_id, name, created_at)
		SELECT gen_random_uuid(), $1, 'many ' || n, now() FROM generate_series(1, 100) n`, w.Organization)
	w.Exec(t, `INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, document, document_digest, created_at)
		SELECT gen_random_uuid(), $1, $2, 'many ' || n, 'draft', '{}', encode(sha256('{}'), 'hex'), now() FROM generate_series(1, 200) n`, w.Organization, w.Model)
	storetest.WantRefusal(t, makeModel("one more"), "day_limit")
	storetest.WantRefusal(t, makeVersion(), "day_limit")
	w.Exec(t, `UPDATE model_clusters SET created_at = now() - interval '25 hours'`)
	w.Exec(t, `UPDATE model_versions SET created_at = now() - interval '25 hours' WHERE state = 'draft'`)
	storetest.NoError(t, makeModel("one more"))
	storetest.NoError(t, makeVersion())
}

// Uploads that wait for their check are bounded: whoever's comes then is not behind a thousand of one organization's.
func TestUploadsThatWaitAreBounded(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	w.Exec(t, `DELETE FROM uploads WHERE finished_at IS NULL`)
	for n := range 32 {
		storetest.Arrived(t, w.DB, w.Organization, w.Person, fmt.Sprintf("%032x", n), "disk", 1)
	}
	w.Exec(t, `UPDATE uploads SET state = 'refused', verified_at = now() WHERE id = $1`, fmt.Sprintf("%032x", 7))
	storetest.NoError(t, w.DB.Models.CreateUpload(ctx, w.Organization, w.Person, fmt.Sprintf("%032x", 100), "disk", 1))
	w.Exec(t, `UPDATE uploads SET state = 'unverified', verified_at = NULL WHERE id = $1`, fmt.Sprintf("%032x", 7)) // which is tried again
	r := storetest.WantRefusal(t, w.DB.Models.CreateUpload(ctx, w.Organization, w.Person, fmt.Sprintf("%032x", 101), "disk", 1), "uploads")
	if r.Title != "32 uploads of your organization wait for their check, 32 may." {
		t.Error(r.Title)
	}
}
