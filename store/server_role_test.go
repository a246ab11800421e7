package store_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/billing"
	"volary.dev/migrations"
	"volary.dev/store"
	"volary.dev/store/queue"
	"volary.dev/store/storetest"
)

// signIn makes a user with one role, as `volary migrate` and an operator's two lines of SQL do, and opens a pool as it: no
// superuser stands behind it, as one does behind the pools of other tests.
func signIn(t *testing.T, admin *pgxpool.Pool, roles ...store.ServerRole) *pgxpool.Pool {
	t.Helper()
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	const password = "of a test"
	_, err := admin.Exec(t.Context(), `CREATE ROLE `+name+` LOGIN PASSWORD '`+password+`'`)
	storetest.NoError(t, err)
	for _, r := range roles {
		_, err := admin.Exec(t.Context(), `GRANT `+string(r)+` TO `+name)
		storetest.NoError(t, err)
	}
	u, err := url.Parse(os.Getenv("VOLARY_TEST_DATABASE_URL"))
	storetest.NoError(t, err)
	u.User, u.Path = url.UserPassword(name, password), "/"+admin.Config().ConnConfig.Database
	pool, err := pgxpool.New(context.Background(), u.String())
	storetest.NoError(t, err)
	t.Cleanup(func() {
		pool.Close()
		_, err := admin.Exec(context.Background(), `DROP ROLE `+name)
		storetest.NoError(t, err)
	})
	return pool
}

