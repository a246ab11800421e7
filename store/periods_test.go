package store_test

import (
	"testing"

	"volary.dev/store/storetest"
)

// TestPeriodsOfOldEntries: what was booked before there were periods has its months, without a gap, and all are open.
func TestPeriodsOfOldEntries(t *testing.T) {
	p := before(t, "00081")
	p.exec(`
		INSERT INTO providers VALUES ('00000000-0000-7000-8000-000000000001', 'North', 'EUR', 'Europe/Berlin', now());
		INSERT INTO organizations VALUES ('00000000-0000-7000-8000-000000000002', 'Astronomy', now());
		INSERT INTO wallets (id, provider_id, organization_id)
		VALUES ('00000000-0000-7000-8000-000000000003', '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002');
		INSERT INTO journal_heads (wallet_id) VALUES ('00000000-0000-7000-8000-000000000003')`)
	for _, day := range []string{"2026-08-31", "2026-11-02"} {
		p.exec(`
			INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, accounting_date, period, previous, hash)
			SELECT wallet_id, seq + 1, 'goodwill', '` + day + `'::date, 'old-` + day + `', '` + day + `', date_trunc('month', '` + day + `'::date), hash, sha256('` + day + `') FROM journal_heads;
			INSERT INTO money_postings (wallet_id, seq, number, account, currency, amount)
			SELECT wallet_id, seq, n, (ARRAY['goodwill', 'credit'])[n], 'EUR', (ARRAY[5, -5])[n] FROM journal_heads, generate_series(1, 2) n`)
	}
	p.migrate()
	var months string
	storetest.NoError(t, p.pool.QueryRow(t.Context(), `SELECT string_agg(to_char(month, 'YYYY-MM'), ' ' ORDER BY month) FROM periods WHERE closed_at IS NULL`).Scan(&months))
	if months != "2026-08 2026-09 2026-10 2026-11" {
		t.Errorf("months %s", months)
	}
}
