package books_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// What PostgreSQL answers: for want of a right, by a trigger of ours, by a check, a foreign key, a unique key.
const (
	byRight, byTrigger, byCheck, byReference, byKey = "42501", "23001", "23514", "23503", "23505"
)

// rules are attempts at what the database refuses by a rule, each with the one that refuses it to the owner of the tables, whom
// no right stops. Servers are refused by it or by a right.
func rules() map[string]struct{ code, sql string } {
	const line = `INSERT INTO usage_lines (run_id, from_at, lot_id, to_at, wallet_id, seq, cluster_id, node_id, rate, hours)
		SELECT r.id, %s, (SELECT lot_id FROM holds WHERE cluster_id = r.cluster_id LIMIT 1), %s, r.wallet_id, h.seq, r.cluster_id, r.node_id, r.rate, %s
		  FROM runs r JOIN run_bookings b ON b.run_id = r.id JOIN journal_heads h ON h.wallet_id = r.wallet_id WHERE r.closed_at IS NULL`
	entry := `INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, lines, lines_digest, period_from, period_to, previous, hash, accounting_date, period)
		SELECT wallet_id, seq + 1, 'use', greatest(now(), at + interval '1 s'), 'forged', 1, sha256('x'), now(), now() + interval '1 s', hash, sha256('y'), '2026-11-22', '2026-11-01' FROM journal_heads; `
	lines := func(from, to, hours string) string { return entry + fmt.Sprintf(line, from, to, hours) }
	const invoice = `INSERT INTO invoices (id, provider_id, organization_id, year, serial, number, seller, tax_id, buyer, net, currency, issued_at)
		SELECT gen_random_uuid(), provider_id, organization_id, year, serial + %d, 'NOR-x', seller, tax_id, buyer, net, currency, %s FROM invoices ORDER BY serial DESC LIMIT 1`
	return map[string]struct{ code, sql string }{
		"a booking moved back":        {byTrigger, `UPDATE run_bookings SET booked_until = booked_until - interval '1 second'`},
		"a booking moved on":          {byTrigger, `UPDATE run_bookings SET booked_until = booked_until + interval '1 second'`},
		"a booking opened again":      {byTrigger, `UPDATE run_bookings SET done = false WHERE done`},
		"a booking of another run":    {byReference, `UPDATE run_bookings SET run_id = gen_random_uuid()`},
		"a booking deleted":           {byTrigger, `DELETE FROM run_bookings`},
		"bookings deleted":            {byTrigger, `TRUNCATE run_bookings`},
		"a second booking":            {byKey, `INSERT INTO run_bookings (run_id, wallet_id, booked_until) SELECT id, wallet_id, started_at FROM runs`},
		"seconds that are booked":     {byTrigger, lines(`b.booked_until - interval '5 s'`, `b.booked_until + interval '1 s'`, `6 * r.rate`)},
		"seconds after a gap":         {byTrigger, lines(`b.booked_until + interval '2 s'`, `b.booked_until + interval '4 s'`, `2 * r.rate`)},
		"seconds that are not proven": {byTrigger, lines(`b.booked_until`, `r.ended_at + interval '1 s'`, `(extract(epoch FROM r.ended_at - b.booked_until) + 1) * r.rate`)},
		"more than the rate":          {byTrigger, lines(`b.booked_until`, `b.booked_until + interval '1 s'`, `r.rate + 1`)},
		"an end after the last proof": {byCheck, `UPDATE runs SET proofs = proofs + 1, ended_at = date_trunc('second', proven_at) + interval '1 s' WHERE closed_at IS NULL`},
		"an end without a proof":      {byTrigger, `UPDATE runs SET proven_at = proven_at + interval '5 s', ended_at = ended_at + interval '5 s' WHERE closed_at IS NULL`},
		"a run born with unproven time": {byCheck, `INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at)
			SELECT gen_random_uuid(), wallet_id, cluster_id, gen_random_uuid(), start_id, rate, started_at, ended_at + interval '1 s', ends_by + interval '1 h', ended_at FROM runs`},
		"a proof taken back":            {byTrigger, `UPDATE runs SET proven_at = proven_at - interval '1 s' WHERE closed_at IS NULL`},
		"proofs counted down":           {byTrigger, `UPDATE runs SET proofs = proofs - 1 WHERE closed_at IS NULL`},
		"proofs uncounted":              {byTrigger, `UPDATE runs SET proofs = NULL, longest_gap = NULL WHERE closed_at IS NULL`},
		"a gap made shorter":            {byTrigger, `UPDATE runs SET longest_gap = interval '0' WHERE closed_at IS NULL`},
		"a lot that begins with hours":  {byTrigger, `INSERT INTO lots (id, wallet_id, created_at, bought, available) SELECT gen_random_uuid(), wallet_id, now(), 5, 5 FROM lots`},
		"a lot that begins spent":       {byTrigger, `INSERT INTO lots (id, wallet_id, created_at, bought, used) SELECT gen_random_uuid(), wallet_id, now(), 5, 5 FROM lots`},
		"a hold that begins with hours": {byTrigger, `INSERT INTO holds (cluster_id, lot_id, set_aside) SELECT cluster_id, gen_random_uuid(), 5 FROM holds`},
		"an entry before the last one's": {byTrigger, `INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, previous, hash, accounting_date, period)
			SELECT wallet_id, seq + 1, 'release', at, 'early', hash, sha256('x'), '2026-11-22', '2026-11-01' FROM journal_heads`},
		"an entry in the old encoding": {byTrigger, `INSERT INTO ledger_entries (wallet_id, seq, version, kind, at, key, previous, hash, accounting_date, period)
			SELECT wallet_id, seq + 1, 1, 'release', at + interval '1 s', 'old', hash, sha256('x'), '2026-11-22', '2026-11-01' FROM journal_heads`},
		"an entry of a period before its day": {byCheck, `INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, previous, hash, accounting_date, period)
			SELECT wallet_id, seq + 1, 'release', at + interval '1 s', 'past', hash, sha256('x'), '2026-11-22', '2026-10-01' FROM journal_heads`},
		"what is deferred moved":         {byTrigger, `UPDATE lots SET deferred = deferred + 1`},
		"a lot born with money":          {byTrigger, `INSERT INTO lots (id, wallet_id, created_at, deferred) SELECT gen_random_uuid(), wallet_id, now(), 5 FROM lots`},
		"money changed":                  {byTrigger, `UPDATE money_postings SET amount = amount * 2`},
		"money removed":                  {byTrigger, `DELETE FROM money_postings`},
		"money in a booked entry":        {byTrigger, `INSERT INTO money_postings SELECT wallet_id, seq, 9, 'bank', NULL, 'EUR', 5 FROM ledger_entries WHERE seq = 1`},
		"a fact changed":                 {byTrigger, `UPDATE ledger_facts SET digest = sha256('x')`},
		"a fact in a booked entry":       {byTrigger, `INSERT INTO ledger_facts SELECT wallet_id, seq, 9, 'lot', gen_random_uuid(), hash FROM ledger_entries WHERE seq = 1`},
		"a serial left out":              {byReference, fmt.Sprintf(invoice, 2, `now() + interval '1 h'`)},
		"a serial twice":                 {byKey, fmt.Sprintf(invoice, 0, `now() + interval '1 h'`)},
		"an invoice before the last one": {byTrigger, fmt.Sprintf(invoice, 1, `issued_at`)},
		"an invoice removed":             {byTrigger, `DELETE FROM invoices`},
	}
}

