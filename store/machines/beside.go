package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store/models"
)

// beside is where the nodes of a cluster are, for those that are placed beside them.
type beside struct {
	carried map[uuid.UUID]int      // nodes, by host
	groups  map[uuid.UUID][]string // of which a host has nodes: placement.Host.Apart
	model   provisioner.Model
}

// readBeside reads where a locked cluster's nodes are.
func readBeside(ctx context.Context, tx pgx.Tx, c lockedCluster) (b beside, err error) {
	var version uuid.UUID
	if err := tx.QueryRow(ctx, `SELECT version_id FROM clusters WHERE id = $1`, c.ID).Scan(&version); err != nil {
		return b, fmt.Errorf("version of cluster %s: %w", c.ID, err)
	}
	v, err := models.ReadVersion(ctx, tx, c.OrganizationID, version)
	if err != nil {
		return b, err
	}
	b = beside{carried: map[uuid.UUID]int{}, groups: map[uuid.UUID][]string{}, model: v.Model}
	rows, _ := tx.Query(ctx, `
		SELECT host_id, group_name, count(*)::int FROM nodes WHERE cluster_id = $1 AND state <> 'gone' GROUP BY host_id, group_name`, c.ID)
	var host uuid.UUID
	var group string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&host, &group, &n}, func() error {
		b.carried[host] += n
		b.groups[host] = append(b.groups[host], group)
		return nil
	})
	if err != nil {
		return b, fmt.Errorf("hosts of cluster %s: %w", c.ID, err)
	}
	return b, nil
}

// apart is placement.Node.Apart of a group's nodes.
func (b beside) apart(group string) string {
	if g, ok := b.model.Group(group); ok && g.Apart {
		return group
	}
	return ""
}
