package machines

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// MovedHost is a host under a new address. It is the same machine: what is on its disks stays its, and where another one
// answers at the new address, nothing is done there.
type MovedHost struct {
	ID       uuid.UUID
	Address  provisioner.HostAddress
	Underlay netip.Addr
}

// HostsMove gives hosts of one pool new addresses.
type HostsMove struct {
	Hosts    []MovedHost
	Underlay netip.Prefix // of the whole pool; the zero prefix leaves it
	// Restarted says that the hosts have been started anew, so that what was running on them is off, whatever the
	// database still has to learn from them.
	Restarted bool
}

// MoveHosts changes under which addresses hosts are reached and have their overlays, and queues their checks; a host is
// down until its check has passed, unless staff cordoned or drain it. Refusals: "invalid" by field (address, underlay,
// pool_underlay), "host_in_use" with the number of nodes that may be running, "duplicate", NotFound("pool" or "host").
func (db *DB) MoveHosts(ctx context.Context, by, providerID, poolID uuid.UUID, m HostsMove) error {
	m.Hosts = slices.Clone(m.Hosts)
	for i := range m.Hosts {
		m.Hosts[i].Address = m.Hosts[i].Address.Canonical()
	}
	if err := m.check(); err != nil {
		return err
	}
	// In one order, so that two moves at once wait for each other and no more.
	slices.SortFunc(m.Hosts, func(a, b MovedHost) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := m.movePool(ctx, tx, providerID, poolID); err != nil {
			return err
		}
		if err := m.lockHosts(ctx, tx, providerID, poolID); err != nil {
			return err
		}
		if err := m.write(ctx, tx); err != nil {
			return err
		}
		for _, h := range m.Hosts {
			if err := db.queueHostCheck(ctx, tx, h.ID); err != nil {
				return err
			}
			err := store.WriteAudit(ctx, tx, store.AuditRow{
				By: by, Provider: providerID, Verb: "move host", Subject: "host", SubjectID: h.ID,
				Detail: map[string]any{"address": h.Address.Name, "underlay": h.Underlay.String()},
			})
			if err != nil {
				return err
			}
		}
		return m.allInside(ctx, tx, poolID)
	})
}

func (m HostsMove) check() error {
	f := store.Fields{}
	for _, h := range m.Hosts {
		if err := h.Address.Validate(); err != nil {
			f.Add("address", "%s", err)
		}
		f.Check(h.Underlay.IsValid() && !h.Underlay.IsUnspecified(), "underlay", "Give the host's address on the underlay, such as 192.0.2.11.")
	}
	return f.Refusal()
}

// movePool locks the pool, as a launch does, and gives it its new underlay.
func (m HostsMove) movePool(ctx context.Context, tx pgx.Tx, providerID, poolID uuid.UUID) error {
	var prefix netip.Prefix
	err := tx.QueryRow(ctx, `SELECT prefix FROM pools WHERE id = $1 AND provider_id = $2 FOR UPDATE`, poolID, providerID).Scan(&prefix)
	if err != nil {
		return store.Found(err, "pool")
	}
	if !m.Underlay.IsValid() {
		return nil
	}
	if prefix.Overlaps(m.Underlay) {
		return refusal.Invalid(map[string]string{"pool_underlay": fmt.Sprintf("%s overlaps %s, out of which clusters get their addresses.", m.Underlay, prefix)})
	}
	if _, err := tx.Exec(ctx, `UPDATE pools SET underlay = $2 WHERE id = $1`, poolID, m.Underlay.Masked()); err != nil {
		return fmt.Errorf("move pool: %w", err)
	}
	return nil
}

// lockHosts refuses what would part running nodes from their networks, and a simulated host that becomes a real one.
func (m HostsMove) lockHosts(ctx context.Context, tx pgx.Tx, providerID, poolID uuid.UUID) error {
	for _, h := range m.Hosts {
		var name string
		var scheme provisioner.Scheme
		var running int
		err := tx.QueryRow(ctx, `
			SELECT name, scheme, (SELECT count(*) FROM nodes n WHERE n.host_id = h.id AND n.state IN ('starting', 'ready', 'pausing', 'paused', 'stopping', 'lost'))
			FROM hosts h WHERE id = $1 AND pool_id = $2 AND provider_id = $3 AND removed_at IS NULL FOR UPDATE`,
			h.ID, poolID, providerID).Scan(&name, &scheme, &running)
		switch {
		case err != nil:
			return store.Found(err, "host")
		case (scheme == provisioner.SchemeMemory) != (h.Address.Scheme == provisioner.SchemeMemory):
			return refusal.Invalid(map[string]string{"address": name + " stays what it is: a simulated host is not a real one under another address."})
		case running > 0 && !m.Restarted:
			return &refusal.Error{
				Code: "host_in_use", Title: fmt.Sprintf("%s carries %s that may be running; a move would cut their networks.", typed.Isolate(name), refusal.Plural(running, "node", "nodes")),
				Next: "Stop the clusters on it, and move it then.",
			}
		}
	}
	return nil
}

func (m HostsMove) write(ctx context.Context, tx pgx.Tx) error {
	ids := make([]uuid.UUID, len(m.Hosts))
	for i, h := range m.Hosts {
		ids[i] = h.ID
	}
	// Out of the way first: hosts may take each other's addresses.
	if _, err := tx.Exec(ctx, `UPDATE hosts SET address = 'moving-' || id WHERE id = ANY ($1)`, ids); err != nil {
		return fmt.Errorf("move hosts: %w", err)
	}
	for _, h := range m.Hosts {
		_, err := tx.Exec(ctx, `
			UPDATE hosts SET scheme = $2, address = $3, port = $4, underlay = $5, checked = false
			WHERE id = $1`, h.ID, h.Address.Scheme, h.Address.Name, h.Address.Port, h.Underlay)
		if store.UniqueViolation(err, "hosts_scheme_address_port_key") {
			return addressTaken()
		}
		if err != nil {
			return fmt.Errorf("move host %s: %w", h.ID, err)
		}
	}
	return nil
}

// allInside refuses a move that leaves a host of the pool outside of its underlay, also one that did not move.
func (m HostsMove) allInside(ctx context.Context, tx pgx.Tx, poolID uuid.UUID) error {
	rows, _ := tx.Query(ctx, `
		SELECT h.name || ' at ' || host(h.underlay) || ' would be outside of the pool''s underlay network ' || p.underlay || '.'
		FROM hosts h JOIN pools p ON p.id = h.pool_id
		WHERE h.pool_id = $1 AND h.removed_at IS NULL AND NOT h.underlay <<= p.underlay ORDER BY h.name LIMIT 1`, poolID)
	outside, err := store.All(rows, "hosts outside of the underlay", pgx.RowTo[string])
	if err != nil || len(outside) == 0 {
		return err
	}
	return refusal.Invalid(map[string]string{"underlay": outside[0]})
}

// addressTaken is about the provider's own hosts: whose machine an address leads to, the machine itself says.
func addressTaken() error {
	const title = "A host with this address has been added already."
	return &refusal.Error{Code: "duplicate", Title: title, Next: "Check the address.", Fields: map[string]string{"address": title}}
}
