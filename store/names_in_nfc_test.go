package store_test

import (
	"testing"

	"volary.dev/migrations"
	"volary.dev/store/storetest"
)

// Names of before come to NFC; of two spellings of one name, where there may be one, both stay.
func TestNamesOfBeforeComeToNFC(t *testing.T) {
	w := storetest.NewWorld(t)
	const apart, whole = "Zu\u0308rich", "Z\u00fcrich"
	w.Exec(t, `UPDATE images SET name = $1`, apart)
	w.Exec(t, `UPDATE shapes SET name = $1 WHERE id = (SELECT id FROM shapes ORDER BY id LIMIT 1)`, apart)
	w.Exec(t, `INSERT INTO model_clusters (id, organization_id, name, created_at) VALUES
		(gen_random_uuid(), $1, $2, now()), (gen_random_uuid(), $1, $3, now()), (gen_random_uuid(), $1, $2 || ' alone', now())`, w.Organization, apart, whole)
	text, err := migrations.FS.ReadFile("00041_names_in_nfc.sql")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.Exec(t, string(text))
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM images WHERE name IS NOT NFC NORMALIZED`:                         0,
		`SELECT count(*) FROM shapes WHERE name = '` + whole + `'`:                             1,
		`SELECT count(*) FROM model_clusters WHERE name = '` + whole + ` alone'`:               1,
		`SELECT count(*) FROM model_clusters WHERE name = '` + apart + `'`:                     1,
		`SELECT count(*) FROM model_clusters WHERE name IN ('` + whole + `', '` + apart + `')`: 2,
	} {
		var got int
		if err := w.Pool.QueryRow(t.Context(), query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", query, got, err, want)
		}
	}
}
