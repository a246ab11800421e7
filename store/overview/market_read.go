package overview

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/provisioner/plan"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
)

// marketReading is all that a comparison needs, of all active providers, read at one moment.
type marketReading struct {
	Now    time.Time
	Pools  []marketPool
	Hosts  map[uuid.UUID][]placement.Host // by pool
	Freed  map[uuid.UUID][]placement.Freed
	Used   map[uuid.UUID]int // vCPUs that clusters take of a pool's active hosts
	Shapes map[uuid.UUID][]machines.Shape
	Made   map[uuid.UUID]provisioner.Processors // by pool
	Offers map[uuid.UUID][]marketOffer
	Owned  map[books.OwnedAt]billing.Hours
}

type marketPool struct {
	ID            uuid.UUID
	ProviderID    uuid.UUID
	ProviderName  string
	Currency      string
	Certified     bool // a launch wants a certificate
	Name          string
	Location      string
	TestVCPUs     int `db:"test_vcpus"`
	MaxLeaseHours int
	Prefix        netip.Prefix
	SubnetBits    int
	Networks      int // that clusters have
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

const selectMarketPools = `
	SELECT p.id, p.provider_id, pr.name AS provider_name, pr.currency, pr.certificates_taken <> 'none' AS certified, p.name, p.location, p.test_vcpus, p.max_lease_hours,
		p.prefix, p.subnet_bits, (SELECT count(*) FROM clusters c WHERE c.pool_id = p.id AND c.ended_at IS NULL AND c.subnet IS NOT NULL)::int AS networks
	` + activePools

func readMarket(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) (r marketReading, err error) {
	if r.Now, err = store.ReadNow(ctx, tx); err != nil {
		return r, err
	}
	rows, _ := tx.Query(ctx, selectMarketPools+` ORDER BY pr.name, p.name`)
	if r.Pools, err = store.All(rows, "pools", pgx.RowToStructByName[marketPool]); err != nil {
		return r, err
	}
	if err := r.readSold(ctx, tx); err != nil {
		return r, err
	}
	if r.Hosts, r.Used, r.Freed, err = machines.ReadRooms(ctx, tx, `p.id IN (SELECT p.id `+activePools+`)`); err != nil {
		return r, err
	}
	if r.Made, err = machines.ReadProcessors(ctx, tx, `p.id IN (SELECT p.id `+activePools+`)`); err != nil {
		return r, err
	}
	r.Owned, err = books.ReadOwned(ctx, tx, orgID)
	return r, err
}

// readMarketPools is readMarket of some pools alone, and of nobody's hours.
func readMarketPools(ctx context.Context, tx pgx.Tx, ids []uuid.UUID) (r marketReading, err error) {
	rows, _ := tx.Query(ctx, selectMarketPools+` WHERE p.id = ANY($1)`, ids)
	if r.Pools, err = store.All(rows, "pools", pgx.RowToStructByName[marketPool]); err != nil {
		return r, err
	}
	if err := r.readSold(ctx, tx); err != nil {
		return r, err
	}
	r.Hosts, r.Used, r.Freed, err = machines.ReadRooms(ctx, tx, `p.id = ANY($1)`, ids)
	return r, err
}

// readSold reads shapes, the cheapest first, and offers with the price of this moment.
func (r *marketReading) readSold(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `
		SELECT s.provider_id, s.id, s.name, s.vcpus, s.memory_mib, s.disk_gib, s.rate
		FROM shapes s JOIN providers pr ON pr.id = s.provider_id AND pr.state = 'active'
		ORDER BY s.rate, s.vcpus, s.memory_mib, s.disk_gib, s.name`)
	r.Shapes = map[uuid.UUID][]machines.Shape{}
	var provider uuid.UUID
	var s machines.Shape
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
	offers, err := store.All(rows, "offers", pgx.RowToStructByName[marketOffer])
	if err != nil {
		return err
	}
	r.Offers = map[uuid.UUID][]marketOffer{}
	for _, o := range offers {
		r.Offers[o.ProviderID] = append(r.Offers[o.ProviderID], o)
	}
	return nil
}

// poolRoom is a pool as placement sees it, with what ends when.
type poolRoom struct {
	Hosts []placement.Host
	Share placement.Share // of clusters
	Freed []placement.Freed

	NodesMost               int // of one cluster
	Networks, NetworksTaken int
}

func (r marketReading) room(p marketPool) poolRoom {
	hosts := r.Hosts[p.ID]
	return poolRoom{
		Hosts: hosts, Share: machines.ShareOfClusters(hosts, p.TestVCPUs, r.Used[p.ID]), Freed: r.Freed[p.ID],
		NodesMost: plan.MostNodes(p.SubnetBits), Networks: 1 << (p.SubnetBits - p.Prefix.Bits()), NetworksTaken: p.Networks,
	}
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

// earliest says when a request can start, and what keeps it from starting now.
func (r poolRoom) earliest(request placement.Request) (when placement.When, at time.Time, short []placement.Short) {
	if nodes := request.Nodes(); nodes > r.NodesMost {
		return placement.WhenLarger, at, []placement.Short{{Resource: placement.ResourceNodes, Need: nodes, Of: r.NodesMost}}
	}
	when, at = placement.Earliest(r.Hosts, request, r.Share, r.Freed)
	if when == placement.WhenLarger {
		return when, at, placement.ShortageEmpty(r.Hosts, request, r.Share)
	}
	short = placement.Shortage(r.Hosts, request, r.Share)
	if r.NetworksTaken >= r.Networks && when != placement.WhenClosed && when != placement.WhenUnfit {
		// Which cluster is deleted next, and its network with it, no lease's end tells.
		when, at = placement.WhenOpen, time.Time{}
		short = append(short, placement.Short{Resource: placement.ResourceNetworks, Free: 0, Of: r.Networks})
	}
	return when, at, short
}
