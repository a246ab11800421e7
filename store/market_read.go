package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
)

// marketReading is all that a comparison needs, of all active providers, read at one moment.
type marketReading struct {
	Now    time.Time
	Pools  []marketPool
	Hosts  map[uuid.UUID][]placement.Host // by pool
	Freed  map[uuid.UUID][]placement.Freed
	Used   map[uuid.UUID]int // vCPUs that clusters take of a pool's active hosts
	Shapes map[uuid.UUID][]Shape
	Offers map[uuid.UUID][]marketOffer
	Owned  map[ownedAt]billing.Hours
}

// ownedAt is where hours are good: at a provider, or with a pool on that alone.
type ownedAt struct{ ProviderID, PoolID uuid.UUID }

type marketPool struct {
	ID            uuid.UUID
	ProviderID    uuid.UUID
	ProviderName  string
	Currency      string
	Name          string
	Location      string
	TestVCPUs     int `db:"test_vcpus"`
	MaxLeaseHours int
}

type marketOffer struct {
	ID         uuid.UUID
	ProviderID uuid.UUID
	PoolID     *uuid.UUID
	Name       string
	LeastHours billing.Hours
	GoodDays   int
	Price      int64
}

const activePools = `FROM pools p JOIN providers pr ON pr.id = p.provider_id AND pr.state = 'active'`

func readMarket(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) (r marketReading, err error) {
	if r.Now, err = readNow(ctx, tx); err != nil {
		return r, err
	}
	rows, _ := tx.Query(ctx, `
		SELECT p.id, p.provider_id, pr.name AS provider_name, pr.currency, p.name, p.location, p.test_vcpus, p.max_lease_hours `+
		activePools+` ORDER BY pr.name, p.name`)
	if r.Pools, err = all(rows, "pools", pgx.RowToStructByName[marketPool]); err != nil {
		return r, err
	}
	if err := r.readSold(ctx, tx); err != nil {
		return r, err
	}
	if r.Hosts, r.Used, r.Freed, err = readRooms(ctx, tx, `p.id IN (SELECT p.id `+activePools+`)`); err != nil {
		return r, err
	}
	r.Owned, err = readOwned(ctx, tx, orgID)
	return r, err
}

// readMarketPools is readMarket of some pools alone, and of nobody's hours.
func readMarketPools(ctx context.Context, tx pgx.Tx, ids []uuid.UUID) (r marketReading, err error) {
	rows, _ := tx.Query(ctx, `
		SELECT p.id, p.provider_id, pr.name AS provider_name, pr.currency, p.name, p.location, p.test_vcpus, p.max_lease_hours `+
		activePools+` WHERE p.id = ANY($1)`, ids)
	if r.Pools, err = all(rows, "pools", pgx.RowToStructByName[marketPool]); err != nil {
		return r, err
	}
	if err := r.readSold(ctx, tx); err != nil {
		return r, err
	}
	r.Hosts, r.Used, r.Freed, err = readRooms(ctx, tx, `p.id = ANY($1)`, ids)
	return r, err
}

// readSold reads shapes, the cheapest first, and offers with the price of this moment.
func (r *marketReading) readSold(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `
		SELECT s.provider_id, s.id, s.name, s.vcpus, s.memory_mib, s.disk_gib, s.rate
		FROM shapes s JOIN providers pr ON pr.id = s.provider_id AND pr.state = 'active'
		ORDER BY s.rate, s.vcpus, s.memory_mib, s.disk_gib, s.name`)
	r.Shapes = map[uuid.UUID][]Shape{}
	var provider uuid.UUID
	var s Shape
	_, err := pgx.ForEachRow(rows, []any{&provider, &s.ID, &s.Name, &s.VCPUs, &s.MemoryMiB, &s.DiskGiB, &s.Rate}, func() error {
		r.Shapes[provider] = append(r.Shapes[provider], s)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read shapes: %w", err)
	}
	rows, _ = tx.Query(ctx, `
		SELECT o.id, o.provider_id, o.pool_id, o.name, o.least_hours, o.good_days, x.price
		FROM offers o
		JOIN providers pr ON pr.id = o.provider_id AND pr.state = 'active'
		JOIN offer_prices x ON x.offer_id = o.id AND x.during @> now()
		WHERE o.ended_at IS NULL ORDER BY o.name, o.id`)
	offers, err := all(rows, "offers", pgx.RowToStructByName[marketOffer])
	if err != nil {
		return err
	}
	r.Offers = map[uuid.UUID][]marketOffer{}
	for _, o := range offers {
		r.Offers[o.ProviderID] = append(r.Offers[o.ProviderID], o)
	}
	return nil
}

