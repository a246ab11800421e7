package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/store/storetest"
)

// TestOldBooksGetMoney has a journal of before there was money: a sold lot of which 10 % was used and 60 % lapsed. Its opening has what
// the papers and the lot say, and what earlier entries left out cannot be changed any more.
func TestOldBooksGetMoney(t *testing.T) {
	p := before(t, "00065") // its rows are as old
	b := oldBooks{past: p, journal: billing.Journal{ProviderID: uuid.New(), OrganizationID: uuid.New()}}
	b.fill()
	db := p.migrate()
	found := func() string {
		r, err := db.Books.VerifyLedger(t.Context())
		storetest.NoError(t, err)
		if r.Difference == nil {
			return ""
		}
		return r.Difference.Error()
	}
	if is := found(); is != "" {
		t.Fatal(is)
	}
	var said string
	storetest.NoError(t, p.pool.QueryRow(t.Context(), `SELECT string_agg(m.account || ' ' || m.amount, ', ' ORDER BY m.number) || ' of ' || min(e.kind) || ' ' || min(e.seq)
		FROM money_postings m JOIN ledger_entries e USING (wallet_id, seq)`).Scan(&said))
	if want := "receivable 101, deferred -30, revenue -10, breakage -61 of opening 5"; said != want {
		t.Errorf("opened with %s, want %s", said, want)
	}
	var net, deferred int64
	var dates string
	storetest.NoError(t, p.pool.QueryRow(t.Context(), `SELECT (SELECT sum(net)::bigint FROM invoices), (SELECT sum(deferred)::bigint FROM lots),
		(SELECT string_agg(DISTINCT accounting_date || ' ' || to_char(period, 'YYYY-MM') || ' ' || version, ', ') FROM ledger_entries WHERE kind <> 'opening')`).Scan(&net, &deferred, &dates))
	if net != 101 || deferred != 30 || dates != "2026-11-20 2026-11 1" {
		t.Errorf("invoiced %d, deferred %d, dates %s", net, deferred, dates)
	}
	for _, c := range []struct{ do, undo, want string }{
		{`UPDATE usage_lines SET cost = cost + 1`, `UPDATE usage_lines SET cost = cost - 1`, "entry 5: the digest of the uses of lot " + b.lot.String()},
		{`UPDATE usage_lines SET lot_id = gen_random_uuid()`, `UPDATE usage_lines SET lot_id = '` + b.lot.String() + `'`, "entry 5: the digest of the uses of lot "},
		{`UPDATE invoices SET buyer = 'Astrology'`, `UPDATE invoices SET buyer = 'Astronomy'`, "entry 5: the digest of invoice NOR-1 "},
		{`UPDATE orders SET amount = amount + 1`, `UPDATE orders SET amount = amount - 1`, "entry 5: the digest of order "},
		{`UPDATE lots SET purpose = 'x'`, `UPDATE lots SET purpose = ''`, "entry 5: the digest of lot "},
		{`UPDATE money_postings SET amount = 2 * amount`, ``, "entry 5: the hash"},
	} {
		p.force(c.do)
		if is := found(); !strings.Contains(is, c.want) {
			t.Errorf("%s: found %q, want %q", c.do, is, c.want)
		}
		if c.undo != "" {
			p.force(c.undo)
			if is := found(); is != "" {
				t.Errorf("%s: found %q", c.undo, is)
			}
		}
	}
}

// force changes rows that nobody may change.
func (p past) force(sql string) {
	p.t.Helper()
	tx, err := p.pool.Begin(p.t.Context())
	storetest.NoError(p.t, err)
	defer tx.Rollback(context.Background()) //nolint:errcheck // committed below
	for _, s := range []string{`SET LOCAL session_replication_role = replica`, sql} {
		if _, err := tx.Exec(p.t.Context(), s); err != nil {
			p.t.Fatal(fmt.Errorf("%s: %w", s, err))
		}
	}
	storetest.NoError(p.t, tx.Commit(p.t.Context()))
}
