package store_test

import (
	"testing"

	"volary.dev/migrations"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// What is there already keeps its name, twins too; of those the older one has the key.
func TestMigrateFillsNamesAndAddresses(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `INSERT INTO organizations (id, name, created_at) VALUES (gen_random_uuid(), 'tidal Dynamics', now()), (gen_random_uuid(), 'Tidal  dynamics', now() - interval '1 day')`)
	w.Exec(t, `INSERT INTO people (id, email, name, password_hash, created_at) VALUES (gen_random_uuid(), 'lena@bücher.example', 'Lena', 'x', now()),
		(gen_random_uuid(), 'eva@bücher.example', 'Eva', 'x', now()), (gen_random_uuid(), 'eva@xn--bcher-kva.example', 'Eva', 'x', now())`)
	for range 2 {
		if err := store.Migrate(t.Context(), w.Pool, migrations.FS); err != nil {
			t.Fatal(err)
		}
	}
	var owner string
	if err := w.Pool.QueryRow(t.Context(), `
		SELECT o.name FROM taken_names t JOIN organizations o ON o.id = t.subject_id WHERE t.kind = 'organization' AND t.key LIKE 'tida%' LIMIT 1`).Scan(&owner); err != nil || owner != "Tidal  dynamics" {
		t.Errorf("the key is of %q, %v", owner, err)
	}
	var lena, eva int
	if err := w.Pool.QueryRow(t.Context(), `
		SELECT count(*) FILTER (WHERE email = 'lena@xn--bcher-kva.example'), count(*) FILTER (WHERE email LIKE 'eva@%') FROM people`).Scan(&lena, &eva); err != nil || lena != 1 || eva != 2 {
		t.Errorf("%d, %d, %v", lena, eva, err)
	}
}