// What neither server may, whatever it was made to send.
func TestServersMayNot(t *testing.T) {
	w := storetest.NewWorld(t)
	cluster := w.Launch(t, "trial-1", 0)
	w.Ready(t, cluster)
	for role, tries := range map[store.ServerRole][]string{
		store.RoleWeb: {
			// Jobs are asked for by functions.
			`INSERT INTO river_job (kind, max_attempts) VALUES ('send_mail', 1)`,
			`SELECT args FROM river_job`, `UPDATE river_job SET state = 'available'`, `DELETE FROM river_job`,
			`UPDATE jobs SET kind = kind`,
			`SELECT FROM river_leader`, `SELECT FROM river_queue`,
			`SELECT enqueue('rm', '{"host_id": "01a20434-25ed-74a2-a669-4c09d5869602"}', 'default', 1, 1, NULL)`,
			`SELECT enqueue('check_host', '{"host_id": "everything"}', 'hosts', 1, 1, NULL)`,
			// In the queue of its kind, as often as its kind, and soon.
			`SELECT enqueue('check_host', '{"host_id": "01a20434-25ed-74a2-a669-4c09d5869602"}', 'mail', 1, 1, NULL)`,
			`SELECT enqueue('send_mail', '{"mail_id": "01a20434-25ed-74a2-a669-4c09d5869602"}', NULL, 1, 1, NULL)`,
			`SELECT enqueue('check_host', '{"host_id": "01a20434-25ed-74a2-a669-4c09d5869602"}', 'hosts', 1, 4, NULL)`,
			`SELECT enqueue('send_mail', '{"mail_id": "01a20434-25ed-74a2-a669-4c09d5869602"}', 'mail', 1, 1000, NULL)`,
			`SELECT enqueue('send_mail', '{"mail_id": "01a20434-25ed-74a2-a669-4c09d5869602"}', 'mail', 1, 0, NULL)`,
			`SELECT enqueue('send_mail', '{"mail_id": "01a20434-25ed-74a2-a669-4c09d5869602"}', 'mail', 4, 1, NULL)`,
			`SELECT enqueue('send_mail', jsonb_build_object('mail_id', gen_random_uuid(), 'more', repeat('x', 5000)), 'mail', 1, 1, NULL)`,
			`SELECT enqueue('send_mail', jsonb_build_object('mail_id', gen_random_uuid()), 'mail', 1, 1, now() + interval '1 year')`,
			// Secrets of guests, and what the worker alone says.
			`SELECT sealed FROM upload_sources`, `SELECT leads_sealed FROM upload_sources`, `SELECT given_sealed FROM upload_sources`, `UPDATE upload_sources SET sealed = ''`, `UPDATE upload_sources SET received = 1`,
			`SELECT sealed FROM mails`, `SELECT * FROM mails`, `UPDATE mails SET sealed = NULL`, `SELECT seed_secret FROM clusters`, `SELECT * FROM clusters`, `UPDATE clusters SET seed_secret = ''`, `SELECT token_hash FROM console_tickets`,
			`UPDATE console_tickets SET redeemed_at = NULL`, `UPDATE hosts SET vcpus = 1000`, `UPDATE hosts SET address = 'elsewhere'`,
			`UPDATE images SET canonical_digest = repeat('0', 64)`, `INSERT INTO images (id) VALUES (gen_random_uuid())`, `UPDATE uploads SET checks = '[]'`, `UPDATE uploads SET digest = ''`,
			`UPDATE uploads SET verified_at = now()`, `INSERT INTO uploads (id, state) VALUES (repeat('ab', 16), 'done')`,
			`INSERT INTO runs (id) VALUES (gen_random_uuid())`, `UPDATE runs SET ended_at = ended_at + interval '1 hour'`, `UPDATE run_bookings SET done = true`,
			`INSERT INTO audit_runs (day) VALUES (now())`, `DELETE FROM clusters`, `DELETE FROM nodes`, `DELETE FROM mails`, `DELETE FROM invitations`,
			`SELECT data FROM notices`, `UPDATE notices SET ended_at = now()`, `DELETE FROM notices`, `SELECT FROM told`, `UPDATE mails SET refused = ''`,
			// Who certifies, and for whom.
			`SELECT sealed FROM certificate_keys`, `SELECT * FROM certificate_keys`, `INSERT INTO certificate_keys (id) VALUES (gen_random_uuid())`, `SELECT FROM certificate_claims`,
			`INSERT INTO certificate_claims (claim) VALUES ('{}')`, `INSERT INTO certificates (id) VALUES (gen_random_uuid())`, `UPDATE certificate_key_ends SET kind = 'retired'`,
			`INSERT INTO certificate_key_ends (at) VALUES (now() - interval '1 year')`,
		},
		store.RoleWorker: {
			`INSERT INTO certificate_key_ends (kind) VALUES ('revoked')`, `UPDATE certificates SET envelope = ''`, `DELETE FROM certificate_keys`,
			// Who people are, and what they sign in with.
			`SELECT password_hash FROM people`, `SELECT * FROM people`, `UPDATE people SET platform_admin = true`, `INSERT INTO people (id) VALUES (gen_random_uuid())`,
			`SELECT token_hash FROM sessions`, `SELECT * FROM sessions`, `INSERT INTO sessions (id) VALUES (gen_random_uuid())`, `DELETE FROM sessions`,
			`SELECT FROM sign_ups`, `SELECT FROM mail_tokens`, `SELECT FROM invitations`, `SELECT FROM ssh_keys`, `SELECT FROM sign_in_failures`,
			`UPDATE memberships SET role = 'owner'`, `INSERT INTO staff (role) VALUES ('admin')`,
			`SELECT FROM audit`, // it writes and cannot read
			// What is sold.
			`INSERT INTO orders (id) VALUES (gen_random_uuid())`, `UPDATE orders SET state = 'approved'`, `INSERT INTO lots (id) VALUES (gen_random_uuid())`,
			`INSERT INTO invoices (id) VALUES (gen_random_uuid())`, `UPDATE offer_prices SET during = during`,
			`INSERT INTO mail_choices (scope) VALUES ('none')`, `UPDATE mail_choices SET scope = 'none'`, `UPDATE hour_marks SET full_hours = 0`,
			`UPDATE images SET canonical_digest = repeat('0', 64)`, `DELETE FROM images`, `UPDATE uploads SET organization_id = organization_id`, `INSERT INTO uploads (id) VALUES (repeat('ab', 16))`,
			// It begins tests that web had wait, and asks for none, nor launches what is paid for.
			`INSERT INTO clusters (id, kind) VALUES (gen_random_uuid(), 'cluster')`, `UPDATE clusters SET kind = 'test'`,
			`INSERT INTO acceptance_tests (id) VALUES (gen_random_uuid())`, `INSERT INTO launch_requests (id) VALUES (gen_random_uuid())`, `INSERT INTO hosts (id) VALUES (gen_random_uuid())`,
		},
	} {
		t.Run(string(role), func(t *testing.T) {
			pool := signIn(t, w.Pool, role)
			for _, sql := range append(tries, neither()...) {
				wantDenied(t, pool, sql)
			}
		})
	}
}

