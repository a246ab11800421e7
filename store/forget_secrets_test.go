package store_test

import (
	"testing"

	"volary.dev/store"
	"volary.dev/store/storetest"
)

// TestSpentSecretsAreForgotten has one secret of each table that is over, and one that is not.
func TestSpentSecretsAreForgotten(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	w.Exec(t, `INSERT INTO sessions (id, token_hash, person_id, user_agent, created_at, seen_at, expires_at)
		SELECT gen_random_uuid(), sha256(n::text::bytea), $1, 'test', now(), now(), now() + make_interval(mins => n) FROM unnest(ARRAY[-1, 1]) n`, w.Person)
	w.Exec(t, `INSERT INTO mail_tokens (token_hash, person_id, purpose, email, created_at, expires_at)
		SELECT sha256(n::text::bytea), $1, 'reset', 'a@example.org', now(), now() + make_interval(hours => n) FROM unnest(ARRAY[-25, -1, 1]) n`, w.Person)
	w.Exec(t, `INSERT INTO sign_ups (id, email, name, organization_name, password_hash, token_hash, created_at, expires_at, completed_at)
		SELECT gen_random_uuid(), 'a@example.org', 'A', 'Group', 'argon', sha256(n::text::bytea), now(), now() + make_interval(days => n), CASE WHEN n = 2 THEN now() END
		FROM unnest(ARRAY[-8, 1, 2]) n`)
	w.Exec(t, `INSERT INTO invitations (id, organization_id, email, role, token_hash, invited_by, created_at, expires_at, accepted_at, accepted_by, revoked_at)
		SELECT gen_random_uuid(), $1, 'a@example.org', 'member', sha256(n::text::bytea), $2, now(), now() + make_interval(days => CASE n WHEN 1 THEN -2 ELSE 7 END),
			CASE WHEN n = 2 THEN now() - interval '2 days' END, CASE WHEN n = 2 THEN $2::uuid END, CASE WHEN n = 3 THEN now() - interval '2 days' END
		FROM generate_series(1, 4) n`, w.Organization, w.Person)
	w.Exec(t, `INSERT INTO mails (id, to_address, kind, sealed, created_at)
		SELECT gen_random_uuid(), 'a@example.org', kind, '\x00', now() - make_interval(days => n)
		FROM (VALUES ('reset', 5), ('reset', 1), ('invitation', 16), ('invitation', 5)) m (kind, n)`)
	id := w.Launch(t, "trial-1", 0)
	w.Ready(t, id)
	w.Exec(t, `INSERT INTO console_tickets (token_hash, organization_id, node_id, person_id, session_id, staff, part, expires_at)
		SELECT sha256(n::text::bytea), $1, (SELECT id FROM nodes LIMIT 1), $2, gen_random_uuid(), false, 'log', now() + make_interval(secs => n) FROM unnest(ARRAY[-1, 60]) n`,
		w.Organization, w.Person)

	// The worker has it done, and more than one statement takes.
	w.Exec(t, `INSERT INTO sessions (id, token_hash, person_id, user_agent, created_at, seen_at, expires_at)
		SELECT gen_random_uuid(), sha256(n::text::bytea), $1, 'test', now(), now(), now() - interval '1 hour' FROM generate_series(1000, 3100) n`, w.Person)
	storetest.NoError(t, storetest.OpenAs(t, w.Pool, store.RoleWorker).Core.ForgetSecrets(ctx))

	for left, want := range map[string]int{
		`SELECT count(*) FROM sessions WHERE expires_at < now()`:    0,
		`SELECT count(*) FROM sessions WHERE user_agent = 'test'`:   1,
		`SELECT count(*) FROM mail_tokens`:                          2,
		`SELECT count(*) FROM sign_ups`:                             2,
		`SELECT count(*) FROM sign_ups WHERE password_hash <> ''`:   1,
		`SELECT count(*) FROM invitations`:                          4,
		`SELECT count(*) FROM invitations WHERE token_hash NOTNULL`: 1,
		`SELECT count(*) FROM mails WHERE to_address LIKE 'a@%'`:    4,
		`SELECT count(*) FROM mails WHERE has_link`:                 2,
		`SELECT count(*) FROM console_tickets`:                      1,
		`SELECT count(*) FROM clusters WHERE seed_secret <> ''`:     1,
	} {
		var n int
		storetest.NoError(t, w.Pool.QueryRow(ctx, left).Scan(&n))
		if n != want {
			t.Errorf("%s: %d, want %d", left, n, want)
		}
	}

	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id))
	var secret string
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT seed_secret FROM clusters WHERE id = $1`, id).Scan(&secret))
	if secret != "" {
		t.Errorf("a cluster that is gone has its secret still: %q", secret)
	}
}