func TestTheDatabaseKeepsTheRulesAgainstEveryRole(t *testing.T) {
	w, _ := usedWorld(t)
	w.sell(5_000_000, uuid.Nil, 9, "")
	w.proveUntil(3605, 3625, w.openNodes()...)
	for _, role := range []store.ServerRole{store.RoleWeb, store.RoleWorker, "volary_servers", storetest.Owner} {
		pool := storetest.PoolAs(t, w.pool, role)
		for name, rule := range rules() {
			tx, err := pool.Begin(t.Context())
			w.must(err)
			_, err = tx.Conn().PgConn().Exec(t.Context(), rule.sql).ReadAll() // may be two statements
			_ = tx.Rollback(context.Background())
			var pg *pgconn.PgError
			allowed := []string{rule.code, byRight}
			if role == storetest.Owner {
				allowed = allowed[:1]
			}
			if !errors.As(err, &pg) || !slices.Contains(allowed, pg.Code) {
				t.Errorf("%s, by %s: %v, want refused by %s", name, role, err, rule.code)
			}
		}
	}
	w.verified()
}

// openNodes are those that run.
func (w *ledgerWorld) openNodes() (nodes []uuid.UUID) {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT node_id FROM runs WHERE closed_at IS NULL ORDER BY node_id`)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		w.must(rows.Scan(&id))
		nodes = append(nodes, id)
	}
	return nodes
}

// misbooked is a run of 25 s with lines of the given beginnings and ends, booked in one entry past all rules of the database: only
// the proof is left to find it.
func misbooked(t *testing.T, ranges ...[2]int) *ledgerWorld {
	t.Helper()
	w := newLedgerWorldAt(t, at(0))
	lot := w.grant(1_000_000, nil)
	cluster, nodes := w.running(1, 100, at(0))
	w.proveUntil(0, 25, nodes...)
	run := uuid.Nil
	w.must(w.pool.QueryRow(t.Context(), `SELECT id FROM runs`).Scan(&run))
	u := billing.Usage{LotID: lot}
	for _, r := range ranges {
		s := billing.Segment{RunID: run, ClusterID: cluster, NodeID: nodes[0], From: at(r[0]), To: at(r[1]), Rate: 1000}
		u.Lines = append(u.Lines, billing.Line{Segment: s, Hours: billing.Hours(s.Seconds() * 1000)})
	}
	w.exec(`ALTER TABLE usage_lines DISABLE TRIGGER runs_follow`)
	w.must(w.db.Books.BookUseNow(t.Context(), w.provider, w.org, u, at(30)))
	w.exec(`ALTER TABLE usage_lines ENABLE TRIGGER runs_follow`)
	w.tamper(`UPDATE run_bookings SET booked_until = $1`, at(25))
	return w
}

// The seconds of the lines sum to the run's in each: only what lies beside what tells.
func TestTheProofNamesWhatIsInTwoLinesAndWhatIsInNone(t *testing.T) {
	for want, ranges := range map[string][][2]int{
		"": {{0, 10}, {10, 20}, {20, 25}},
		"in two from %[2]s to %[3]s and in none from %[4]s to %[5]s": {{0, 10}, {5, 15}, {20, 25}},
	} {
		w := misbooked(t, ranges...)
		r, err := w.db.Books.VerifyLedger(t.Context())
		w.must(err)
		if want == "" {
			if r.Difference != nil {
				t.Errorf("%v: %v", ranges, r.Difference)
			}
			continue
		}
		text := func(s int) string { return at(s).Format(time.RFC3339) }
		want = fmt.Sprintf(want, "", text(5), text(10), text(15), text(20))
		if r.Difference == nil || !strings.HasSuffix(r.Difference.Error(), want) {
			t.Errorf("%v: found %v, want %s", ranges, r.Difference, want)
		}
	}
}

// The same lines are refused where the rules are there.
func TestTheDatabaseRefusesLinesThatOverlap(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	lot := w.grant(1_000_000, nil)
	cluster, nodes := w.running(1, 100, at(0))
	w.proveUntil(0, 25, nodes...)
	var run uuid.UUID
	w.must(w.pool.QueryRow(t.Context(), `SELECT id FROM runs`).Scan(&run))
	book := func(ranges ...[2]int) error {
		u := billing.Usage{LotID: lot}
		for _, r := range ranges {
			s := billing.Segment{RunID: run, ClusterID: cluster, NodeID: nodes[0], From: at(r[0]), To: at(r[1]), Rate: 1000}
			u.Lines = append(u.Lines, billing.Line{Segment: s, Hours: billing.Hours(s.Seconds() * 1000)})
		}
		return w.db.Books.BookUseNow(t.Context(), w.provider, w.org, u, at(30))
	}
	for _, ranges := range [][][2]int{{{0, 10}, {5, 15}, {20, 25}}, {{0, 10}, {5, 15}}, {{0, 10}, {11, 20}}, {{5, 10}}} {
		if err := book(ranges...); err == nil {
			t.Errorf("%v were booked", ranges)
		}
	}
	w.must(book([2]int{0, 10}))
	if err := book([2]int{0, 10}); err == nil {
		t.Error("ten seconds were booked twice")
	}
	w.must(book([2]int{10, 20}, [2]int{20, 25}))
	w.verified()
}

func TestARunCountsItsProofsAndKeepsItsLongestGap(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(1_000_000, nil)
	_, nodes := w.running(2, 500, at(0))
	w.prove(at(5), nodes...)
	w.prove(at(5), nodes...) // the same round again
	w.prove(at(16).Add(500*time.Millisecond), nodes...)
	w.prove(at(20), nodes[0])
	for i, want := range []string{"3 proofs, 11500 ms", "2 proofs, 11500 ms"} {
		var got string
		w.must(w.pool.QueryRow(t.Context(), `SELECT proofs || ' proofs, ' || (extract(epoch FROM longest_gap) * 1000)::int || ' ms' FROM runs WHERE node_id = $1`, nodes[i]).Scan(&got))
		if got != want {
			t.Errorf("node %d has %s, want %s", i, got, want)
		}
	}
}

// A clock that is set back moves neither an entry nor a paper before the one that came before it.
func TestTimesRiseWhateverTheClockSays(t *testing.T) {
	w := newLedgerWorldAt(t, at(3600))
	w.sell(5_000_000, uuid.Nil, 9, "")
	w.clock.Set(at(0))
	w.sell(5_000_000, uuid.Nil, 9, "")
	w.grant(1_000_000, nil)
	for what, sql := range map[string]string{
		"entries": `SELECT array_agg(at ORDER BY seq) FROM ledger_entries`, "invoices": `SELECT array_agg(issued_at ORDER BY serial) FROM invoices`,
	} {
		var times []time.Time
		w.must(w.pool.QueryRow(t.Context(), sql).Scan(&times))
		for i, got := range times {
			if want := at(3600).Add(time.Duration(i) * time.Microsecond); !got.Equal(want) {
				t.Errorf("the times of %s are %v, want the %d-th %v", what, times, i+1, want)
			}
		}
	}
	w.verified()
	w.tamper(`UPDATE ledger_entries SET at = at - interval '1 h' WHERE seq = 2`)
	if r, err := w.db.Books.VerifyLedger(t.Context()); err != nil || r.Difference == nil || r.Difference.What != "the time" {
		t.Errorf("found %v, %v", r.Difference, err)
	}
}

// What the counter of a provider's papers says, and what is there, have to be the same.
func TestTheProofCountsPapers(t *testing.T) {
	for _, sql := range []string{
		`UPDATE invoice_numbers SET last = 5`, `DELETE FROM invoice_numbers`,
		`DELETE FROM invoice_lines WHERE invoice_id = (SELECT id FROM invoices WHERE serial = 2); `,
	} {
		w := newLedgerWorld(t)
		for range 3 {
			w.sell(5_000_000, uuid.Nil, 9, "")
		}
		w.verified()
		w.tamper(sql)
		if strings.Contains(sql, "invoice_lines") {
			w.tamper(`UPDATE lots SET amount = NULL, currency = NULL, order_id = NULL WHERE order_id NOT IN (SELECT order_id FROM invoice_lines)`)
			w.tamper(`DELETE FROM invoices WHERE serial = 2`)
		}
		r, err := w.db.Books.VerifyLedger(t.Context())
		w.must(err)
		want := "the invoices of 20"
		if strings.Contains(sql, "invoice_lines") {
			want = "should be there but is missing" // an entry says what is on it
		}
		if r.Difference == nil || !strings.Contains(r.Difference.Error(), want) {
			t.Errorf("%s: found %v", sql, r.Difference)
		}
	}
}
