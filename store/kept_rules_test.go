package store_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store/storetest"
)

// TestOldBooksUnderTheKeptRules has a journal as it could be before the database kept its rules: times that fall, a run that began
// after its proof, one that goes on, and a sold lot of which some was used, with a cost, and some expired, without. It verifies
// afterwards as it did, what is open goes on, and the parts of the lot sum to what was paid.
func TestOldBooksUnderTheKeptRules(t *testing.T) {
	p := before(t, "00065")
	b := oldBooks{past: p, journal: billing.Journal{ProviderID: uuid.New(), OrganizationID: uuid.New()}}
	b.fill()
	lot, node := b.lot, b.node
	db := p.migrate()
	verified := func() {
		t.Helper()
		r, err := db.Books.VerifyLedger(t.Context())
		storetest.NoError(t, err)
		if r.Difference != nil || r.Entries == 0 {
			t.Errorf("%d entries, %v", r.Entries, r.Difference)
		}
	}
	verified()
	uncounted := func() bool {
		var none bool
		storetest.NoError(t, p.pool.QueryRow(t.Context(), `SELECT bool_and(proofs IS NULL AND longest_gap IS NULL) FROM runs`).Scan(&none))
		return none
	}
	if !uncounted() {
		t.Error("runs that nobody counted have proofs")
	}
	// The run goes on to the end of what is held for it, which was more than an hour after its last line.
	p.exec(`UPDATE runs SET proven_at = $2, ended_at = $2, proofs = proofs + 1 WHERE node_id = $1 AND closed_at IS NULL`, node, oldTime(40))
	p.exec(`UPDATE runs SET closed_at = $2, close_reason = 'asked', span = tstzrange(started_at, ended_at) WHERE node_id = $1 AND closed_at IS NULL`, node, oldTime(40))
	if !uncounted() {
		t.Error("a run of which some was not counted has a count")
	}
	s, err := db.Books.SettleUsage(t.Context(), oldTime(60))
	storetest.NoError(t, err)
	if s.Entries != 1 || s.Hours != 30_000 {
		t.Errorf("settled %+v", s)
	}
	verified()
	var cost int64
	parts := billing.Parts{Paid: billing.Money{Minor: b.paid, Currency: "EUR"}}
	storetest.NoError(t, p.pool.QueryRow(t.Context(), `SELECT bought, used, expired, (SELECT sum(cost)::bigint FROM usage_lines WHERE lot_id = l.id) FROM lots l WHERE id = $1`, lot).
		Scan(&parts.Bought, &parts.Used, &parts.Gone, &cost))
	used, gone, left, err := parts.Cost()
	storetest.NoError(t, err)
	if used.Minor != cost || cost+gone.Minor != b.paid || left.Minor != 0 || gone.Minor == 0 {
		t.Errorf("the lines cost %d, use is %s, what expired %s, and %s is left of %d", cost, used, gone, left, b.paid)
	}
	var rises bool
	storetest.NoError(t, p.pool.QueryRow(t.Context(), `SELECT e.at > (SELECT max(at) FROM ledger_entries WHERE seq <= h.unordered) AND h.unordered = e.seq - 2 -- the opening and this one
		FROM journal_heads h JOIN ledger_entries e ON e.wallet_id = h.wallet_id AND e.seq = h.seq`).Scan(&rises))
	if !rises {
		t.Error("the first entry after the upgrade does not come after all before it")
	}
}

// A gap among old serials does not keep an upgrade back: it stays for the proof to name, and no invoice follows it.
func TestOldPapersWithAGap(t *testing.T) {
	p := before(t, "00065")
	b := oldBooks{past: p, journal: billing.Journal{ProviderID: uuid.New(), OrganizationID: uuid.New()}}
	b.fill()
	p.exec(`INSERT INTO invoices (id, provider_id, organization_id, year, serial, number, seller, tax_id, buyer, net, currency, issued_at)
		SELECT gen_random_uuid(), provider_id, organization_id, year, 3, 'NOR-3', seller, tax_id, buyer, net, currency, issued_at FROM invoices`)
	p.exec(`UPDATE invoice_numbers SET last = 3`)
	db := p.migrate()
	r, err := db.Books.VerifyLedger(t.Context())
	storetest.NoError(t, err)
	if r.Difference == nil || r.Difference.What != "the invoices of 2026" || r.Difference.Found != "2 up to 3" {
		t.Errorf("found %v", r.Difference)
	}
	if _, err := p.pool.Exec(t.Context(), `INSERT INTO invoices (id, provider_id, organization_id, year, serial, number, seller, tax_id, buyer, net, currency, issued_at)
		SELECT gen_random_uuid(), provider_id, organization_id, year, 5, 'NOR-5', seller, tax_id, buyer, net, currency, now() FROM invoices WHERE serial = 3`); err == nil {
		t.Error("another serial was left out")
	}
}

// oldTime is a second of an hour before this release.
func oldTime(s int) time.Time { return time.Date(2026, 11, 20, 10, 0, s, 0, time.UTC) }