// Each kind of job is let into its queue as package queue says it is queued.
func TestServersMayAskForEachJob(t *testing.T) {
	w := storetest.NewWorld(t)
	web := store.New(signIn(t, w.Pool, store.RoleWeb), store.Options{})
	id := uuid.New()
	storetest.NoError(t, web.Tx(t.Context(), func(tx pgx.Tx) error {
		return errors.Join(
			store.Enqueue(t.Context(), tx, queue.VerifyUpload{UploadID: id}), store.Enqueue(t.Context(), tx, queue.DiscardUpload{UploadID: id}), store.Enqueue(t.Context(), tx, queue.FetchUpload{UploadID: id}), store.Enqueue(t.Context(), tx, queue.DeleteImage{ImageID: id}),
			store.Enqueue(t.Context(), tx, queue.RunAcceptance{TestID: id}), store.Enqueue(t.Context(), tx, queue.CheckHost{HostID: id}),
			store.Enqueue(t.Context(), tx, queue.SendMail{MailID: id}),
		)
	}))
}

// neither is what both must not: change what is insert-only, write sums, put something between the database and its rules.
func neither() []string {
	list := []string{
		`UPDATE lots SET available = available + 1, bought = bought + 1`, `UPDATE lots SET note = ''`,
		`INSERT INTO lots (id, wallet_id, created_at, bought, available) SELECT gen_random_uuid(), wallet_id, now(), 5, 5 FROM lots`,
		`INSERT INTO holds (cluster_id, lot_id) SELECT cluster_id, lot_id FROM holds`, `UPDATE holds SET released = 0`, `DELETE FROM holds`,
		`UPDATE journal_heads SET seq = 0`, `UPDATE journal_heads SET wallet_id = wallet_id`, `UPDATE wallets SET organization_id = organization_id`,
		`UPDATE orders SET amount = 0`, `UPDATE offer_prices SET price = 0`, `DELETE FROM orders`, `DELETE FROM lots`, `DELETE FROM runs`,
		`UPDATE runs SET rate = 1`, `UPDATE runs SET started_at = started_at`,
		`UPDATE run_bookings SET booked_until = now()`, `INSERT INTO run_bookings (run_id) VALUES (gen_random_uuid())`, `DELETE FROM run_bookings`,
		`SET session_replication_role = replica`, `CREATE TABLE mine (n int)`, `CREATE TEMPORARY TABLE lots (n int)`, `CREATE SCHEMA mine`,
		`CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`, `CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
		`ALTER FUNCTION apply_postings() SECURITY INVOKER`, `DROP FUNCTION refuse_ledger_change() CASCADE`, `DROP TRIGGER sums ON ledger_postings`,
		`CREATE OR REPLACE VIEW jobs AS SELECT 1`, `UPDATE goose_db_version SET version_id = 1`, `SET ROLE volary_owner`,
		`COPY people TO PROGRAM 'true'`, `SELECT pg_read_file('PG_VERSION')`,
	}
	for _, table := range insertOnly() {
		list = append(list, `DELETE FROM `+table, `TRUNCATE `+table+` CASCADE`, `ALTER TABLE `+table+` DISABLE TRIGGER ALL`,
			`ALTER TABLE `+table+` DISABLE TRIGGER USER`, `DROP TABLE `+table+` CASCADE`, `CREATE RULE none AS ON INSERT TO `+table+` DO INSTEAD NOTHING`,
			`CREATE TRIGGER mine BEFORE INSERT ON `+table+` EXECUTE FUNCTION notify_change()`, `LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`)
	}
	// The lock that stops all others takes a right to change or delete whole rows; a right to columns is none.
	for _, table := range []string{"people", "organizations", "lots", "holds", "orders", "wallets", "journal_heads", "offers", "usage_lines"} {
		list = append(list, `LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`, `LOCK TABLE `+table+` IN EXCLUSIVE MODE`)
	}
	for _, change := range []string{
		`ledger_entries SET at = at`, `ledger_postings SET hours = hours`, `money_postings SET amount = amount`, `ledger_facts SET digest = digest`, `usage_lines SET hours = hours`, `audit SET verb = verb`,
		`periods SET month = month`, `period_files SET size = size`, `statements SET used = used`,
		`invoices SET net = net`, `invoice_lines SET amount = amount`, `payments SET amount = amount`, `credit_notes SET net = net`, `credit_note_lines SET hours = hours`, `payment_allocations SET amount = amount`,
		`invoice_balances SET paid = total`, `wallet_money SET credit = 0`,
		`certificate_keys SET public_key = public_key`, `certificate_key_ends SET reason = reason`, `certificates SET envelope = envelope`, `certificate_claims SET claim = claim`,
	} {
		list = append(list, `UPDATE `+change)
	}
	return list
}

func insertOnly() []string {
	return []string{
		"period_balances", "period_files", "period_file_parts", "statements", "statement_uses",
		"ledger_entries", "ledger_postings", "money_postings", "ledger_facts", "usage_lines", "audit", "invoices", "invoice_lines", "payments", "payment_allocations", "credit_notes", "credit_note_lines", "invoice_taxes", "credit_note_taxes", "tax_rates", "tax_exemptions",
		"certificate_keys", "certificate_key_ends", "certificate_claims", "certificates",
	}
}

// wantDenied wants a refusal for the lack of a right, or by a trigger of ours, and nothing else that goes wrong by chance.
func wantDenied(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	storetest.NoError(t, err)
	defer tx.Rollback(context.Background()) //nolint:errcheck // nothing is kept
	_, err = tx.Exec(t.Context(), sql)
	var pg *pgconn.PgError
	switch {
	case err == nil:
		t.Errorf("%s: done", sql)
	case !errors.As(err, &pg):
		t.Errorf("%s: %v", sql, err)
	case pg.Code == "42501" || pg.Code == "23001":
	case strings.Contains(sql, "enqueue(") && (pg.Code == "22023" || pg.Code == "22P02"):
	default:
		t.Errorf("%s: refused for another reason: %s", sql, pg.Message)
	}
}

// The owner's rights do not help either where a trigger keeps what was done.
func TestWhatWasDoneStays(t *testing.T) {
	w := storetest.NewWorld(t)
	storetest.NoError(t, w.DB.Machines.CheckHost(t.Context(), w.Person, w.Provider, w.Hosts[0]))
	owner := storetest.PoolAs(t, w.Pool, storetest.Owner)
	for _, sql := range []string{`UPDATE audit SET verb = ''`, `DELETE FROM audit`, `TRUNCATE audit`, `DELETE FROM ledger_entries`, `UPDATE journal_heads SET seq = 0`} {
		wantDenied(t, owner, sql)
	}
}

// An entry that does not continue its journal is refused, whoever writes it.
func TestEntriesContinueTheirJournal(t *testing.T) {
	w := storetest.NewWorld(t)
	const forged = `INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, previous, hash, accounting_date, period)
		SELECT wallet_id, seq + %d, 'grant', now(), 'forged', %s, decode(repeat('ab', 32), 'hex'), '2026-11-30', '2026-11-01' FROM journal_heads`
	for _, sql := range []string{fmt.Sprintf(forged, 2, "hash"), fmt.Sprintf(forged, 1, "decode(repeat('cd', 32), 'hex')")} {
		wantDenied(t, storetest.PoolAs(t, w.Pool, store.RoleWeb), sql)
	}
	w.Grant(t, w.Organization, billing.ComputeHour)
	var whole bool
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT bool_and(h.seq = e.seq AND h.hash = e.hash) FROM journal_heads h
		JOIN LATERAL (SELECT seq, hash FROM ledger_entries e WHERE e.wallet_id = h.wallet_id ORDER BY seq DESC LIMIT 1) e ON true`).Scan(&whole))
	if !whole {
		t.Error("the heads are not those of the last entries")
	}
}

