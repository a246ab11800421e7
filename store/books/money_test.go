package books_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/storetest"
)

// money sums an account of the journal; of a lot's accounts those of one lot.
func (w *ledgerWorld) money(account billing.MoneyAccount, lot uuid.UUID) int64 {
	w.t.Helper()
	return w.count(`SELECT coalesce(sum(amount), 0)::bigint FROM money_postings WHERE account = $1 AND ($2::uuid IS NULL OR lot_id = $2)`, account, store.OrNull(lot))
}

// creditNote takes back hours that nobody used, and what was paid for them.
func (w *ledgerWorld) creditNote(lot uuid.UUID, part func(available billing.Hours) billing.Hours) error {
	w.t.Helper()
	var available billing.Hours
	n := books.NewCreditNote{Line: 1, Reason: "not wanted"}
	w.must(w.pool.QueryRow(w.t.Context(), `SELECT l.available, n.invoice_id FROM lots l JOIN invoice_lines n ON n.order_id = l.order_id WHERE l.id = $1`, lot).Scan(&available, &n.InvoiceID))
	n.Hours = part(available)
	_, err := w.db.Books.IssueCreditNote(w.t.Context(), w.person, w.provider, n)
	return err
}

// correct takes back some of what an entry used, signed by two.
func (w *ledgerWorld) correct(lot uuid.UUID, seq int64, h billing.Hours, second uuid.UUID) error {
	return w.db.Books.BookNow(w.t.Context(), lot, func(_ billing.LotBalance, parts billing.Parts) billing.Draft {
		d := billing.Draft{Kind: billing.KindCorrection, At: at(0), Event: at(0), Key: "correct:" + uuid.NewString(), By: w.person}
		d.Corrects = billing.Correction{Seq: seq, Reason: "the host's clock was wrong", SignedBy: second}
		d.Postings = []billing.Posting{{LotID: lot, Account: billing.Used, Hours: -h}, {LotID: lot, Account: billing.Available, Hours: h}}
		worth, err := parts.Use(-h)
		w.must(err)
		d.Move(billing.Deferred, billing.Revenue, lot, worth)
		return d
	})
}