// oldBooks is one journal, written as the books wrote before.
type oldBooks struct {
	past
	journal                            billing.Journal
	wallet, lot, cluster, node, person uuid.UUID
	paid                               int64
	head                               billing.Head
}

func (b *oldBooks) fill() {
	for _, id := range []*uuid.UUID{&b.wallet, &b.lot, &b.cluster, &b.node, &b.person} {
		*id = uuid.Must(uuid.NewV7())
	}
	b.paid, b.head = 101, billing.Head{Journal: b.journal}
	b.sold(uuid.New(), uuid.New(), uuid.New())
	b.machines(uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New())

	grant, err := billing.Grant(billing.Lot{ID: b.lot, Available: 100_000, ExpiresAt: oldTime(50)}, uuid.Nil, oldTime(0))
	storetest.NoError(b.t, err)
	b.book(grant)
	hold, err := billing.Hold(b.cluster, []billing.Share{{LotID: b.lot, Hours: 40_000}}, 0, oldTime(-30)) // the clock was set back
	storetest.NoError(b.t, err)
	b.book(hold)
	run := b.runs()
	line := billing.Line{Segment: billing.Segment{RunID: run, ClusterID: b.cluster, NodeID: b.node, From: oldTime(0), To: oldTime(10), Rate: 1000}, Hours: 10_000, LotID: b.lot}
	use, err := billing.Use(billing.Usage{LotID: b.lot, Lines: []billing.Line{line}}, oldTime(20))
	storetest.NoError(b.t, err)
	b.book(use, line)
	expire, err := billing.Expire(billing.Share{LotID: b.lot, Hours: 60_000}, 0, oldTime(50), oldTime(19))
	storetest.NoError(b.t, err)
	b.book(expire)
}

// sold is an order that was approved, with its lot and invoice.
func (b *oldBooks) sold(offer, price, order uuid.UUID) {
	b.exec(`INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Astronomy', now())`, b.journal.OrganizationID)
	b.exec(`INSERT INTO providers (id, name, currency, accounting_zone, created_at, invoice_prefix) VALUES ($1, 'North', 'EUR', 'Europe/Berlin', now(), 'NOR')`, b.journal.ProviderID)
	b.exec(`INSERT INTO offers (id, provider_id, name, least_hours, good_days, created_at) VALUES ($1, $2, 'Hours', 1, 9, now())`, offer, b.journal.ProviderID)
	b.exec(`INSERT INTO offer_prices (id, offer_id, provider_id, price, during, created_at) VALUES ($1, $2, $3, 36000000, tstzrange(now(), NULL), now())`, price, offer, b.journal.ProviderID)
	b.exec(`INSERT INTO orders (id, organization_id, provider_id, offer_id, price_id, hours, amount, currency, created_at) VALUES ($1, $2, $3, $4, $5, 100000, $6, 'EUR', now())`,
		order, b.journal.OrganizationID, b.journal.ProviderID, offer, price, b.paid)
	b.exec(`INSERT INTO wallets (id, provider_id, organization_id) VALUES ($1, $2, $3)`, b.wallet, b.journal.ProviderID, b.journal.OrganizationID)
	b.exec(`INSERT INTO journal_heads (wallet_id) VALUES ($1)`, b.wallet)
	b.exec(`INSERT INTO lots (id, wallet_id, expires_at, created_at, order_id, amount, currency) VALUES ($1, $2, $3, now(), $4, $5, 'EUR')`, b.lot, b.wallet, oldTime(50), order, b.paid)
	b.exec(`UPDATE orders SET state = 'approved', decided_at = now(), lot_id = $2, good_until = $3 WHERE id = $1`, order, b.lot, oldTime(50))
	invoice := uuid.New()
	b.exec(`INSERT INTO invoice_numbers VALUES ($1, 2026, 1)`, b.journal.ProviderID)
	b.exec(`INSERT INTO invoices (id, provider_id, organization_id, year, serial, number, seller, tax_id, buyer, net, currency, issued_at)
		VALUES ($1, $2, $3, 2026, 1, 'NOR-1', 'North', '', 'Astronomy', $4, 'EUR', $5)`, invoice, b.journal.ProviderID, b.journal.OrganizationID, b.paid, oldTime(0))
	b.exec(`INSERT INTO invoice_lines (invoice_id, number, order_id, description, hours, price, amount) VALUES ($1, 1, $2, 'Compute hours', 100000, 36000000, $3)`, invoice, order, b.paid)
}

