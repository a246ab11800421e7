package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/placement"
	"volary.dev/store"
)

// readHosts reads a pool's hosts as placement knows them, and how many vCPUs clusters and tests take of those that take nodes. A launch does so
// while others wait for it: nodes are looked at once and all together, unlike for a page, which asks for what stands on each host.
func (c *launchCase) readHosts(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `
		SELECT h.id, h.name, h.state, h.state_reason, h.fit, h.enrolled_at, coalesce(h.enrol_code, ''), h.mistaken, h.checked, h.seen, h.missed_rounds, h.lacks,
			h.check_state, CASE WHEN h.checked THEN '[]' ELSE h.check_report END, coalesce(h.acceleration, ''), h.cpu_model, h.uefi,
			`+HostVCPUs+`, h.memory_mib, h.disk_gib, CASE p.host_labels WHEN '{}' THEN '{}' ELSE h.labels END, p.host_labels, p.placement = 'pack'
		FROM hosts h JOIN pools p ON p.id = h.pool_id WHERE h.pool_id = $1 AND h.removed_at IS NULL ORDER BY h.name`, c.Pool.ID)
	hosts, err := store.All(rows, "hosts of a pool", func(row pgx.CollectableRow) (placement.Host, error) {
		var h Host
		err := row.Scan(&h.ID, &h.Name, &h.State, &h.StateReason, &h.Fit, &h.EnrolledAt, &h.Code, &h.Mistaken, &h.Checked, &h.Seen, &h.MissedRounds, &h.Lacks,
			&h.CheckState, &h.CheckReport, &h.Acceleration, &h.CPUModel, &h.UEFI, &h.Capacity.VCPUs, &h.Capacity.MemoryMiB, &h.Capacity.DiskGiB, &h.Labels, &h.PoolLabels, &h.Packed)
		return h.place(), err
	})
	if err != nil {
		return err
	}
	c.Hosts = hosts
	return c.readUse(ctx, tx)
}

// taken is what nodes of one image take of one host.
type taken struct {
	HostID    uuid.UUID
	Digest    string // of the base image; a worker may bring one on which nobody stands yet
	Bytes     int64  // of the base image
	VCPUs     int    `db:"vcpus"`
	MemoryMiB int    `db:"memory_mib"`
	DiskGiB   int    `db:"disk_gib"`
	Clusters  int    // vCPUs of clusters
}

// readUse adds what nodes take of the hosts. Stopped ones keep their disk and nothing else, and a base image counts once.
func (c *launchCase) readUse(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `
		WITH on_hosts AS (
			SELECT n.host_id, n.image_id, n.image_digest,
				coalesce(sum(n.vcpus) FILTER (WHERE n.state <> 'stopped'), 0)::int AS vcpus, coalesce(sum(n.memory_mib) FILTER (WHERE n.state <> 'stopped'), 0)::int AS memory_mib,
				sum(n.disk_gib)::int AS disk_gib, coalesce(sum(n.vcpus) FILTER (WHERE n.state <> 'stopped' AND c.kind = 'cluster'), 0)::int AS clusters
			FROM nodes n JOIN clusters c ON c.id = n.cluster_id
			WHERE n.state <> 'gone' AND n.host_id IN (SELECT id FROM hosts WHERE pool_id = $1 AND removed_at IS NULL) GROUP BY n.host_id, n.image_id, n.image_digest)
		SELECT o.host_id, o.image_digest AS digest, greatest(i.canonical_size, b.bytes, 0) AS bytes, o.vcpus, o.memory_mib, o.disk_gib, o.clusters
		FROM on_hosts o LEFT JOIN images i ON i.id = o.image_id LEFT JOIN base_images b ON b.host_id = o.host_id AND b.digest = o.image_digest
		UNION ALL
		SELECT b.host_id, b.digest, b.bytes, 0, 0, 0, 0
		FROM base_images b JOIN hosts h ON h.id = b.host_id WHERE h.pool_id = $1 AND h.removed_at IS NULL AND `+imageComing, c.Pool.ID)
	list, err := store.All(rows, "use of a pool", pgx.RowToStructByName[taken])
	if err != nil {
		return fmt.Errorf("pool %s: %w", c.Pool.ID, err)
	}
	at := make(map[uuid.UUID]int, len(c.Hosts))
	for i, h := range c.Hosts {
		at[h.ID] = i
	}
	for _, t := range list {
		i, here := at[t.HostID]
		if !here {
			continue
		}
		h := &c.Hosts[i]
		h.Used.VCPUs += t.VCPUs
		h.Used.MemoryMiB += t.MemoryMiB
		h.Used.DiskGiB += t.DiskGiB
		if h.Images == nil {
			h.Images = map[string]int64{}
		}
		h.Images[t.Digest] = max(h.Images[t.Digest], t.Bytes)
		if h.Takes() {
			c.Used += t.Clusters
			c.Tests += t.VCPUs - t.Clusters
		}
	}
	return nil
}