// A temporary table of one who may make them does not stand in for ours, where a function runs as the owner.
func TestTemporaryTablesHideNothing(t *testing.T) {
	w := storetest.NewWorld(t)
	var functions []string
	rows, err := w.Pool.Query(t.Context(), `SELECT p.proname::text FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND prosecdef
		AND NOT coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, public, pg_temp']`)
	storetest.NoError(t, err)
	functions, err = pgx.CollectRows(rows, pgx.RowTo[string])
	storetest.NoError(t, err)
	if len(functions) > 0 {
		t.Errorf("these run as the owner under the caller's search_path, or with pg_temp first: %v", functions)
	}
	rows, err = w.Pool.Query(t.Context(), `SELECT p.oid::regprocedure::text FROM pg_proc p WHERE pronamespace = 'public'::regnamespace AND prosecdef AND has_function_privilege('public', p.oid, 'EXECUTE')`)
	storetest.NoError(t, err)
	functions, err = pgx.CollectRows(rows, pgx.RowTo[string])
	storetest.NoError(t, err)
	if len(functions) > 0 {
		t.Errorf("anybody may call these, which run as the owner, or make triggers of them: %v", functions)
	}
}

// Each table is somebody's, or is named in grants.sql among those that are nobody's.
func TestEachTableHasItsGrants(t *testing.T) {
	pool := storetest.Pool(t)
	text, err := migrations.FS.ReadFile("grants.sql")
	storetest.NoError(t, err)
	rows, err := pool.Query(t.Context(), `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')`)
	storetest.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	storetest.NoError(t, err)
	words := map[string]bool{}
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return !(r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9') }) {
		words[word] = true
	}
	for _, name := range tables {
		if !words[name] {
			t.Errorf("grants.sql does not say who may do what with %s", name)
		}
	}
}