// readRooms reads hosts, used vCPUs and ends of leases of the pools p that where chooses.
func readRooms(ctx context.Context, tx pgx.Tx, where string, args ...any) (
	hosts map[uuid.UUID][]placement.Host, used map[uuid.UUID]int, freed map[uuid.UUID][]placement.Freed, err error,
) {
	hosts, used, freed = map[uuid.UUID][]placement.Host{}, map[uuid.UUID]int{}, map[uuid.UUID][]placement.Freed{}
	rows, _ := tx.Query(ctx, selectHosts+` WHERE `+where, args...)
	list, err := all(rows, "hosts", rowToHost)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, h := range list {
		hosts[h.PoolID] = append(hosts[h.PoolID], h.place())
	}
	// What ends already ends now. A lease that has not begun lasts as long as it was asked for, from now on. Where a
	// lease's end stops a cluster its disks stay; acceptance tests are deleted.
	rows, _ = tx.Query(ctx, `
		SELECT h.pool_id, n.host_id, e.at,
			sum(n.vcpus), sum(n.memory_mib), coalesce(sum(n.disk_gib) FILTER (WHERE c.kind = 'test' OR c.desired = 'gone'), 0),
			coalesce(sum(n.vcpus) FILTER (WHERE c.kind = 'cluster' AND `+takesNodes+`), 0)
		FROM nodes n
		JOIN clusters c ON c.id = n.cluster_id
		JOIN hosts h ON h.id = n.host_id
		JOIN pools p ON p.id = h.pool_id
		CROSS JOIN LATERAL (SELECT CASE WHEN c.desired <> 'running' THEN now()
			ELSE greatest(coalesce(c.lease_ends_at, now() + c.lease_seconds * interval '1 second'), now()) END AS at) AS e
		WHERE n.state NOT IN ('stopped', 'gone') AND `+where+`
		GROUP BY h.pool_id, n.host_id, e.at`, args...)
	var pool uuid.UUID
	var f placement.Freed
	_, err = pgx.ForEachRow(rows, []any{&pool, &f.HostID, &f.At, &f.VCPUs, &f.MemoryMiB, &f.DiskGiB, &f.Share}, func() error {
		used[pool] += f.Share
		freed[pool] = append(freed[pool], f)
		return nil
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("read ends of leases: %w", err)
	}
	return hosts, used, freed, nil
}

// readOwned is what an organization has left at each provider, and on each pool alone.
func readOwned(ctx context.Context, q queryer, orgID uuid.UUID) (map[ownedAt]billing.Hours, error) {
	owned := map[ownedAt]billing.Hours{}
	if orgID == uuid.Nil {
		return owned, nil
	}
	rows, _ := q.Query(ctx, `
		SELECT w.provider_id, l.pool_id, sum(l.available)::bigint FROM lots l JOIN wallets w ON w.id = l.wallet_id
		WHERE w.organization_id = $1 AND (l.expires_at IS NULL OR l.expires_at > now()) GROUP BY w.provider_id, l.pool_id`, orgID)
	var provider uuid.UUID
	var pool *uuid.UUID
	var hours billing.Hours
	_, err := pgx.ForEachRow(rows, []any{&provider, &pool, &hours}, func() error {
		at := ownedAt{ProviderID: provider}
		if pool != nil {
			at.PoolID = *pool
		}
		owned[at] = hours
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read hours left: %w", err)
	}
	return owned, nil
}

// poolRoom is a pool as placement sees it, with what ends when.
type poolRoom struct {
	Hosts []placement.Host
	Share placement.Share // of clusters
	Freed []placement.Freed
}

func (r marketReading) room(p marketPool) poolRoom {
	hosts := r.Hosts[p.ID]
	return poolRoom{Hosts: hosts, Share: shareOfClusters(hosts, p.TestVCPUs, r.Used[p.ID]), Freed: r.Freed[p.ID]}
}

// free is what clusters may take: the share, and no more than the hosts that take nodes have.
func (r poolRoom) free() (vcpus, freeVCPUs, freeMiB int) {
	onHosts := 0
	for _, h := range r.Hosts {
		if h.Takes() {
			onHosts += max(h.Capacity.VCPUs-h.Used.VCPUs, 0)
			freeMiB += max(h.Capacity.MemoryMiB-h.Used.MemoryMiB, 0)
		}
	}
	return r.Share.VCPUs, min(onHosts, max(r.Share.VCPUs-r.Share.Used, 0)), freeMiB
}

// earliest asks for nodes of one size, one of them the head.
func (r poolRoom) earliest(nodes int, size provisioner.Shape) (placement.When, time.Time) {
	return placement.Earliest(r.Hosts, placement.Request{Head: size, Compute: size, ComputeSize: nodes - 1}, r.Share, r.Freed)
}