// machines is a cluster of one node.
func (b *oldBooks) machines(pool, host, image, model, version uuid.UUID) {
	b.exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'ada@example.org', 'Ada', '-', now())`, b.person)
	b.exec(`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at)
		VALUES ($1, $2, 'main', '10.64.0.0/14', '192.0.2.0/24', 'local', 'q35', now())`, pool, b.journal.ProviderID)
	b.exec(`INSERT INTO hosts (id, provider_id, pool_id, name, scheme, address, port, underlay, state, created_at)
		VALUES ($1, $2, $3, 'h1', 'memory', 'h1', 0, '192.0.2.1', 'active', now())`, host, b.journal.ProviderID, pool)
	b.exec(`INSERT INTO images (id, organization_id, person_id, name, virtual_size, canonical_size, canonical_digest, guest_digest, created_at)
		VALUES ($1, $2, $3, 'sample', 1, 1, repeat('ab', 32), repeat('ab', 32), now())`, image, b.journal.OrganizationID, b.person)
	b.exec(`INSERT INTO model_clusters VALUES ($1, $2, 'model', now())`, model, b.journal.OrganizationID)
	document := manifest.Canonical(provisioner.Model{Format: provisioner.ModelFormat})
	b.exec(`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, document, document_digest, created_at)
		VALUES ($1, $2, $3, '1', 'draft', $4, $5, now())`, version, b.journal.OrganizationID, model, string(document), manifest.Digest(document))
	b.exec(`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, document_digest, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'cluster', 'trial', 'running', 40, $7, now())`, b.cluster, b.journal.OrganizationID, b.journal.ProviderID, pool, version, b.person, manifest.Digest(document))
	b.exec(`INSERT INTO nodes (id, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, shape_name,
			vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, start_id, state_at)
		VALUES ($1, $2, $3, $4, $5, 'compute', 'compute', 'compute-001', '52:54:00:00:00:01', '10.64.0.11', 'small', 1, 512, 1, 1000, $6, '', 'ready', 's1', now())`,
		b.node, b.cluster, b.journal.OrganizationID, b.journal.ProviderID, host, image)
}

// runs are one that began 5 s after its only proof, since the clock was set back, and the one that goes on.
func (b *oldBooks) runs() (open uuid.UUID) {
	open = uuid.New()
	b.exec(`INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at, closed_at, close_reason, span)
		VALUES (gen_random_uuid(), $1, $2, $3, 's0', 1000, $4, $4, $4, $5, $4, 'asked', tstzrange($4, $4))`, b.wallet, b.cluster, b.node, oldTime(-5), oldTime(-10))
	b.exec(`INSERT INTO run_bookings (run_id, wallet_id, booked_until, done) SELECT id, wallet_id, started_at, true FROM runs`)
	b.exec(`INSERT INTO runs (id, wallet_id, cluster_id, node_id, start_id, rate, started_at, ended_at, ends_by, proven_at)
		VALUES ($1, $2, $3, $4, 's1', 1000, $5, $6, $7, $6)`, open, b.wallet, b.cluster, b.node, oldTime(0), oldTime(15), oldTime(40))
	b.exec(`INSERT INTO run_bookings (run_id, wallet_id, booked_until) VALUES ($1, $2, $3)`, open, b.wallet, oldTime(10))
	return open
}

// book writes an entry as it is drafted. Its one line costs its share of the lot.
func (b *oldBooks) book(d billing.Draft, lines ...billing.Line) {
	if len(lines) > 0 {
		d.LinesDigest = billing.DigestLines(1, lines)
	}
	e := billing.Entry{Draft: d, Version: 1, Journal: b.journal, Seq: b.head.Seq + 1, Previous: b.head.Hash}
	e.Hash = sha256.Sum256(e.Canonical())
	b.head = e.Head()
	tx, err := b.pool.Begin(b.t.Context())
	storetest.NoError(b.t, err)
	defer tx.Rollback(context.Background()) //nolint:errcheck // committed below
	exec := func(sql string, args ...any) {
		_, err := tx.Exec(b.t.Context(), sql, args...)
		storetest.NoError(b.t, err)
	}
	orNull := func(set bool, v any) any {
		if !set {
			return nil
		}
		return v
	}
	use := len(lines) > 0
	exec(`INSERT INTO ledger_entries (wallet_id, seq, kind, at, key, expires_at, period_from, period_to, lines, lines_digest, previous, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, b.wallet, e.Seq, e.Kind, e.At, e.Key, orNull(!e.ExpiresAt.IsZero(), e.ExpiresAt),
		orNull(use, e.Period.From), orNull(use, e.Period.To), e.Lines, orNull(use, e.LinesDigest[:]), e.Previous[:], e.Hash[:])
	from, to := e.Postings[0], e.Postings[1] // in one statement: the sums of a lot agree behind each
	exec(`INSERT INTO ledger_postings VALUES ($1, $2, 1, $3, $4, $5, $6), ($1, $2, 2, $3, $7, $8, $9)`, b.wallet, e.Seq, b.lot,
		from.Account, orNull(from.ClusterID != uuid.Nil, from.ClusterID), from.Hours, to.Account, orNull(to.ClusterID != uuid.Nil, to.ClusterID), to.Hours)
	parts := billing.Parts{Paid: billing.Money{Minor: b.paid, Currency: "EUR"}, Bought: 100_000}
	for _, l := range lines {
		cost, err := parts.Use(l.Hours)
		storetest.NoError(b.t, err)
		exec(`INSERT INTO usage_lines (run_id, from_at, lot_id, to_at, wallet_id, seq, cluster_id, node_id, rate, hours, cost) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			l.RunID, l.From, b.lot, l.To, b.wallet, e.Seq, l.ClusterID, l.NodeID, l.Rate, l.Hours, cost.Minor)
	}
	storetest.NoError(b.t, tx.Commit(b.t.Context()))
}