// secretColumns are those that hold, or open, something, with the roles that may read them. A column that sounds like one
// belongs here.
func secretColumns() map[string][]store.ServerRole {
	web, worker := store.RoleWeb, store.RoleWorker
	return map[string][]store.ServerRole{
		"clusters.seed_secret":        {worker},
		"console_tickets.token_hash":  {worker},
		"people.password_hash":        {web},
		"sessions.token_hash":         {web},
		"invitations.token_hash":      {web},
		"sign_ups.token_hash":         {web},
		"sign_ups.password_hash":      {web},
		"mail_tokens.token_hash":      {web},
		"sign_in_failures.key":        {web},
		"devices.token_hash":          {web},
		"taken_names.key":             {web},         // of what a name looks like
		"hosts.machine_key":           {web, worker}, // a name that the machine drew; who knows it can prove nothing
		"ssh_keys.public_key":         {web},
		"cluster_keys.public_key":     {web, worker},
		"rightful_keys.public_key":    {web, worker}, // of who may work with an organization's machines
		"mails.sealed":                {worker},
		"certificate_keys.sealed":     {worker},
		"certificate_keys.public_key": {web, worker},
		"certificates.provider_key":   {web, worker}, // ids of rows
		"certificates.platform_key":   {web, worker},
		"upload_sources.sealed":       {worker},
		"upload_sources.leads_sealed": {worker},
		"upload_sources.given_sealed": {worker},
		"mails.data":                  {web, worker},
		"mails.body":                  {web, worker},
		"notices.data":                {worker},
		"acceptance_tests.nonce":      {web, worker},
		"model_versions.document":     {web, worker}, // with the user-data
		"journal_heads.hash":          {web, worker},
		"statements.hash":             {web}, // of the journal's head, which the paper says
		"ledger_entries.hash":         {web, worker},
		"ledger_entries.key":          {web, worker}, // of idempotency
		"river_job.args":              {worker},
		"river_job.unique_key":        {worker},
		"river_queue.metadata":        {worker},
	}
}

