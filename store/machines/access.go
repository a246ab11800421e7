package machines

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner"
	"volary.dev/store"
)

// AccessClaim is a running node that does not have the latest of who may sign in to it, claimed for one try.
type AccessClaim struct {
	NodeID    uuid.UUID
	ClusterID uuid.UUID
	Name      string
	StartID   string
	Tries     int      // in vain, before
	Problem   string   // that the last try met
	Taken     []string // fingerprints of keys that are out already, in this start of the machine
	Host      provisioner.HostAddress
}

// ClaimAccess takes up to n such nodes for ttl, either those whose last try met a problem or the others, so that the first do not stand in the way of these: those whose cluster is to run and that are ready, whose rights changed since they were
// told, or whose machine was started since. What met a problem is tried again in its time, and five seconds after the last try
// where something else is wanted by now: however often rights change, a guest is not asked more often.
func (db *DB) ClaimAccess(ctx context.Context, worker string, again bool, n int, ttl time.Duration) (list []AccessClaim, err error) {
	if !again {
		if err := db.followNodes(ctx); err != nil {
			return nil, err
		}
	}
	// SKIP LOCKED: workers that claim at once take different nodes.
	rows, _ := db.pool.Query(ctx, `
		WITH due AS (
			SELECT a.node_id FROM node_access a
			JOIN nodes n ON n.id = a.node_id
			JOIN clusters c ON c.id = a.cluster_id
			LEFT JOIN access_changes g ON g.organization_id = a.organization_id
			WHERE (a.tries > 0) = $4 AND n.state = 'ready' AND c.desired = 'running' AND n.start_id <> ''
				AND (a.generation < coalesce(g.generation, 0) OR a.start_id <> n.start_id)
				AND (a.claimed_until IS NULL OR a.claimed_until <= now() OR a.claimed_until > now() + interval '1 hour')
				AND (a.retry_at IS NULL OR a.retry_at <= now()
					OR a.tried_at < now() - interval '5 seconds' AND (a.tried_generation, a.tried_start_id) <> (coalesce(g.generation, 0), n.start_id))
			ORDER BY a.tried_at NULLS FIRST, a.node_id LIMIT $2 FOR NO KEY UPDATE OF a SKIP LOCKED),
		claimed AS (
			UPDATE node_access a SET claimed_by = $1, claimed_until = now() + $3::interval FROM due WHERE a.node_id = due.node_id
			RETURNING a.node_id, a.cluster_id, a.start_id, a.tries, a.problem, a.taken)
		SELECT a.node_id, a.cluster_id, n.name, n.start_id, a.tries, a.problem, CASE WHEN a.start_id = n.start_id THEN a.taken ELSE '{}' END, `+hostAddress+`
		FROM claimed a JOIN nodes n ON n.id = a.node_id JOIN hosts h ON h.id = n.host_id ORDER BY a.cluster_id, n.name`, worker, n, ttl, again)
	return store.All(rows, "nodes to be told", func(row pgx.CollectableRow) (c AccessClaim, err error) {
		err = row.Scan(slices.Concat([]any{&c.NodeID, &c.ClusterID, &c.Name, &c.StartID, &c.Tries, &c.Problem, &c.Taken}, scanAddress(&c.Host))...)
		return c, err
	})
}

// followNodes begins a row for each node that became ready.
func (db *DB) followNodes(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO node_access (node_id, cluster_id, organization_id)
		SELECT n.id, n.cluster_id, n.organization_id FROM nodes n JOIN clusters c ON c.id = n.cluster_id
		WHERE n.state = 'ready' AND c.kind = 'cluster' AND NOT EXISTS (SELECT FROM node_access a WHERE a.node_id = n.id)
		ON CONFLICT DO NOTHING`)
	if err != nil {
		return fmt.Errorf("begin to follow nodes' access: %w", err)
	}
	return nil
}

// accounts tells of a version v whether it asks for members' logins: a document is canonical, and this is its first name. It is asked
// with every key that opens something, and documents may be long.
const accounts = `starts_with(v.document, '{"accounts":true,')`

// ClusterAccess is who may sign in to a cluster's nodes, as of one change.
type ClusterAccess struct {
	Generation int64
	Start      int
	Accounts   bool
	Keys       []AccessKey // of its present start's seed
	Logins     []provisioner.Login
}

// AccessKey is a key of a seed, and whether its right ended.
type AccessKey struct {
	Fingerprint string
	PublicKey   string
	Ended       bool
}

// ReadAccess reads what a cluster's nodes are to be told.
func (db *DB) ReadAccess(ctx context.Context, clusterID uuid.UUID) (a ClusterAccess, err error) {
	// One snapshot: a right that is newer than the change's number would count as told of.
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		var organization uuid.UUID
		err := tx.QueryRow(ctx, `
			SELECT c.organization_id, c.start_count, `+accounts+`, coalesce((SELECT generation FROM access_changes g WHERE g.organization_id = c.organization_id), 0)
			FROM clusters c JOIN model_versions v ON v.id = c.version_id WHERE c.id = $1`, clusterID).Scan(&organization, &a.Start, &a.Accounts, &a.Generation)
		if err != nil {
			return store.Found(err, "cluster")
		}
		rows, _ := tx.Query(ctx, `
			SELECT k.fingerprint, k.public_key,
				NOT EXISTS (SELECT FROM rightful_keys r WHERE r.organization_id = $2 AND r.fingerprint = k.fingerprint) AS ended
			FROM cluster_keys k WHERE k.cluster_id = $1 AND k.start = $3 ORDER BY k.position`, clusterID, organization, a.Start)
		if a.Keys, err = store.All(rows, "keys of a seed", pgx.RowToStructByName[AccessKey]); err != nil || !a.Accounts {
			return err
		}
		a.Logins, err = readLogins(ctx, tx, organization)
		return err
	})
	return a, err
}

// readLogins are those of an organization's people who have a key and may work with its machines now, each with the newest keys first.
// Owners and managers become root by sudo; others have what the image gives a user.
func readLogins(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) ([]provisioner.Login, error) {
	rows, _ := tx.Query(ctx, `
		SELECT l.login AS name, l.uid, bool_or(r.role IN ('owner', 'manager')) AS sudo, array_agg(r.public_key ORDER BY r.key_id DESC) AS keys
		FROM rightful_keys r JOIN logins l ON l.organization_id = r.organization_id AND l.person_id = r.person_id
		WHERE r.organization_id = $1 GROUP BY l.login, l.uid ORDER BY l.uid LIMIT $2`, orgID, mostLogins)
	return store.All(rows, "logins", pgx.RowToStructByNameLax[provisioner.Login])
}

// mostLogins is how many a node is given. The first who came have them.
const mostLogins = 1000
