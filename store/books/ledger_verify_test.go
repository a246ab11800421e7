package books_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/books"
)

// usedWorld has a cluster that ran 95 s on two lots and ended, and one that runs.
func usedWorld(t *testing.T) (*ledgerWorld, uuid.UUID) {
	t.Helper()
	w := newLedgerWorld(t)
	w.grant(40_000, nil)
	w.grant(5_000_000, nil)
	id, nodes := w.running(1, 200, at(3500))
	w.running(2, 200, at(3500))
	w.proveUntil(3500, 3600, nodes...)
	if _, err := w.db.Books.SettleUsage(t.Context(), at(3665)); err != nil {
		t.Fatal(err)
	}
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(3670)))
	return w, id
}

// tamper changes rows as someone with full rights over the database could.
func (w *ledgerWorld) tamper(sql string, args ...any) {
	w.t.Helper()
	tx, err := w.pool.Begin(w.t.Context())
	w.must(err)
	_, err = tx.Exec(w.t.Context(), `SET LOCAL session_replication_role = replica`)
	w.must(err)
	tag, err := tx.Exec(w.t.Context(), sql, args...)
	w.must(err)
	if tag.RowsAffected() == 0 {
		w.t.Fatalf("nothing to tamper with: %s", sql)
	}
	w.must(tx.Commit(w.t.Context()))
}

func TestVerifyNamesTheFirstDifference(t *testing.T) {
	for name, c := range map[string]struct{ sql, want string }{
		"posting raised":    {`UPDATE ledger_postings SET hours = hours * 2 WHERE seq = 3`, "entry 3: the hash"},
		"posting one-sided": {`UPDATE ledger_postings SET hours = hours + 1 WHERE seq = 2 AND number = 2`, "entry 2: the sum of its postings"},
		"posting dropped":   {`DELETE FROM ledger_postings WHERE seq = 3 AND number = 1`, "entry 3: the sum of its postings"},
		"entry redated":     {`UPDATE ledger_entries SET at = at + interval '1 day' WHERE seq = 1`, "entry 1: the hash"},
		"other person":      {`UPDATE ledger_entries SET person_id = NULL WHERE seq = 2`, "entry 2: the hash"},
		"entry dropped":     {`DELETE FROM ledger_entries WHERE seq = 4`, "entry 5: the sequence number should be 4 but is 5"},
		"last one dropped":  {`DELETE FROM ledger_entries WHERE seq = (SELECT max(seq) FROM ledger_entries)`, "the last entry should be"},
		"line shortened":    {`UPDATE usage_lines SET to_at = to_at - interval '1 second'`, "the digest of the usage lines"},
		"line dropped":      {`DELETE FROM usage_lines`, "the number of usage lines"},
		"lot enriched":      {`UPDATE lots SET bought = bought + 1000, available = available + 1000`, "the sums of lot"},
		"lot prolonged":     {`UPDATE lots SET expires_at = '2030-01-01Z'`, "the expiry of lot"},
		"hold enriched":     {`UPDATE holds SET set_aside = set_aside + 1 WHERE held > 0`, "holds for cluster"},
		"run begun later":   {`UPDATE runs SET started_at = started_at + interval '10 seconds' WHERE closed_at IS NOT NULL`, "the first booked second of run"},
		"booking moved":     {`UPDATE run_bookings SET booked_until = booked_until - interval '10 seconds' WHERE done`, "the last booked second of run"},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := usedWorld(t)
			w.verified()
			w.tamper(c.sql)
			r, err := w.db.Books.VerifyLedger(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.Difference == nil || !strings.Contains(r.Difference.Error(), c.want) {
				t.Errorf("found %v", r.Difference)
			}
		})
	}
}