func TestSecretsAreReadByThoseWhoNeedThem(t *testing.T) {
	pool := storetest.Pool(t)
	rows, err := pool.Query(t.Context(), `
		SELECT c.relname || '.' || a.attname, has_column_privilege($1::text, c.oid, a.attnum, 'SELECT'), has_column_privilege($2::text, c.oid, a.attnum, 'SELECT'),
			a.attname ~ '(secret|password|token|private|credential|passphrase|identity$|^key$|_key$|_keys$|hash$|nonce|^data$|^body$|^args$|user_data|sealed)'
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')`, store.RoleWeb, store.RoleWorker)
	storetest.NoError(t, err)
	want := secretColumns()
	var column string
	var web, worker, sounds bool
	_, err = pgx.ForEachRow(rows, []any{&column, &web, &worker, &sounds}, func() error {
		roles, known := want[column]
		if sounds && !known {
			t.Errorf("%s sounds like a secret: say in this test who may read it", column)
		}
		if known && (web != slices.Contains(roles, store.RoleWeb) || worker != slices.Contains(roles, store.RoleWorker)) {
			t.Errorf("%s is read by web %t and by the worker %t, want %v", column, web, worker, roles)
		}
		return nil
	})
	storetest.NoError(t, err)
}

// A server looks who it is before it begins.
func TestServersRefuseToBeAnybodyElse(t *testing.T) {
	w := storetest.NewWorld(t)
	check := func(pool *pgxpool.Pool, role store.ServerRole) error {
		return store.CheckServerRole(t.Context(), pool, role, migrations.FS)
	}
	storetest.NoError(t, check(signIn(t, w.Pool, store.RoleWeb), store.RoleWeb))
	storetest.NoError(t, check(signIn(t, w.Pool, store.RoleWorker), store.RoleWorker))
	for name, c := range map[string]struct {
		pool *pgxpool.Pool
		want string
	}{
		"superuser":      {w.Pool, "insert-only"},
		"in disguise":    {storetest.PoolAs(t, w.Pool, store.RoleWeb), "insert-only"},
		"owner":          {signIn(t, w.Pool, storetest.Owner, store.RoleWeb), "insert-only"},
		"without a role": {signIn(t, w.Pool), "has not the role volary_web"},
		"the other":      {signIn(t, w.Pool, store.RoleWorker), "has not the role volary_web"},
		"both":           {signIn(t, w.Pool, store.RoleWeb, store.RoleWorker), "the role volary_worker too"},
	} {
		if err := check(c.pool, store.RoleWeb); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestServersWantTheirOwnVersion(t *testing.T) {
	for change, want := range map[string]string{
		`DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`:     "run `volary migrate`",
		`DELETE FROM goose_db_version WHERE version_id = 3`:                                                  "run `volary migrate`",
		`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`:                         "run the newer program",
		`DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database()); END $$`: "temporary tables",
	} {
		admin := storetest.Pool(t)
		_, err := admin.Exec(t.Context(), change)
		storetest.NoError(t, err)
		err = store.CheckServerRole(t.Context(), signIn(t, admin, store.RoleWeb), store.RoleWeb, migrations.FS)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("after %s: %v, want %q", change, err, want)
		}
	}
}
