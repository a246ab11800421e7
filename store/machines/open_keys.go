package machines

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner"
	"volary.dev/store"
)

// OpenKey is an SSH key that nodes of a cluster that runs now were given at their start, and of how many of them it was taken out since.
type OpenKey struct {
	ClusterID        uuid.UUID
	ClusterName      string
	OrganizationName string
	PersonName       string // empty where nobody knows any more
	KeyName          string
	Fingerprint      string
	Ended            KeyEnd
	Nodes, Taken     int        // that run, and those of them that gave it up in this start, by their agents' word
	TakenAt          *time.Time // the last time of the latter; nil where there is none
	Logins           bool       // the cluster's members have logins with their keys of now, beside what nodes got at their start
}

// Opens tells whether there is a node that the key opens still.
func (k OpenKey) Opens() bool { return k.Taken < k.Nodes || k.Logins && k.Ended == "" }

// KeyEnd is why a key that still opens a cluster is left out at its next start.
type KeyEnd string

// Why a key's right ended; empty where it did not.
const (
	KeyOwnerLeft      KeyEnd = "left"      // the person is no member any more
	KeyOwnerDemoted   KeyEnd = "demoted"   // the person has a role that does not work with clusters
	KeyOwnerSuspended KeyEnd = "suspended" // the person's account is
	KeyDeleted        KeyEnd = "deleted"   // the person removed the key
)

// mostOpenKeys is how many a page lists.
const mostOpenKeys = 500

// UntoldNode is a running node that does not have the latest of who may sign in to it, and why.
type UntoldNode struct {
	ClusterID   uuid.UUID
	ClusterName string
	Name        string
	State       provisioner.NodeState
	Problem     string     // as AccessOutcome has it; empty: it is its turn, or was not tried yet
	Since       *time.Time // when the problem was first met
	Next        *time.Time // when it is tried again
}

// mostUntold is how many a page lists.
const mostUntold = 100

// untoldNodes are of clusters that have something to be told: keys whose right ended since their start, or logins.
const untoldNodes = `
	SELECT c.id AS cluster_id, c.name AS cluster_name, n.name, n.state, coalesce(a.problem, '') AS problem, a.problem_since AS since, a.retry_at AS next
	FROM nodes n JOIN clusters c ON c.id = n.cluster_id
	LEFT JOIN node_access a ON a.node_id = n.id
	LEFT JOIN access_changes g ON g.organization_id = c.organization_id
	WHERE ` + runsNow + ` AND c.kind = 'cluster' AND c.ended_at IS NULL
		AND (a.node_id IS NULL OR a.generation < coalesce(g.generation, 0) OR a.start_id <> n.start_id)
		AND c.organization_id = $1 AND c.id = ANY($2)
	ORDER BY c.name, n.role = 'head' DESC, n.name LIMIT $3`

// UntoldNodes lists those of clusters that were found by EndedKeys, at most mostUntold.
func (db *DB) UntoldNodes(ctx context.Context, orgID uuid.UUID, keys []OpenKey) ([]UntoldNode, error) {
	return readUntold(ctx, db.pool, orgID, keys)
}

func readUntold(ctx context.Context, q store.Queryer, orgID uuid.UUID, keys []OpenKey, more ...uuid.UUID) ([]UntoldNode, error) {
	clusters := append([]uuid.UUID{}, more...)
	for _, k := range keys {
		if k.Opens() && !slices.Contains(clusters, k.ClusterID) {
			clusters = append(clusters, k.ClusterID)
		}
	}
	if len(clusters) == 0 {
		return nil, nil
	}
	rows, _ := q.Query(ctx, untoldNodes, orgID, clusters, mostUntold)
	return store.All(rows, "nodes to be told", pgx.RowToStructByName[UntoldNode])
}

// openKeys are the keys that nodes have which run: those of a stopped cluster open nothing. A key that somebody else with
// a right has as well has not ended.
const openKeys = `
	WITH open AS (
		SELECT c.id AS cluster_id, c.name AS cluster_name, o.name AS organization_name, coalesce(p.name, '') AS person_name,
			k.name AS key_name, k.fingerprint, k.person_id, k.position, c.organization_id,
			` + accounts + ` AS logins, CASE
				WHEN EXISTS (SELECT FROM ssh_keys s JOIN people p ON p.id = s.person_id JOIN memberships m ON m.person_id = p.id
					WHERE s.fingerprint = k.fingerprint AND m.organization_id = c.organization_id AND ` + opens + `) THEN ''
				WHEN k.person_id IS NULL THEN 'deleted'
				WHEN m.role IS NULL THEN 'left'
				WHEN NOT (` + works + `) THEN 'demoted'
				WHEN p.suspended_at IS NOT NULL THEN 'suspended'
				ELSE 'deleted' END AS ended
		FROM clusters c
		JOIN organizations o ON o.id = c.organization_id
		JOIN model_versions v ON v.id = c.version_id
		JOIN cluster_keys k ON k.cluster_id = c.id AND k.start = c.start_count
		LEFT JOIN people p ON p.id = k.person_id
		LEFT JOIN memberships m ON m.person_id = k.person_id AND m.organization_id = c.organization_id
		WHERE c.kind = 'cluster' AND c.ended_at IS NULL
			AND EXISTS (SELECT FROM nodes n WHERE n.cluster_id = c.id AND ` + runsNow + `)),
	listed AS (SELECT * FROM open`

