package machines

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

const headAddress = provisioner.HeadAddress

// network is a cluster's own.
type network struct {
	VNI    uint32
	Subnet netip.Prefix
}

// address is the n-th of the subnet.
func (n network) address(number int) netip.Addr {
	b := n.Subnet.Masked().Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(number))
	return netip.AddrFrom4(b)
}

// mac is locally administered and unlike any other cluster's, so that a frame on the wrong network is recognised.
func (n network) mac(number int) net.HardwareAddr {
	return net.HardwareAddr{0x02, byte(n.VNI >> 16), byte(n.VNI >> 8), byte(n.VNI), byte(number >> 8), byte(number)}
}

// mostCompute is how many compute nodes a subnet has addresses for, the broadcast address left out.
func mostCompute(subnetBits int) int { return 1<<(32-subnetBits) - 1 - (headAddress + 1) }

// MostNodes is how many nodes one cluster of a pool may have, the head among them.
func MostNodes(subnetBits int) int { return 1 + mostCompute(subnetBits) }

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

// reserveNodes writes the nodes down: the head, then compute-001 and so on.
func (n newCluster) reserveNodes(ctx context.Context, tx pgx.Tx, c launchCase, plan launchPlan, own network) error {
	port, err := n.sshPort(ctx, tx, c, plan.Place.Head)
	if err != nil {
		return err
	}
	batch := &pgx.Batch{}
	queue := func(role provisioner.Role, name string, number int, host uuid.UUID, port *int) error {
		id, err := store.NewID()
		if err != nil {
			return err
		}
		s, g := plan.shape(role), c.group(role)
		rate := s.Rate
		if n.Kind == "test" {
			rate = 0
		}
		batch.Queue(`
			INSERT INTO nodes (id, cluster_id, organization_id, provider_id, host_id, role, group_name, name, mac, address, ssh_port, shape_name,
				vcpus, memory_mib, disk_gib, rate, image_id, image_digest, state, state_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 'reserved', $19)`,
			id, n.ID, n.OrganizationID, c.Pool.ProviderID, host, role, g.Name, name, own.mac(number), own.address(number), port, s.Name,
			s.VCPUs, s.MemoryMiB, s.DiskGiB, rate, g.ImageID, g.Digest, c.Now)
		return nil
	}
	if err := queue(provisioner.RoleHead, provisioner.HeadName, headAddress, plan.Place.Head, port); err != nil {
		return err
	}
	for i, host := range plan.Place.Compute {
		if err := queue(provisioner.RoleCompute, provisioner.ComputeName(i+1), headAddress+1+i, host, nil); err != nil {
			return err
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("reserve nodes: %w", err)
	}
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