func TestTheDatabaseRefusesWhatBillingWouldNotDo(t *testing.T) {
	w, id := usedWorld(t)
	entry := `INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, previous, hash)
		SELECT wallet_id, 99, 'release', now(), 'x', hash, decode(repeat('11', 32), 'hex') FROM journal_heads`
	for name, sql := range map[string]string{
		"update an entry":    `UPDATE ledger_entries SET at = now()`,
		"delete an entry":    `DELETE FROM ledger_entries`,
		"truncate postings":  `TRUNCATE ledger_postings`,
		"delete a posting":   `DELETE FROM ledger_postings`,
		"update a line":      `UPDATE usage_lines SET hours = 1`,
		"delete a run":       `DELETE FROM runs`,
		"delete a lot":       `DELETE FROM lots`,
		"shrink a run":       `UPDATE runs SET ended_at = started_at - interval '1 second' WHERE closed_at IS NULL`,
		"reopen a run":       `UPDATE runs SET closed_at = NULL, close_reason = '', span = NULL WHERE closed_at IS NOT NULL`,
		"change a sum":       `UPDATE lots SET available = available + 1, bought = bought + 1`,
		"change a hold":      `UPDATE holds SET released = 0`,
		"postings of no one": entry,
		"unbalanced": entry + `; INSERT INTO ledger_postings SELECT wallet_id, 99, 1, id, 'available', NULL, 5 FROM lots LIMIT 1;
			INSERT INTO ledger_postings SELECT wallet_id, 99, 2, id, 'bought', NULL, -4 FROM lots LIMIT 1`,
		"add to an old entry": `INSERT INTO ledger_postings SELECT wallet_id, 1, n, id, (ARRAY['available','bought'])[n-7], NULL, (ARRAY[5,-5])[n-7]
			FROM (SELECT * FROM lots LIMIT 1) l, generate_series(8, 9) n`,
		"the same key again": `INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, previous, hash)
			SELECT wallet_id, 99, kind, at, key, previous, decode(repeat('11', 32), 'hex') FROM ledger_entries WHERE seq = 1`,
		"a node runs twice": `INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at, closed_at, close_reason, span)
			SELECT gen_random_uuid(), wallet_id, cluster_id, node_id, 's9', rate, started_at + interval '5 s', ended_at, ends_by, proven_at, closed_at, 'asked',
			       tstzrange(started_at + interval '5 s', ended_at) FROM runs WHERE closed_at IS NOT NULL`,
	} {
		if _, err := w.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	w.verified()
	if _, sum, err := w.db.Books.ListRuns(t.Context(), w.org, id, books.RunFilter{}); err != nil || sum.All != 100_000 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestWhatAnOrganizationReads(t *testing.T) {
	w, id := usedWorld(t)
	entries, sums, err := w.db.Books.LedgerEntries(t.Context(), w.org, books.LedgerFilter{})
	w.must(err)
	var kinds []string
	var used billing.Hours
	for _, e := range entries {
		kinds = append(kinds, string(e.Kind))
		if e.Kind == billing.KindUse {
			used += e.Hours
			if len(e.Clusters) != 1 || e.Clusters[0] != "trial-1" {
				t.Errorf("clusters %v", e.Clusters)
			}
		}
	}
	if got := strings.Join(kinds, " "); len(kinds) != 7 || used != 100_000 || len(sums) != 4 {
		t.Errorf("%s, used %d, %+v", got, used, sums)
	}
	for _, c := range []struct {
		f    books.LedgerFilter
		want int
	}{
		{books.LedgerFilter{Kind: billing.KindUse}, 2},
		{books.LedgerFilter{Cluster: "TRIAL-1"}, 4},
		{books.LedgerFilter{Cluster: "trial-%"}, 0},
		{books.LedgerFilter{Provider: uuid.New()}, 0},
		{books.LedgerFilter{Days: store.Days{Until: typed.Day{Year: 2000, Month: 1, Day: 1}}}, 0},
		{books.LedgerFilter{Days: store.Days{Since: typed.Day{Year: 2000, Month: 1, Day: 1}}}, 7},
		{books.LedgerFilter{Page: store.Page{Offset: 5}}, 2},
	} {
		got, _, err := w.db.Books.LedgerEntries(t.Context(), w.org, c.f)
		if err != nil || len(got) != c.want {
			t.Errorf("%+v: %d entries, %v", c.f, len(got), err)
		}
	}
	lots, sum, err := w.db.Books.Lots(t.Context(), w.org, books.LotFilter{})
	if err != nil || len(lots) != 2 || sum.Count != 2 || sum.Bought != 5_040_000 || sum.Used != 100_000 {
		t.Errorf("%v, %+v, %v", lots, sum, err)
	}
	uses, _, err := w.db.Books.ListUsage(t.Context(), w.org, books.UsageFilter{})
	if err != nil || len(uses) != 2 || uses[1].ClusterID != id || uses[1].Seconds != 100 || uses[1].SetAside != 0 || uses[0].SetAside != 400_000 {
		t.Errorf("%+v, %v", uses, err)
	}
}

func TestAnotherOrganizationSeesNothing(t *testing.T) {
	w, id := usedWorld(t)
	other := uuid.Must(uuid.NewV7())
	w.exec(`INSERT INTO organizations VALUES ($1, 'Biology', now())`, other)
	if _, sum, err := w.db.Books.ListRuns(t.Context(), other, id, books.RunFilter{}); err != nil || sum != (books.RunSum{}) {
		t.Errorf("%+v, %v", sum, err)
	}
	cards, err := w.db.Books.Wallet(t.Context(), other)
	if err != nil || len(cards) != 0 {
		t.Errorf("%v, %v", cards, err)
	}
	if entries, sums, err := w.db.Books.LedgerEntries(t.Context(), other, books.LedgerFilter{}); err != nil || len(entries)+len(sums) != 0 {
		t.Errorf("%v, %v, %v", entries, sums, err)
	}
}