// runsNow is which nodes n have a machine that may let somebody in.
const runsNow = `n.state IN ('starting', 'ready', 'pausing', 'paused', 'stopping', 'lost')`

// takenOut counts after the limit: the keys that were taken out of a cluster's nodes are added up once for all of its rows.
const takenOut = ` ORDER BY person_name, cluster_name, position LIMIT $2),
	run AS (SELECT n.cluster_id, n.id, n.start_id FROM nodes n WHERE ` + runsNow + ` AND n.cluster_id IN (SELECT cluster_id FROM listed)),
	outs AS (SELECT r.cluster_id, f.fingerprint, count(*)::int AS nodes, max(a.done_at) AS at
		FROM run r JOIN node_access a ON a.node_id = r.id AND a.start_id = r.start_id CROSS JOIN unnest(a.taken) AS f (fingerprint) GROUP BY 1, 2)
	SELECT l.cluster_id, l.cluster_name, l.organization_name, l.person_name, l.key_name, l.fingerprint, l.ended, l.logins,
		(SELECT count(*)::int FROM run r WHERE r.cluster_id = l.cluster_id) AS nodes, coalesce(t.nodes, 0) AS taken, t.at AS taken_at
	FROM listed l LEFT JOIN outs t ON t.cluster_id = l.cluster_id AND t.fingerprint = l.fingerprint
	ORDER BY l.person_name, l.cluster_name, l.position`

// EndedKeys lists the keys of running clusters of the organization whose right ended, by person; at most mostOpenKeys of them. Those
// that are taken out of all nodes are among them until the cluster stops.
func (db *DB) EndedKeys(ctx context.Context, orgID uuid.UUID) ([]OpenKey, error) {
	rows, _ := db.pool.Query(ctx, openKeys+` WHERE organization_id = $1 AND ended <> ''`+takenOut, orgID, mostOpenKeys)
	return store.All(rows, "SSH keys", pgx.RowToStructByName[OpenKey])
}

// KeysOpening lists where a person's keys open running clusters, those that the person removed among them.
func (db *DB) KeysOpening(ctx context.Context, personID uuid.UUID) ([]OpenKey, error) {
	rows, _ := db.pool.Query(ctx, openKeys+` WHERE person_id = $1`+takenOut, personID, mostOpenKeys)
	return store.All(rows, "SSH keys", pgx.RowToStructByName[OpenKey])
}

// endedKeys is EndedKeys of one cluster.
func endedKeys(ctx context.Context, q store.Queryer, clusterID uuid.UUID) ([]OpenKey, error) {
	rows, _ := q.Query(ctx, openKeys+` WHERE cluster_id = $1 AND ended <> ''`+takenOut, clusterID, mostOpenKeys)
	return store.All(rows, "SSH keys", pgx.RowToStructByName[OpenKey])
}

// AbsentLogin is a member's login that some nodes could not make, as their image has another user of that name.
type AbsentLogin struct {
	Login string
	Nodes int
}

// readAccess finds out what a cluster's nodes have of the rights of now. It comes after readFacts.
func (d *ClusterDetail) readAccess(ctx context.Context, tx pgx.Tx) (err error) {
	if d.Test {
		return nil
	}
	if d.EndedKeys, err = endedKeys(ctx, tx, d.ID); err != nil {
		return err
	}
	var follows []uuid.UUID
	if d.Model.Accounts {
		follows = append(follows, d.ID)
	}
	if d.Untold, err = readUntold(ctx, tx, d.OrganizationID, d.EndedKeys, follows...); err != nil || !d.Model.Accounts {
		return err
	}
	rows, _ := tx.Query(ctx, `
		SELECT l.login, count(*)::int AS nodes FROM nodes n JOIN node_access a ON a.node_id = n.id AND a.start_id = n.start_id
		CROSS JOIN unnest(a.absent) AS l (login) WHERE n.cluster_id = $1 AND `+runsNow+` GROUP BY l.login ORDER BY l.login LIMIT $2`, d.ID, mostUntold)
	d.AbsentLogins, err = store.All(rows, "logins that are not there", pgx.RowToStructByName[AbsentLogin])
	return err
}
