package machines

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"volary.dev/provisioner"
	"volary.dev/provisioner/plan"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// freeSubnet is the first of the pool's prefix that no cluster of the pool has. The pool is locked.
func freeSubnet(ctx context.Context, tx pgx.Tx, p poolCapacity) (netip.Prefix, error) {
	rows, _ := tx.Query(ctx, `SELECT subnet FROM clusters WHERE pool_id = $1 AND subnet IS NOT NULL`, p.ID)
	taken, err := store.All(rows, "subnets", pgx.RowTo[netip.Prefix])
	if err != nil {
		return netip.Prefix{}, err
	}
	used := make(map[netip.Addr]bool, len(taken))
	for _, t := range taken {
		used[t.Addr()] = true
	}
	first := p.Prefix.Masked().Addr().As4()
	base, step := uint64(binary.BigEndian.Uint32(first[:])), uint64(1)<<(32-p.SubnetBits)
	count := uint64(1) << (p.SubnetBits - p.Prefix.Bits())
	for i := range count {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(base+i*step))
		if a := netip.AddrFrom4(b); !used[a] {
			return netip.PrefixFrom(a, p.SubnetBits), nil
		}
	}
	return netip.Prefix{}, &refusal.Error{
		Code: "capacity", Title: fmt.Sprintf("Of %s of the pool %s none is free.", refusal.Plural(int64(count), "network", "networks"), typed.Isolate(p.Name)),
		Next: "Delete a cluster that is not needed any more, or choose another pool.",
	}
}

// reserveNodes writes the nodes down, each at its place: the head, then those of every group.
func (n newCluster) reserveNodes(ctx context.Context, tx pgx.Tx, c launchCase, planned launchPlan, own plan.Net) error {
	batchID, err := newBatch(ctx, tx, n.ID, provisioner.BatchLaunch, n.Held)
	if err != nil {
		return err
	}
	port, err := n.sshPort(ctx, tx, c, planned.Place.Head)
	if err != nil {
		return err
	}
	places, err := own.Places(c.Version.Model, c.Counts)
	if err != nil {
		return err
	}
	shapes := map[string]Shape{}
	for _, s := range planned.Shapes {
		shapes[s.Group] = s.Shape
	}
	hosts := append([]uuid.UUID{planned.Place.Head}, planned.Place.Compute...)
	batch := &pgx.Batch{}
	for i, p := range places {
		if p.Role() != provisioner.RoleHead {
			port = nil
		}
		if err := n.queueNode(batch, c, batchID, placedNode{Place: p, Host: hosts[i], Shape: shapes[p.Group], SSHPort: port}); err != nil {
			return err
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("reserve nodes: %w", err)
	}
	return nil
}

// placedNode is a node about to be written down.
type placedNode struct {
	plan.Place
	Host    uuid.UUID
	Shape   Shape
	SSHPort *int // nil: none is published
}

// queueNode writes a node of a batch down when the batch of statements is sent.
func (n newCluster) queueNode(b *pgx.Batch, c launchCase, batchID uuid.UUID, p placedNode) error {
	id, err := store.NewID()
	if err != nil {
		return err
	}
	g, _ := c.Version.Group(p.Group)
	s, rate := p.Shape, p.Shape.Rate
	if n.Kind == "test" {
		rate = 0
	}
	b.Queue(`
		INSERT INTO nodes (id, batch_id, desired, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, ssh_port, shape_name,
			vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, state_at)
		VALUES ($1, $20, 'running', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 'reserved', $19)`,
		id, n.ID, n.OrganizationID, c.Pool.ProviderID, p.Host, p.Role(), p.Group, p.Name, p.MAC, p.Address, p.SSHPort, s.Name,
		s.VCPUs, s.MemoryMiB, s.DiskGiB, rate, g.ImageID, g.Digest, c.Now, batchID)
	return nil
}

// sshPort is the first of the pool's published ports that is free on the head's host; a test publishes none.
func (n newCluster) sshPort(ctx context.Context, tx pgx.Tx, c launchCase, host uuid.UUID) (*int, error) {
	if n.Kind == "test" {
		return nil, nil
	}
	rows, _ := tx.Query(ctx, `SELECT ssh_port FROM nodes WHERE host_id = $1 AND ssh_port IS NOT NULL AND state <> 'gone'`, host)
	taken, err := store.All(rows, "published ports", pgx.RowTo[int])
	if err != nil {
		return nil, err
	}
	used := make(map[int]bool, len(taken))
	for _, p := range taken {
		used[p] = true
	}
	for p := int(c.Pool.Ports.Lower.Int32); p < int(c.Pool.Ports.Upper.Int32); p++ {
		if !used[p] {
			return &p, nil
		}
	}
	return nil, &refusal.Error{
		Code: "capacity", Title: fmt.Sprintf("Of %s that the head's host may publish none is free.", refusal.Plural(len(taken), "port", "ports")),
		Next: "Try again later, or choose another pool.",
	}
}

// portRange is PostgreSQL's int4range in its canonical form: lower bound in, upper bound out.
type portRange = pgtype.Range[pgtype.Int4]
