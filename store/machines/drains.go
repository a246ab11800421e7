package machines

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store"
)

// DrainTime is for how long a model's drain command may take: then a person is asked whether the nodes go all the same.
const DrainTime = provisioner.MostCommandTime

// Drain is nodes of a cluster that are to go once its scheduler has let them. They run, and are billed, meanwhile.
type Drain struct {
	ID      uuid.UUID
	Group   string
	Nodes   []string // by name
	Until   time.Time
	AskedAt *time.Time // since when a person is asked; nil: the command is to end well yet
	Problem string     // why a person is asked, in a sentence
}

const selectDrain = `
	SELECT d.id, d.group_name AS group, ARRAY(SELECT n.name FROM nodes n WHERE n.id = ANY (d.nodes) AND n.desired = 'running' ORDER BY n.name) AS nodes,
		d.until_at AS until, d.asked_at, d.problem
	FROM drains d`

// openDrain gives a cluster's, of which there is one at most; nil where there is none.
func openDrain(ctx context.Context, q store.Queryer, clusterID uuid.UUID) (*Drain, error) {
	rows, _ := q.Query(ctx, selectDrain+` WHERE d.cluster_id = $1 AND d.closed_at IS NULL`, clusterID)
	list, err := store.All(rows, "drains", pgx.RowToStructByName[Drain])
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// beginDrain writes down that nodes of a locked cluster are to go after the model's drain command.
func beginDrain(ctx context.Context, tx pgx.Tx, s scaling, group string, nodes []uuid.UUID, by uuid.UUID) error {
	id, err := store.NewID()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO drains (id, cluster_id, organization_id, person_id, group_name, nodes, created_at, until_at)
		VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp(), clock_timestamp() + $7::interval)`, id, s.ID, s.OrganizationID, by, group, nodes, DrainTime)
	if err != nil {
		return fmt.Errorf("drain nodes of cluster %s: %w", s.ID, err)
	}
	return nil
}

// closeDrain ends an open drain of a locked cluster, and has its nodes go where they are to.
func (c lockedCluster) closeDrain(ctx context.Context, tx pgx.Tx, id uuid.UUID, outcome string) error {
	var nodes []uuid.UUID
	err := tx.QueryRow(ctx, `
		UPDATE drains SET closed_at = now(), outcome = $3 WHERE id = $2 AND cluster_id = $1 AND closed_at IS NULL RETURNING nodes`, c.ID, id, outcome).Scan(&nodes)
	if err != nil {
		return fmt.Errorf("close drain %s: %w", id, err)
	}
	if outcome != drainGone {
		return nil
	}
	return c.remove(ctx, tx, nodes)
}

// The ends of a drain. One that is overtaken ended with what was wanted of its whole cluster.
const (
	drainGone = "gone"
	drainKept = "kept"
)

// DrainClaim is a drain whose command a worker is to give, or whose time is over.
type DrainClaim struct {
	ID        uuid.UUID
	ClusterID uuid.UUID
	Head      uuid.UUID // the node on which the command runs
	HeadState provisioner.NodeState
	Host      provisioner.HostAddress // that carries it
	Argv      []string                // the model's command and the nodes' names
	Left      time.Duration           // of its time
	Again     bool                    // it was given before, by a worker that did not see its end
}

// ClaimDrains takes up to n drains of clusters that are to run, each for as long as its command may take and ttl more. What a worker
// leaves unfinished is nobody's until then.
func (db *DB) ClaimDrains(ctx context.Context, worker string, n int, ttl time.Duration) ([]DrainClaim, error) {
	// SKIP LOCKED: workers that claim at once take different drains.
	rows, _ := db.pool.Query(ctx, `
		WITH due AS (
			SELECT d.id FROM drains d JOIN clusters c ON c.id = d.cluster_id
			WHERE d.closed_at IS NULL AND d.asked_at IS NULL AND c.desired = 'running'
				AND (d.claimed_until IS NULL OR d.claimed_until <= now() OR d.claimed_until > now() + interval '1 hour')
			ORDER BY d.created_at, d.id LIMIT $2 FOR NO KEY UPDATE OF d SKIP LOCKED),
		claimed AS (
			UPDATE drains d SET claimed_by = $1, claimed_until = greatest(d.until_at, now()) + $3::interval, begun_at = now() FROM due, drains was
			WHERE d.id = due.id AND was.id = d.id RETURNING d.id, d.cluster_id, d.nodes, d.until_at, was.begun_at IS NOT NULL AS again)
		SELECT d.id, d.cluster_id, head.id, head.state, `+hostAddress+`, v.document, greatest(d.until_at - now(), interval '0'), d.again,
			ARRAY(SELECT n.name FROM nodes n WHERE n.id = ANY (d.nodes) AND n.desired = 'running' ORDER BY n.name)
		FROM claimed d JOIN clusters c ON c.id = d.cluster_id JOIN model_versions v ON v.id = c.version_id
		JOIN nodes head ON head.cluster_id = c.id AND head.role = 'head' AND head.state <> 'gone' JOIN hosts h ON h.id = head.host_id`, worker, n, ttl)
	return store.All(rows, "drains", func(row pgx.CollectableRow) (c DrainClaim, err error) {
		var document []byte
		var names []string
		err = row.Scan(slices.Concat([]any{&c.ID, &c.ClusterID, &c.Head, &c.HeadState}, scanAddress(&c.Host), []any{&document, &c.Left, &c.Again, &names})...)
		if err != nil {
			return c, err
		}
		m, err := manifest.Read(document)
		c.Argv = slices.Concat(m.Commands.Drain, names)
		return c, err
	})
}

// ReleaseDrains gives back all drains that a worker has claimed, so that another gives their commands anew.
func (db *DB) ReleaseDrains(ctx context.Context, worker string) error {
	_, err := db.pool.Exec(ctx, `UPDATE drains SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = $1 AND closed_at IS NULL AND asked_at IS NULL`, worker)
	if err != nil {
		return fmt.Errorf("release drains: %w", err)
	}
	return nil
}