func (w *ledgerWorld) another() uuid.UUID {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	w.exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, $2, 'Grace', '-', now())`, id, id.String()+"@example.org")
	return id
}

// TestAllPartsOfALotSumToWhatWasPaid finishes lots by uses, corrections, credit notes and expiry in any order. All along the
// database has of each what its hours are worth; in the end nothing is deferred.
func TestAllPartsOfALotSumToWhatWasPaid(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	second, clock := w.another(), 0
	for n := range 6 {
		lot := w.sell(billing.Hours(2_000_000+rand.Int64N(90_000_000)), uuid.Nil, 1+n, "")
		paid := w.count(`SELECT amount FROM lots WHERE id = $1`, lot)
		for range 5 {
			switch rand.IntN(3) {
			case 0:
				w.must(w.creditNote(lot, func(available billing.Hours) billing.Hours { return 1 + billing.Hours(rand.Int64N(int64(available)/2)) }))
			case 1:
				begin := clock
				clock += 20
				id, nodes := w.running(1, 40, at(begin))
				w.prove(at(begin+5+rand.IntN(10)), nodes...)
				w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
				w.must(w.db.Books.ReleaseNow(t.Context(), id, at(clock)))
			default:
				var seq, hours int64
				if w.pool.QueryRow(t.Context(), `SELECT p.seq, p.hours FROM ledger_postings p WHERE lot_id = $1 AND account = 'used' AND hours > 0
					AND NOT EXISTS (SELECT FROM ledger_entries e WHERE e.wallet_id = p.wallet_id AND e.corrects = p.seq) LIMIT 1`, lot).Scan(&seq, &hours) == nil {
					w.must(w.correct(lot, seq, billing.Hours(1+rand.Int64N(hours)), second))
				}
			}
			var parts billing.Parts
			var deferred int64
			w.must(w.pool.QueryRow(t.Context(), `SELECT bought, used, expired + refunded, amount, deferred FROM lots WHERE id = $1`, lot).
				Scan(&parts.Bought, &parts.Used, &parts.Gone, &parts.Paid.Minor, &deferred))
			used, _, left, err := parts.Cost()
			w.must(err)
			if deferred != left.Minor || -w.money(billing.Deferred, lot) != left.Minor || -w.money(billing.Revenue, lot) != used.Minor {
				t.Fatalf("%+v: deferred %d and earned %d, want %s and %s", parts, deferred, -w.money(billing.Revenue, lot), left, used)
			}
		}
		w.verified()
		credited := w.count(`SELECT coalesce(sum(m.amount), 0)::bigint FROM money_postings m JOIN ledger_entries e USING (wallet_id, seq) WHERE m.lot_id = $1 AND e.kind = 'credit_note'`, lot)
		_, err := w.db.Books.SettleUsage(t.Context(), at((2+n)*24*3600)) // the rest lapses
		w.must(err)
		revenue, breakage := -w.money(billing.Revenue, lot), -w.money(billing.Breakage, lot)
		if w.money(billing.Deferred, lot) != 0 || revenue+breakage+credited != paid || revenue < 0 || breakage < 0 {
			t.Errorf("of %d: earned %d, lapsed %d, credited %d, still deferred %d", paid, revenue, breakage, credited, w.money(billing.Deferred, lot))
		}
	}
	w.verified()
}

// attempt books a raw entry of a kind with postings of money, and says how the database refuses it.
func (w *ledgerWorld) attempt(pool *pgxpool.Pool, kind, columns, values, more string) error {
	w.t.Helper()
	tx, err := pool.Begin(w.t.Context())
	w.must(err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Conn().PgConn().Exec(w.t.Context(), fmt.Sprintf(`
		INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, previous, hash, accounting_date, period%s)
		SELECT wallet_id, seq + 1, '%s', greatest(now(), at + interval '1 s'), 'tried', hash, sha256('x'), '2026-11-22', '2026-11-01'%s FROM journal_heads;
		%s; SET CONSTRAINTS ALL IMMEDIATE`, columns, kind, values, more)).ReadAll()
	return err
}

// post is the SQL of postings of money in the last entry.
func post(postings ...string) string {
	return `INSERT INTO money_postings (wallet_id, seq, number, account, lot_id, currency, amount)
		SELECT h.wallet_id, h.seq, p.number, p.account, p.lot::uuid, p.currency, p.amount FROM journal_heads h,
		(VALUES ` + strings.Join(postings, ", ") + `) p (number, account, lot, currency, amount)`
}

// TestTheDatabaseRefusesMoneyOfAnotherKind lets each kind move money between its accounts alone, whoever writes.
func TestTheDatabaseRefusesMoneyOfAnotherKind(t *testing.T) {
	w, _ := usedWorld(t)
	granted := w.grant(1000, nil)
	sold := w.sell(5_000_000, uuid.Nil, 9, "")
	w.sell(5_000_000, uuid.Nil, 9, "")
	w.pay(1_000_000, w.invoices()[0].ID) // so that there is credit, and something is owed
	second := w.another()
	signed := fmt.Sprintf(`, %%d, 'why', '%s', '%s'`, w.person, second)
	const correction = `, corrects, reason, person_id, signed_by`
	web, worker, owner := storetest.PoolAs(t, w.pool, store.RoleWeb), storetest.PoolAs(t, w.pool, store.RoleWorker), storetest.PoolAs(t, w.pool, storetest.Owner)
	sale := w.count(`SELECT max(seq) FROM ledger_entries WHERE kind = 'grant'`)
	use := w.count(`SELECT max(seq) FROM ledger_entries WHERE kind = 'use'`)
	for name, c := range map[string]struct{ kind, columns, values, more string }{
		"one-sided":              {"payment", "", "", post(`(1, 'bank', NULL, 'EUR', 5)`)},
		"unbalanced":             {"payment", "", "", post(`(1, 'bank', NULL, 'EUR', 5)`, `(2, 'receivable', NULL, 'EUR', -4)`)},
		"across currencies":      {"payment", "", "", post(`(1, 'bank', NULL, 'EUR', 5)`, `(2, 'receivable', NULL, 'USD', -5)`)},
		"turned round":           {"payment", "", "", post(`(1, 'bank', NULL, 'EUR', -5)`, `(2, 'receivable', NULL, 'EUR', 5)`)},
		"another's account":      {"payment", "", "", post(`(1, 'bank', NULL, 'EUR', 5)`, `(2, 'goodwill', NULL, 'EUR', -5)`)},
		"a hold with money":      {"hold", "", "", post(`(1, 'bank', NULL, 'EUR', 5)`, `(2, 'receivable', NULL, 'EUR', -5)`)},
		"nothing":                {"payment", "", "", `SELECT`},
		"earned of no use":       {"use", ", lines, lines_digest, period_from, period_to", ", 1, sha256('x'), now(), now() + interval '1 s'", post(fmt.Sprintf(`(1, 'deferred', '%s', 'EUR', 5)`, sold), fmt.Sprintf(`(2, 'revenue', '%s', 'EUR', -5)`, sold))},
		"credited without hours": {"credit_note", "", "", post(fmt.Sprintf(`(1, 'deferred', '%s', 'EUR', 5)`, sold), `(2, 'receivable', NULL, 'EUR', -5)`)},
		"of a grant":             {"credit_note", "", "", post(fmt.Sprintf(`(1, 'deferred', '%s', 'EUR', 5)`, granted), `(2, 'receivable', NULL, 'EUR', -5)`)},
		"in another currency":    {"credit_note", "", "", post(fmt.Sprintf(`(1, 'deferred', '%s', 'USD', 5)`, sold), `(2, 'receivable', NULL, 'USD', -5)`)},
		"a payment with hours": {"payment", "", "", post(`(1, 'bank', NULL, 'EUR', 5)`, `(2, 'receivable', NULL, 'EUR', -5)`) + fmt.Sprintf(`;
			INSERT INTO ledger_postings SELECT wallet_id, seq, 1, '%[1]s', 'available', NULL, -1 FROM journal_heads; INSERT INTO ledger_postings SELECT wallet_id, seq, 2, '%[1]s', 'expired', NULL, 1 FROM journal_heads`, sold)},
		"hours that lapse for nothing": {"expire", "", "", fmt.Sprintf(`INSERT INTO ledger_postings
			SELECT wallet_id, seq, n, '%s', (ARRAY['available', 'expired'])[n], NULL, (ARRAY[-1000000, 1000000])[n] FROM journal_heads, generate_series(1, 2) n`, sold)},
		"a correction of a sale": {"correction", correction, fmt.Sprintf(signed, sale), post(`(1, 'tax', NULL, 'EUR', 5)`, `(2, 'receivable', NULL, 'EUR', -5)`)},
		"more than was used": {"correction", correction, fmt.Sprintf(signed, use), `INSERT INTO ledger_postings
			SELECT p.wallet_id, h.seq, n, p.lot_id, (ARRAY['used', 'available'])[n], NULL, (ARRAY[-1 - p.hours, p.hours + 1])[n]
			  FROM journal_heads h JOIN ledger_postings p ON p.wallet_id = h.wallet_id AND p.seq = ` + fmt.Sprint(use) + ` AND p.account = 'used', generate_series(1, 2) n`},
		"a correction of nothing":       {"correction", "", "", `SELECT`},
		"signed by one":                 {"correction", correction, fmt.Sprintf(`, 1, 'why', '%[1]s', '%[1]s'`, second), `SELECT`},
		"signed by nobody else":         {"correction", correction, fmt.Sprintf(`, 1, 'why', '%s', NULL`, second), `SELECT`},
		"without a reason":              {"correction", correction, fmt.Sprintf(`, 1, '', '%s', '%s'`, w.person, second), `SELECT`},
		"a payment that says a reason":  {"payment", ", reason", ", 'why'", post(`(1, 'bank', NULL, 'EUR', 5)`, `(2, 'receivable', NULL, 'EUR', -5)`)},
		"revenue that is of no lot":     {"use", "", "", post(`(1, 'revenue', NULL, 'EUR', 5)`)},
		"receivables that are of a lot": {"payment", "", "", post(fmt.Sprintf(`(1, 'receivable', '%s', 'EUR', 5)`, sold))},
	} {
		for role, pool := range map[string]*pgxpool.Pool{"web": web, "worker": worker, "the owner": owner} {
			err := w.attempt(pool, c.kind, c.columns, c.values, c.more)
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || pg.Code != byCheck {
				t.Errorf("%s, by %s: %v", name, role, err)
			}
		}
	}
	for kind, moves := range billing.MoneyMoves() {
		for _, m := range moves {
			if slices.Contains([]billing.Kind{billing.KindPayment, billing.KindRefund, billing.KindWriteOff, billing.KindGoodwill}, kind) {
				sql := post(fmt.Sprintf(`(1, '%s', NULL, 'EUR', 5)`, m.Debit), fmt.Sprintf(`(2, '%s', NULL, 'EUR', -5)`, m.Credit))
				if err := w.attempt(worker, string(kind), "", "", sql); err != nil {
					t.Errorf("%s, %v: %v", kind, m, err)
				}
			}
		}
	}
	w.verified()
}

func TestTheDatabaseHasTheMovesOfBilling(t *testing.T) {
	w := newLedgerWorld(t)
	rows, err := w.pool.Query(t.Context(), `SELECT kind, debit, credit FROM money_moves`)
	w.must(err)
	defer rows.Close()
	type move struct {
		kind billing.Kind
		billing.MoneyMove
	}
	var kept, want []move
	for rows.Next() {
		var m move
		w.must(rows.Scan(&m.kind, &m.Debit, &m.Credit))
		kept = append(kept, m)
	}
	for kind, moves := range billing.MoneyMoves() {
		for _, m := range moves {
			want = append(want, move{kind, m})
		}
	}
	order := func(a, b move) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.Debit, b.Debit), cmp.Compare(a.Credit, b.Credit))
	}
	slices.SortFunc(kept, order)
	slices.SortFunc(want, order)
	if !slices.Equal(kept, want) {
		t.Errorf("the database has %v, billing %v", kept, want)
	}
	w.exec(`INSERT INTO account_codes VALUES ($1, 'revenue', '4400')`, w.provider)
	for _, sql := range []string{`INSERT INTO account_codes VALUES ($1, 'petty', '1')`, `INSERT INTO account_codes VALUES ($1, 'bank', ' 1')`} {
		if _, err := w.pool.Exec(t.Context(), sql, w.provider); err == nil {
			t.Errorf("%s: accepted", sql)
		}
	}
}

// TestEntriesHaveTheDayOfTheirEvent lets a lot lapse at midnight of Berlin, and a node run over it, both booked on the next day.
func TestEntriesHaveTheDayOfTheirEvent(t *testing.T) {
	midnight := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	w := newLedgerWorldAt(t, midnight.Add(-time.Hour))
	w.grant(1_000_000, &midnight)
	later := w.grant(9_000_000, nil)
	id, nodes := w.running(1, 1200, midnight.Add(-30*time.Second))
	for s := -25; s <= 25; s += 5 {
		w.prove(midnight.Add(time.Duration(s)*time.Second), nodes...)
	}
	w.clock.Set(midnight.Add(2 * time.Hour))
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, midnight.Add(2*time.Hour)))
	w.tamper(`UPDATE lots SET expires_at = $2 WHERE id = $1`, later, midnight)
	_, err := w.db.Books.SettleUsage(t.Context(), midnight.Add(3*time.Hour))
	w.must(err)
	var got []string
	rows, err := w.pool.Query(t.Context(), `SELECT kind || ' ' || accounting_date || ' ' || to_char(period, 'YYYY-MM') FROM ledger_entries ORDER BY seq`)
	w.must(err)
	defer rows.Close()
	for rows.Next() {
		var s string
		w.must(rows.Scan(&s))
		got = append(got, s)
	}
	want := []string{
		"grant 2026-11-30 2026-11", "grant 2026-11-30 2026-11", "hold 2026-11-30 2026-11", "use 2026-11-30 2026-11", "use 2026-12-01 2026-12",
		"release 2026-12-01 2026-12", "expire 2026-12-01 2026-12", "expire 2026-11-30 2026-11", // what came back late, and what nobody held
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestTheProofNamesWhatAnAmountFollowsFrom changes what is in no posting.
func TestTheProofNamesWhatAnAmountFollowsFrom(t *testing.T) {
	w := newLedgerWorld(t)
	lot, other := w.sell(50_000_000, uuid.Nil, 9, ""), w.sell(60_000_000, uuid.Nil, 10, "")
	for n, begin := range []int{3500, 3540} {
		_, nodes := w.running(1+n, 200, at(begin))
		w.proveUntil(begin, 3600, nodes...)
	}
	_, err := w.db.Books.SettleUsage(t.Context(), at(3665))
	w.must(err)
	w.must(w.creditNote(other, func(billing.Hours) billing.Hours { return 7_000_000 }))
	w.verified()
	const raise = `UPDATE %s SET %s = %[2]s %[3]s 1 WHERE %[4]s = '%[5]s'`
	order := uuid.Nil
	w.must(w.pool.QueryRow(t.Context(), `SELECT order_id FROM lots WHERE id = $1`, lot).Scan(&order))
	all := func(sign string) []string {
		return []string{
			fmt.Sprintf(raise, "orders", "amount", sign, "id", order), fmt.Sprintf(raise, "invoice_lines", "amount", sign, "order_id", order),
			fmt.Sprintf(`UPDATE invoices SET net = net %s 1 WHERE id = (SELECT invoice_id FROM invoice_lines WHERE order_id = '%s')`, sign, order),
			fmt.Sprintf(raise, "lots", "amount", sign, "id", lot),
		}
	}
	swap := []string{`UPDATE usage_lines u SET cost = (SELECT min(cost) + max(cost) FROM usage_lines) - cost WHERE cost IN (SELECT min(cost) FROM usage_lines UNION SELECT max(cost) FROM usage_lines)`}
	for _, c := range []struct {
		name       string
		do, undo   []string
		want, also string
	}{
		{"two costs swapped", swap, swap, "entry ", "the digest of the usage lines"},
		{
			"a lot of a line",
			[]string{fmt.Sprintf(`UPDATE usage_lines SET lot_id = '%s' WHERE to_at = (SELECT min(to_at) FROM usage_lines)`, other)},
			[]string{fmt.Sprintf(`UPDATE usage_lines SET lot_id = '%s'`, lot)},
			"entry ", "the digest of the usage lines",
		},
		{"all raised by one", all("+"), all("-"), "entry 1", "the digest of "},
		{"a buyer", []string{`UPDATE invoices SET buyer = buyer || ' Ltd' WHERE serial = 1`}, []string{`UPDATE invoices SET buyer = 'Astronomy' WHERE serial = 1`}, "the digest of invoice NOR-", "-0001 "},
		{"a pool of a lot", []string{fmt.Sprintf(`UPDATE lots SET pool_id = '%s' WHERE id = '%s'`, w.poolID, other)}, []string{`UPDATE lots SET pool_id = NULL`}, "the digest of lot " + other.String(), "entry 2"},
		{"a cost centre", []string{`UPDATE orders SET cost_centre = 'X'`}, []string{`UPDATE orders SET cost_centre = ''`}, "the digest of order ", "entry 1"},
		{"money", []string{`UPDATE money_postings SET amount = amount * 2 WHERE seq = 1`}, []string{`UPDATE money_postings SET amount = amount / 2 WHERE seq = 1`}, "entry 1", "the hash"},
		{"a fact", []string{`UPDATE ledger_facts SET digest = sha256('x') WHERE seq = 2 AND what = 'lot'`}, nil, "entry 2", "the hash"},
	} {
		for _, sql := range c.do {
			w.tamper(sql)
		}
		r, err := w.db.Books.VerifyLedger(t.Context())
		w.must(err)
		if d := r.Difference; d == nil || !strings.Contains(d.Error(), c.want) || !strings.Contains(d.Error(), c.also) {
			t.Errorf("%s: found %v", c.name, d)
		}
		for _, sql := range c.undo {
			w.tamper(sql)
		}
		if c.undo != nil {
			w.verified()
		}
	}
}

// TestTheDatabaseSharesAsBillingDoes compares small shares, with all their ties, and the largest.
func TestTheDatabaseSharesAsBillingDoes(t *testing.T) {
	w := newLedgerWorld(t)
	rows, err := w.pool.Query(t.Context(), `
		SELECT minor, part, whole, share_of(minor, part, whole) FROM generate_series(0, 9) minor, generate_series(1, 8) whole, generate_series(0, whole) part
		UNION ALL SELECT 9007199254740993, 3600000000000001, 7200000000000002, share_of(9007199254740993, 3600000000000001, 7200000000000002)`)
	w.must(err)
	defer rows.Close()
	ties := 0
	for rows.Next() {
		var p billing.Parts
		var share int64
		w.must(rows.Scan(&p.Paid.Minor, &p.Used, &p.Bought, &share))
		used, _, _, err := p.Cost()
		if err != nil || used.Minor != share {
			t.Errorf("%+v: the database says %d, billing %s, %v", p, share, used, err)
		}
		if 2*p.Paid.Minor*int64(p.Used)%int64(p.Bought) == 0 && p.Paid.Minor*int64(p.Used)%int64(p.Bought) != 0 {
			ties++
		}
	}
	if ties < 20 {
		t.Errorf("%d ties", ties)
	}
}
