package machines

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
)

// UpdatePool changes a pool. What clusters on it rely on stays while there are any; where guests may reach other ranges
// than before, the networks of the provider's clusters are made anew. Refusals: "invalid" by field as
// CreatePool's, "pool_in_use" by field, "duplicate", "suspended", NotFound("pool").
func (db *DB) UpdatePool(ctx context.Context, by, providerID, id uuid.UUID, p NewPool) error {
	p = p.withDefaults()
	if err := p.check(); err != nil {
		return err
	}
	p.Prefix, p.Underlay = p.Prefix.Masked(), p.Underlay.Masked()
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		// Launches lock the pool, too: none comes between the counting and the change.
		if _, err := tx.Exec(ctx, `SELECT FROM pools WHERE id = $1 AND provider_id = $2 FOR UPDATE`, id, providerID); err != nil {
			return fmt.Errorf("lock pool: %w", err)
		}
		rows, _ := tx.Query(ctx, selectPoolRows+` WHERE p.provider_id = $1 AND p.id = $2`, providerID, id)
		was, err := store.One(rows, "pool", pgx.RowToStructByName[PoolRow])
		if err != nil {
			return err
		}
		if err := p.mayReplace(was); err != nil {
			return err
		}
		if err := p.holdsHosts(ctx, tx, id); err != nil {
			return err
		}
		if err := p.fitsBeside(ctx, tx, providerID, id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE pools SET name = $2, prefix = $3, subnet_bits = $4, underlay = $5, management = $6, storage = $7, machine_type = $8,
				cpu = $9, mtu = $10, masquerade = $11, wipe_disks = $12, test_vcpus = $13, max_lease_hours = $14, location = $15, policy = $16, allowed = $17, placement = $18, overcommit = $19, host_labels = $20
			WHERE id = $1`,
			id, p.Name, p.Prefix, p.SubnetBits, p.Underlay, p.Management, p.Storage, p.MachineType, p.CPU, p.MTU, !p.NoMasquerade,
			p.WipeDisks, p.TestVCPUs, p.MaxLeaseHours, p.Location, p.Policy, p.Allowed, p.Placement, p.Overcommit, p.HostLabels)
		if store.UniqueViolation(err, "pools_provider_id_name_key") {
			return store.Duplicate("a pool", "name", p.Name)
		}
		if err != nil {
			return fmt.Errorf("update pool: %w", err)
		}
		if p.Name != was.Name {
			if err := store.TakeName(ctx, tx, store.TakenName{Kind: store.PoolName, Scope: providerID, Subject: id, Name: p.Name, Field: "name"}); err != nil {
				return err
			}
		}
		if !p.sameReach(was) {
			if err := renewNetworks(ctx, tx, providerID); err != nil {
				return err
			}
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "change pool", Subject: "pool", SubjectID: id, Detail: p.changes(was)})
	})
}

// sameReach says whether guests reach what they reached before.
func (p NewPool) sameReach(was PoolRow) bool {
	return slices.Equal(p.Allowed, was.Allowed) && slices.Equal(p.Management, was.Management) && p.Underlay == was.Underlay && p.Prefix == was.Prefix
}

// mayReplace refuses what clusters on the pool were made with: their networks, disks and machines would not match.
func (p NewPool) mayReplace(was PoolRow) error {
	if was.Clusters == 0 {
		return nil
	}
	f := store.Fields{}
	users := refusal.Plural(was.Clusters, "cluster", "clusters")
	use, until := "use", "they are gone"
	if was.Clusters == 1 {
		use, until = "uses", "that is gone"
	}
	fixed := func(same bool, field, what string) {
		f.Check(same, field, "%s %s %s: it can change when %s.", users, use, what, until)
	}
	fixed(p.Prefix == was.Prefix, "prefix", "subnets of "+was.Prefix.String())
	fixed(p.SubnetBits == was.SubnetBits, "subnet_bits", fmt.Sprintf("subnets of /%d", was.SubnetBits))
	fixed(p.Underlay == was.Underlay, "underlay", "the underlay "+was.Underlay.String())
	fixed(slices.Equal(p.Management, was.Management), "management", "rules that keep guests from these networks")
	fixed(p.Storage == was.Storage, "storage", was.Storage+" storage")
	fixed(p.MachineType == was.MachineType && p.CPU == was.CPU, "machine_type", "the machine type "+was.MachineType)
	fixed(p.MTU == was.MTU, "mtu", fmt.Sprintf("an MTU of %d", was.MTU))
	fixed(!p.NoMasquerade == was.Masquerade, "masquerade", "the present way out of their network")
	if len(f) == 0 {
		return nil
	}
	return &refusal.Error{
		Code: "pool_in_use", Title: fmt.Sprintf("This pool carries %s; some of its fields stay as they are meanwhile.", users),
		Next: "Leave the marked fields as they were, or make another pool.", Fields: f,
	}
}

// holdsHosts refuses an underlay that leaves out a host of the pool.
func (p NewPool) holdsHosts(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	rows, _ := tx.Query(ctx, `SELECT underlay FROM hosts WHERE pool_id = $1 AND removed_at IS NULL ORDER BY underlay`, id)
	hosts, err := store.All(rows, "hosts of a pool", pgx.RowTo[netip.Addr])
	if err != nil {
		return err
	}
	f := store.Fields{}
	for _, a := range hosts {
		f.Check(p.Underlay.Contains(a), "underlay", "A host of this pool has %s, which is not in %s.", a, p.Underlay)
	}
	return f.Refusal()
}

// changes names for the log what is different.
func (p NewPool) changes(was PoolRow) map[string]any {
	d := map[string]any{}
	for name, v := range map[string][2]any{
		"name": {was.Name, p.Name}, "location": {was.Location, p.Location}, "prefix": {was.Prefix.String(), p.Prefix.String()},
		"underlay": {was.Underlay.String(), p.Underlay.String()}, "storage": {was.Storage, p.Storage}, "mtu": {was.MTU, p.MTU},
		"subnet bits": {was.SubnetBits, p.SubnetBits}, "machine type": {was.MachineType, p.MachineType}, "CPU": {was.CPU, p.CPU},
		"guests may go out": {was.Masquerade, !p.NoMasquerade}, "wipe disks": {was.WipeDisks, p.WipeDisks}, "policy": {was.Policy, p.Policy},
		"guests reach": {fmt.Sprint(was.Allowed), fmt.Sprint(p.Allowed)}, "management": {fmt.Sprint(was.Management), fmt.Sprint(p.Management)},
		"test share": {was.TestVCPUs, p.TestVCPUs}, "longest lease": {was.MaxLeaseHours, p.MaxLeaseHours},
		"placement": {was.Placement, p.Placement}, "vCPUs per processor": {typed.Text(int64(was.Overcommit), 2), typed.Text(int64(p.Overcommit), 2)},
		"labels wanted": {WrittenLabels(was.HostLabels), WrittenLabels(p.HostLabels)},
	} {
		if v[0] != v[1] {
			d[name] = v[1]
		}
	}
	return d
}
