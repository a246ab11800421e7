package machines

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// checkAllowed holds what guests are to reach against what they never may: hosts, clusters, and what is nobody's.
func (p NewPool) checkAllowed(f store.Fields) {
	f.Check(len(p.Allowed) <= MaxAllowed, "allowed", "Give at most %d ranges; these are %d.", MaxAllowed, len(p.Allowed))
	for _, a := range p.Allowed {
		within := slices.ContainsFunc(provisioner.AllowablePrefixes(), func(w netip.Prefix) bool { return w.Bits() <= a.Bits() && w.Contains(a.Addr()) })
		f.Check(a.IsValid() && within, "allowed", "Give ranges within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10; %s is none. Public addresses need no entry.", a)
		f.Check(!a.Overlaps(p.Underlay), "allowed", "%s overlaps the underlay %s, which guests may never reach.", a, p.Underlay)
		f.Check(!a.Overlaps(p.Prefix), "allowed", "%s overlaps the clusters' prefix %s: clusters may not reach one another.", a, p.Prefix)
		for _, m := range p.Management {
			f.Check(!a.Overlaps(m), "allowed", "%s overlaps the management network %s.", a, m)
		}
	}
}

// fitsBeside refuses a pool that opens to guests what another pool of the provider closes, or the other way round.
func (p NewPool) fitsBeside(ctx context.Context, tx pgx.Tx, providerID, id uuid.UUID) error {
	type neighbour struct {
		Name            string
		Closed, Allowed []netip.Prefix
	}
	rows, _ := tx.Query(ctx, `
		SELECT name, array_prepend(prefix, array_prepend(underlay, management)) AS closed, allowed
		FROM pools WHERE provider_id = $1 AND id <> $2 ORDER BY name`, providerID, id)
	others, err := store.All(rows, "other pools", pgx.RowToStructByName[neighbour])
	if err != nil {
		return err
	}
	f := store.Fields{}
	for _, o := range others {
		for _, a := range p.Allowed {
			for _, c := range o.Closed {
				f.Check(!a.Overlaps(c), "allowed", "%s overlaps %s of the pool %s, which guests may not reach.", a, c, o.Name)
			}
		}
		for _, a := range o.Allowed {
			for _, m := range p.Management {
				f.Check(!a.Overlaps(m), "management", "%s overlaps %s, which the pool %s allows its guests.", m, a, o.Name)
			}
			f.Check(!a.Overlaps(p.Underlay), "underlay", "%s overlaps %s, which the pool %s allows its guests.", p.Underlay, a, o.Name)
			f.Check(!a.Overlaps(p.Prefix), "prefix", "%s overlaps %s, which the pool %s allows its guests.", p.Prefix, a, o.Name)
		}
	}
	return f.Refusal()
}

// renewNetworks has every network of the provider's running clusters made anew: what their guests may reach has changed.
// Those of paused ones are, when they go on.
// Tests are sealed and reach nothing. The pool is locked before clusters, as everywhere; these by id, as two changes of
// pools may meet.
func renewNetworks(ctx context.Context, tx pgx.Tx, providerID uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		UPDATE clusters SET network_generation = network_generation + 1, generation = generation + 1
		WHERE id IN (
			SELECT id FROM clusters WHERE provider_id = $1 AND kind = 'cluster' AND desired IN ('running', 'paused') AND ended_at IS NULL
			ORDER BY id FOR UPDATE)`, providerID)
	if err != nil {
		return fmt.Errorf("renew networks of provider %s: %w", providerID, err)
	}
	return nil
}
