package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/placement"
	"volary.dev/store"
)

// ReadRooms reads hosts, used vCPUs and ends of leases of the pools p that where chooses.
func ReadRooms(ctx context.Context, tx pgx.Tx, where string, args ...any) (
	hosts map[uuid.UUID][]placement.Host, used map[uuid.UUID]int, freed map[uuid.UUID][]placement.Freed, err error,
) {
	hosts, used, freed = map[uuid.UUID][]placement.Host{}, map[uuid.UUID]int{}, map[uuid.UUID][]placement.Freed{}
	rows, _ := tx.Query(ctx, selectHosts+` WHERE h.removed_at IS NULL AND `+where, args...)
	list, err := store.All(rows, "hosts", rowToHost)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, h := range list {
		hosts[h.PoolID] = append(hosts[h.PoolID], h.place())
	}
	// What ends already ends now. What is paused goes on at the latest when its pause is over, with what its lease had left. A lease that has not begun lasts as long as it was asked for, from now on; one
	// that extends itself may last as long as the pool gives leases. Where a
	// lease's end stops a cluster its disks stay; acceptance tests are deleted.
	rows, _ = tx.Query(ctx, `
		SELECT h.pool_id, n.host_id, e.at,
			sum(n.vcpus), sum(n.memory_mib), coalesce(sum(n.disk_gib) FILTER (WHERE c.kind = 'test' OR n.desired = 'gone' OR c.at_end = 'delete' AND c.desired = 'running'), 0),
			coalesce(sum(n.vcpus) FILTER (WHERE c.kind = 'cluster' AND `+TakesNodes+`), 0)
		FROM nodes n
		JOIN clusters c ON c.id = n.cluster_id
		JOIN hosts h ON h.id = n.host_id
		JOIN pools p ON p.id = h.pool_id
		CROSS JOIN LATERAL (SELECT CASE
			WHEN c.desired = 'paused' THEN greatest(c.paused_until + coalesce(c.lease_ends_at - c.paused_at, c.lease_seconds * interval '1 second'), now())
			WHEN n.desired <> 'running' THEN now()
			ELSE greatest(coalesce(c.lease_ends_at, c.lease_until, now() + c.lease_seconds * interval '1 second')
				+ CASE WHEN c.until_stopped AND c.lease_stays = '' THEN greatest(p.max_lease_hours * interval '1 hour' - c.lease_seconds * interval '1 second', interval '0') ELSE interval '0' END, now()) END AS at) AS e
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
