package books_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store/books"
	"volary.dev/store/floors"
	"volary.dev/store/storetest"
)

// ledgerWorld is a provider with one host and an organization, on a database of its own.
type ledgerWorld struct {
	t        *testing.T
	db       *floors.All
	pool     *pgxpool.Pool
	provider uuid.UUID
	org      uuid.UUID
	person   uuid.UUID
	poolID   uuid.UUID
	host     uuid.UUID
	image    uuid.UUID
	version  uuid.UUID
	clusters int
	clock    *storetest.Clock // nil: the database's
}

// at is a second of 22 November 2026, 14:00 UTC.
func at(seconds int) time.Time {
	return time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second)
}

func newLedgerWorld(t *testing.T) *ledgerWorld {
	t.Helper()
	w := &ledgerWorld{t: t, pool: storetest.Pool(t)}
	w.db = storetest.Open(t, w.pool)
	w.fill()
	return w
}

// newLedgerWorldAt is one whose clock stands at a time until it is set.
func newLedgerWorldAt(t *testing.T, now time.Time) *ledgerWorld {
	t.Helper()
	w := &ledgerWorld{t: t, pool: storetest.Pool(t)}
	w.db, w.clock = storetest.OpenAt(t, w.pool, now)
	w.fill()
	return w
}

func (w *ledgerWorld) fill() {
	w.t.Helper()
	for _, id := range []*uuid.UUID{&w.provider, &w.org, &w.person, &w.poolID, &w.host, &w.image, &w.version} {
		*id = uuid.Must(uuid.NewV7())
	}
	model := uuid.Must(uuid.NewV7())
	w.exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'ada@example.org', 'Ada', '-', now())`, w.person)
	w.exec(`INSERT INTO organizations VALUES ($1, 'Astronomy', now())`, w.org)
	w.exec(`INSERT INTO providers VALUES ($1, 'North', 'EUR', 'Europe/Berlin', now())`, w.provider)
	w.exec(`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at)
		VALUES ($1, $2, 'main', '10.64.0.0/14', '192.0.2.0/24', 'local', 'q35', now())`, w.poolID, w.provider)
	w.exec(`INSERT INTO hosts (id, provider_id, pool_id, name, scheme, address, port, underlay, state, created_at)
		VALUES ($1, $2, $3, 'h1', 'memory', 'h1', 0, '192.0.2.1', 'active', now())`, w.host, w.provider, w.poolID)
	w.exec(`INSERT INTO images (id, organization_id, person_id, name, virtual_size, canonical_size, canonical_digest, guest_digest, created_at)
		VALUES ($1, $2, $3, 'sample', 1, 1, repeat('ab', 32), repeat('ab', 32), now())`, w.image, w.org, w.person)
	w.exec(`INSERT INTO model_clusters VALUES ($1, $2, 'model', now())`, model, w.org)
	document := manifest.Canonical(provisioner.Model{Format: provisioner.ModelFormat})
	w.exec(`INSERT INTO model_versions (id, organization_id, model_cluster_id, version, state, document, document_digest, created_at)
		VALUES ($1, $2, $3, '1', 'draft', $4, $5, now())`, w.version, w.org, model, string(document), manifest.Digest(document))
}

func (w *ledgerWorld) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *ledgerWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *ledgerWorld) grant(h billing.Hours, expires *time.Time) uuid.UUID {
	w.t.Helper()
	id, err := w.db.Books.GrantHours(w.t.Context(), books.Grant{ProviderID: w.provider, OrganizationID: w.org, Hours: h, ExpiresAt: expires, By: w.person})
	w.must(err)
	return id
}

// cluster makes a waiting cluster of n nodes at rate 1000 with a lease in seconds.
func (w *ledgerWorld) cluster(n int, lease int64) (uuid.UUID, []uuid.UUID) {
	w.t.Helper()
	return w.clusterFor("cluster", n, lease)
}

// clusterFor makes a cluster of a kind, which never changes.
func (w *ledgerWorld) clusterFor(kind string, n int, lease int64) (uuid.UUID, []uuid.UUID) {
	w.t.Helper()
	w.clusters++
	id := uuid.Must(uuid.NewV7())
	w.exec(`INSERT INTO clusters (id, organization_id, provider_id, pool_id, version_id, person_id, kind, name, desired, lease_seconds, created_at, document_digest)
		VALUES ($1, $2, $3, $4, $5, $6, $9, $7, 'running', $8, now(), (SELECT document_digest FROM model_versions WHERE id = $5))`,
		id, w.org, w.provider, w.poolID, w.version, w.person, fmt.Sprintf("trial-%d", w.clusters), lease, kind)
	w.exec(`INSERT INTO batches (id, cluster_id, organization_id, kind, held, created_at) VALUES ($1, $1, $2, 'launch', 0, now())`, id, w.org)
	var nodes []uuid.UUID
	for i := range n {
		node := uuid.Must(uuid.NewV7())
		w.exec(`INSERT INTO nodes (id, batch_id, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, shape_name,
			vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, start_id, state_at)
			VALUES ($1, $2, $2, $3, $4, $5, 'compute', 'compute', $6, '52:54:00:00:00:01', '10.64.0.11', 'small', 1, 512, 1, 1000, $7, '', 'starting', 's1', now())`,
			node, id, w.org, w.provider, w.host, fmt.Sprintf("compute-%03d", i+1), w.image)
		nodes = append(nodes, node)
	}
	return id, nodes
}

// running makes a cluster that holds its hours and became ready at a second.
func (w *ledgerWorld) running(n int, lease int64, ready time.Time) (uuid.UUID, []uuid.UUID) {
	w.t.Helper()
	id, nodes := w.cluster(n, lease)
	w.must(w.db.Books.HoldNow(w.t.Context(), w.provider, w.org, id, billing.Hours(int64(n)*lease*1000), ready))
	w.ready(id, ready)
	return id, nodes
}

func (w *ledgerWorld) ready(cluster uuid.UUID, ready time.Time) {
	w.t.Helper()
	w.exec(`UPDATE clusters SET ready_at = $2, lease_ends_at = $2::timestamptz + make_interval(secs => lease_seconds) WHERE id = $1`, cluster, ready)
	w.exec(`UPDATE nodes SET state = 'ready', ready_at = $2 WHERE cluster_id = $1`, cluster, ready)
	w.must(w.db.Books.BeginRunsNow(w.t.Context(), cluster))
}

// prove gives a proof of life for each node.
func (w *ledgerWorld) prove(round time.Time, nodes ...uuid.UUID) {
	w.t.Helper()
	var proofs []billing.Proof
	for _, n := range nodes {
		proofs = append(proofs, billing.Proof{NodeID: n, StartID: "s1"})
	}
	w.must(w.db.Books.ProveLifeNow(w.t.Context(), w.host, round, proofs...))
}

// proveUntil gives proofs every five seconds, from just after one second up to another.
func (w *ledgerWorld) proveUntil(from, to int, nodes ...uuid.UUID) {
	w.t.Helper()
	for s := from + 5; s <= to; s += 5 {
		w.prove(at(s), nodes...)
	}
}

func (w *ledgerWorld) card() books.WalletCard {
	w.t.Helper()
	cards, err := w.db.Books.Wallet(w.t.Context(), w.org)
	w.must(err)
	if len(cards) != 1 {
		w.t.Fatalf("%d cards", len(cards))
	}
	return cards[0]
}

// balance asserts set aside, used and left in compute seconds, and that the card sums.
func (w *ledgerWorld) balance(setAside, used, left int64) {
	w.t.Helper()
	c := w.card()
	if c.SetAside != billing.Hours(setAside*1000) || c.Used != billing.Hours(used*1000) || c.Left != billing.Hours(left*1000) {
		w.t.Errorf("set aside %d, used %d, left %d; want %d, %d, %d (compute seconds)", c.SetAside/1000, c.Used/1000, c.Left/1000, setAside, used, left)
	}
	if c.Left != c.Bought-c.SetAside-c.Used-c.Expired {
		w.t.Errorf("card does not sum: %+v", c)
	}
}

func (w *ledgerWorld) count(sql string, args ...any) int64 {
	w.t.Helper()
	var n int64
	w.must(w.pool.QueryRow(w.t.Context(), sql, args...).Scan(&n))
	return n
}

// verified asserts that the ledger verifies.
func (w *ledgerWorld) verified() {
	w.t.Helper()
	r, err := w.db.Books.VerifyLedger(w.t.Context())
	w.must(err)
	if r.Difference != nil {
		w.t.Error(r.Difference)
	}
}
