package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/cmd/internal/demo"
	"volary.dev/cmd/internal/postgres"
	"volary.dev/cmd/internal/session"
)

// TestBackupIsRestoredAndGoesOn does what .readme/operate.md says, by its own commands: it makes a database and its users,
// backs up a deployment of ninety days in which a cluster runs, restores it on another PostgreSQL, and goes on there. Every
// row, every right and every trigger has to be as it was; people sign in, and what ran is metered on.
func TestBackupIsRestoredAndGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the programs and moves a deployment from one PostgreSQL to another")
	}
	v := prepareVolary(t, "backup")
	v.kind = hostsMemory
	g := guide{text: readFile(t, filepath.Join(v.root, ".readme", "operate.md")), env: []string{
		"PATH=" + strings.Join([]string{v.programs, postgres.DebianBinaries(), os.Getenv("PATH")}, ":"),
		"VOLARY_BLOB_DIR=" + v.path("blob"), "BACKUP=" + v.path("backup"),
	}}
	if err := os.Mkdir(v.path("backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	backup, restore := v.deploys(t, &g)
	cluster := v.fills(t)
	before := v.rows(t)
	g.run(t, backup)
	schema := g.run(t, `pg_dump --schema-only "$DATABASE_URL"`)
	v.disappears(t)

	v.startsEmpty(t, &g)
	said := g.run(t, restore[0])
	if !strings.Contains(said, "The ledger is whole") {
		t.Errorf("volary ledger verify says %q", said)
	}
	v.limits(t, said)
	if said := strings.TrimSpace(g.run(t, restore[1])); said != "" {
		t.Errorf("kept heads that are gone: %s", said)
	}
	if after := v.rows(t); after != before {
		t.Errorf("rows before:\n%s\nand after:\n%s", before, after)
	}
	for _, line := range differences(schema, g.run(t, `pg_dump --schema-only "$DATABASE_URL"`)) {
		t.Error("schema and rights:", line)
	}
	v.keepsItsBooks(t)
	v.addsNothingLate(t)
	g.missesHeads(t, restore[1])
	v.goesOn(t, &g, cluster)
}

// deploys makes a first database as the guide says; it returns the guide's commands for backing up and restoring.
func (v *volary) deploys(t *testing.T, g *guide) (backup string, restore []string) {
	t.Helper()
	v.startsEmpty(t, g)
	made := g.blocks(t, "The database")
	line := strings.Replace(made[1], "postgres://volary_owner:…@db/volary", v.users.Owner, 1)
	if said := g.run(t, line); !strings.Contains(said, "volary_web") || line == made[1] {
		t.Fatalf("%s says %q", made[1], said)
	}
	blocks := g.blocks(t, "Backup and restore")
	if len(blocks) != 3 {
		t.Fatalf("the guide has %d blocks of commands for backup and restore, not 3", len(blocks))
	}
	return blocks[0], blocks[1:]
}

// startsEmpty starts a PostgreSQL and makes the users of an empty database there, as the guide says.
func (v *volary) startsEmpty(t *testing.T, g *guide) {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Options{Dir: v.path("postgres"), Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	v.database = keptDatabase{server: server}
	secrets := strings.NewReplacer("…", "a password")
	g.env = append(g.env, "DATABASE_URL="+server.URL())
	g.run(t, "psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 \"$DATABASE_URL\" <<'END'\n"+secrets.Replace(g.blocks(t, "The database")[0])+"\nEND")
	as := func(user string) string {
		u, err := url.Parse(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		u.User, u.Path = url.UserPassword(user, "a password"), "/volary"
		return u.String()
	}
	v.users = postgres.Users{Owner: as("volary_owner"), Web: as("web"), Worker: as("worker")}
	g.env = append(g.env, "DATABASE_URL="+v.users.Owner)
}

// limits has a superuser run what volary migrate says that one has to.
func (v *volary) limits(t *testing.T, said string) {
	t.Helper()
	super, err := url.Parse(v.database.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	super.Path = "/volary"
	pool, err := pgxpool.New(t.Context(), super.String())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	ran := 0
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "REVOKE ") && !strings.HasPrefix(line, "ALTER ROLE ") {
			continue
		}
		if _, err := pool.Exec(t.Context(), line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		ran++
	}
	if ran == 0 {
		t.Errorf("volary migrate names nothing that a superuser has to run: %q", said)
	}
}

// fills makes ninety days, and a cluster that runs in the end.
func (v *volary) fills(t *testing.T) (cluster uuid.UUID) {
	t.Helper()
	for _, step := range []func(context.Context) (string, error){v.migrate, v.demo, v.startWorker, v.startWeb} {
		if _, err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	v.awaitHosts(t)
	cluster = groupOf(t, v).launch(t, "moved", 1)
	v.await(t, "proofs of life", `SELECT count(*) = 2 FROM runs WHERE cluster_id = $1 AND ended_at > started_at`, cluster)
	v.stopServers()
	return cluster
}

func (v *volary) stopServers() {
	v.web.stop()
	v.worker.stop()
	v.web, v.worker = nil, nil
}

// disappears takes the first deployment away, but for its hosts.
func (v *volary) disappears(t *testing.T) {
	t.Helper()
	v.pool.Close()
	v.database.stop()
	for _, folder := range []string{"blob", "postgres"} {
		if err := os.RemoveAll(v.path(folder)); err != nil {
			t.Fatal(err)
		}
	}
}

// rows tells of every table how many rows it has and a digest of them.
func (v *volary) rows(t *testing.T) string {
	t.Helper()
	conn := connect(t, v.users.Owner)
	found, _ := conn.Query(t.Context(), `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname`)
	names, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil || len(names) < 40 {
		t.Fatalf("%d tables: %v", len(names), err)
	}
	var all strings.Builder
	for _, name := range names {
		var n int
		var digest string
		sql := `SELECT count(*), md5(coalesce(string_agg(md5(r::text), '' ORDER BY md5(r::text)), '')) FROM ` + name + ` r`
		if err := conn.QueryRow(t.Context(), sql).Scan(&n, &digest); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fmt.Fprintf(&all, "%s %d %s\n", name, n, digest)
	}
	return all.String()
}

// keepsItsBooks tries as each server, and as the owner, to change what is insert-only. What the servers may not do in the
// database as a whole is in no dump.
func (v *volary) keepsItsBooks(t *testing.T) {
	t.Helper()
	for who, address := range map[string]string{"web": v.users.Web, "worker": v.users.Worker, "the owner": v.users.Owner} {
		conn := connect(t, address)
		refuses := func(sql string) {
			_, err := conn.Exec(t.Context(), sql)
			var refused *pgconn.PgError
			if !errors.As(err, &refused) {
				t.Errorf("%s: %s: %v", who, sql, err)
			}
		}
		for _, table := range []string{
			"ledger_entries", "ledger_postings", "money_postings", "ledger_facts", "usage_lines",
			"invoices", "invoice_lines", "invoice_taxes", "payments", "payment_allocations", "credit_notes", "credit_note_lines", "credit_note_taxes",
			"tax_rates", "tax_exemptions", "period_balances", "period_files", "period_file_parts", "statements", "statement_uses", "certificates", "audit",
		} {
			refuses(`DELETE FROM ` + table)
			refuses(`TRUNCATE ` + table + ` CASCADE`)
		}
		if address != v.users.Owner {
			refuses(`CREATE TEMPORARY TABLE nest ()`)
			refuses(`CREATE TABLE public.nest ()`)
		}
	}
}

// addsNothingLate goes through the transactions of this PostgreSQL until it has come to those by whose numbers the entries
// were booked on the other one. In none of them may a server add a posting to such an entry.
func (v *volary) addsNothingLate(t *testing.T) {
	t.Helper()
	conn := connect(t, v.users.Web)
	late := 0
	for more := true; more; {
		err := pgx.BeginFunc(t.Context(), conn, func(tx pgx.Tx) error {
			if err := tx.QueryRow(t.Context(), `SELECT pg_current_xact_id() < max(booked_in) FROM ledger_entries`).Scan(&more); err != nil {
				return err
			}
			tag, err := tx.Exec(t.Context(), `INSERT INTO ledger_postings (wallet_id, seq, number, lot_id, account, hours)
				SELECT e.wallet_id, e.seq, a.number, p.lot_id, a.account, a.hours FROM ledger_entries e JOIN ledger_postings p USING (wallet_id, seq),
					(VALUES (1000, 'bought', -1), (1001, 'available', 1)) a (number, account, hours)
				WHERE e.booked_in = pg_current_xact_id() AND p.number = 1`)
			if err == nil && tag.RowsAffected() > 0 {
				t.Errorf("an entry of the other PostgreSQL took another posting")
			}
			return err
		})
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "23001" {
			late++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if late == 0 {
		t.Error("no transaction has the number of one of the other PostgreSQL: nothing was tried")
	}
}

// goesOn starts the servers on the restored database, signs a person in and has the cluster metered to its end.
func (v *volary) goesOn(t *testing.T, g *guide, cluster uuid.UUID) {
	t.Helper()
	restored := time.Now()
	for _, step := range []func(context.Context) (string, error){v.migrate, v.startWorker, v.startWeb} {
		if _, err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	cookies, err := session.SignIn(t.Context(), v.address(), "ada@tidal.example", demo.Password)
	if err != nil {
		t.Fatal(err)
	}
	if status, page := getAs(t, v.address()+"/org/clusters", cookies); status != http.StatusOK || !strings.Contains(page, "moved") {
		t.Errorf("the clusters' page: %d %s", status, page)
	}
	// Simulated machines end with the worker that simulates them, as if the hosts had been switched off meanwhile.
	v.await(t, "the runs to end at the last proof in the backup", `SELECT count(*) = 2 AND bool_and(closed_at > $2 AND ended_at > started_at AND ended_at < $2)
		FROM runs WHERE cluster_id = $1`, cluster, restored)
	gr := groupOf(t, v)
	if err := gr.db.Machines.StartCluster(t.Context(), gr.organization, gr.person, cluster, 3600); err != nil {
		t.Fatal(err)
	}
	v.await(t, "proofs of life after the restore",
		`SELECT count(*) = 2 FROM runs WHERE cluster_id = $1 AND closed_at IS NULL AND started_at > $2 AND ended_at > started_at`, cluster, restored)
	if err := gr.db.Machines.DeleteCluster(t.Context(), gr.organization, gr.person, cluster); err != nil {
		t.Fatal(err)
	}
	v.await(t, "the cluster's end", `SELECT ended_at IS NOT NULL FROM clusters WHERE id = $1`, cluster)
	v.await(t, "its usage in the books", `SELECT count(*) >= 2 AND max(to_at) > $2 FROM usage_lines WHERE cluster_id = $1`, cluster, restored)
	if said := g.run(t, "volary ledger verify"); !strings.Contains(said, "The ledger is whole") {
		t.Errorf("after going on: %s", said)
	}
}

// guide is .readme/operate.md, whose commands are run as they stand there.
type guide struct {
	text string
	env  []string
}

// indented is a block of commands.
var indented = regexp.MustCompile(`(?m)(?:^    .*\n)+`)

// blocks are the blocks of commands below a heading.
func (g *guide) blocks(t *testing.T, heading string) []string {
	t.Helper()
	_, section, found := strings.Cut(g.text, "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := indented.FindAllString(section, -1)
	if !found || len(blocks) == 0 {
		t.Fatalf("the guide says no commands under %q", heading)
	}
	for i, b := range blocks {
		blocks[i] = regexp.MustCompile(`(?m)^    `).ReplaceAllString(b, "")
	}
	return blocks
}

// run gives commands to a shell that stops at the first that fails.
func (g *guide) run(t *testing.T, commands string) (said string) {
	t.Helper()
	said, err := g.try(t, commands)
	if err != nil {
		t.Fatalf("%s\n%v: %s", commands, err, said)
	}
	return said
}

// missesHeads writes a head of a later entry, as a ledger that was cut short has lost it: the guide's command names it.
func (g *guide) missesHeads(t *testing.T, compare string) {
	t.Helper()
	g.run(t, `cp "$BACKUP/heads" "$BACKUP/heads.kept"; awk -F '\t' -v OFS='\t' 'NR == 1 { $2 += 1 } { print }' "$BACKUP/heads.kept" >"$BACKUP/heads"`)
	if said := strings.TrimSpace(g.run(t, compare)); strings.Count(said, "\n") != 0 || said == "" {
		t.Errorf("one head is missing, and it says %q", said)
	}
	g.run(t, `mv "$BACKUP/heads.kept" "$BACKUP/heads"`)
}

// differences are the lines of two dumps that only one of them has, but for the key by which psql knows its own dumps.
func differences(before, after string) (lines []string) {
	count := map[string]int{}
	flat := strings.NewReplacer("(", "", ")", "") // a condition of many is nested when it is made, and flat when it is restored
	for line := range strings.Lines(before) {
		count[flat.Replace(line)]--
	}
	for line := range strings.Lines(after) {
		count[flat.Replace(line)]++
	}
	for line, n := range count {
		if n != 0 && !strings.HasPrefix(line, `\restrict `) && !strings.HasPrefix(line, `\unrestrict `) {
			lines = append(lines, fmt.Sprintf("%+d %s", n, line))
		}
	}
	slices.Sort(lines)
	return lines
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
