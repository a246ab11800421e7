package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// HostFilter narrows and orders a list of hosts. Zero fields leave nothing out. Sorting keys: name, pool, state,
// vcpus, memory, nodes, seen.
type HostFilter struct {
	Search string // part of the name or of the address
	Pool   uuid.UUID
	State  string // of staff, or "takes" (nodes), "silent", "lacking" (something), "unchecked", "unfit" (any of these three), or "waiting" (for enrolment)
	store.Sorting
	store.Page
}

var hostColumns = store.Sortable{
	"name": "h.name", "pool": "p.name", "state": "CASE WHEN h.enrolled_at IS NULL AND h.state = 'active' THEN 'waits for enrolment' ELSE h.state END", "vcpus": "u.vcpus", "memory": "u.memory_mib", "nodes": "u.nodes", "seen": "h.round_at",
}

// HostList lists a provider's hosts, by pool and name unless asked otherwise, and how many the filter leaves.
func (db *DB) HostList(ctx context.Context, providerID uuid.UUID, f HostFilter) (list []Host, total int, err error) {
	const where = ` WHERE h.provider_id = $1 AND h.removed_at IS NULL AND ($2 = '' OR h.name ILIKE $3 OR h.address ILIKE $3)
		AND ($4::uuid IS NULL OR h.pool_id = $4) AND CASE $5 WHEN '' THEN true
			WHEN 'takes' THEN ` + TakesNodes + ` WHEN 'silent' THEN h.seen = 'silent' WHEN 'lacking' THEN h.lacks <> ''
			WHEN 'unchecked' THEN NOT h.checked WHEN 'unfit' THEN NOT h.fit
			WHEN 'waiting' THEN h.enrolled_at IS NULL WHEN 'active' THEN h.state = 'active' AND h.enrolled_at IS NOT NULL ELSE h.state = $5 END`
	args := []any{providerID, f.Search, store.Like(f.Search), store.OrNull(f.Pool), f.State}
	if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM hosts h JOIN pools p ON p.id = h.pool_id`+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count hosts: %w", err)
	}
	rows, _ := db.pool.Query(ctx, selectHosts+where+hostColumns.OrderBy(f.Sorting, "p.name, h.name, h.id")+` LIMIT $6 OFFSET $7`,
		append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "hosts", rowToHost)
	return list, total, err
}

// HostCluster is a cluster that has nodes on a host.
type HostCluster struct {
	ID               uuid.UUID
	Name             string
	OrganizationName string
	Test             bool
	Nodes            int // on this host, all but gone ones
}

// HostClusters lists the clusters that still have nodes on a host: what has to end before it is empty.
func (db *DB) HostClusters(ctx context.Context, providerID, id uuid.UUID) ([]HostCluster, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT c.id, c.name, o.name AS organization_name, c.kind = 'test' AS test, count(*)::int AS nodes
		FROM nodes n JOIN clusters c ON c.id = n.cluster_id JOIN organizations o ON o.id = c.organization_id
		WHERE n.host_id = $1 AND n.provider_id = $2 AND n.state <> 'gone'
		GROUP BY c.id, o.name ORDER BY c.name, c.id`, id, providerID)
	return store.All(rows, "clusters of a host", pgx.RowToStructByName[HostCluster])
}
