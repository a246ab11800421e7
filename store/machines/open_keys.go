package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/store"
)

// OpenKey is an SSH key that opens the nodes of a cluster that runs now, for they were given it at their start.
type OpenKey struct {
	ClusterID        uuid.UUID
	ClusterName      string
	OrganizationName string
	PersonName       string // empty where nobody knows any more
	KeyName          string
	Fingerprint      string
	Ended            KeyEnd
}

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

// openKeys are the keys that nodes have which run: those of a stopped cluster open nothing. A key that somebody else with
// a right has as well has not ended.
const openKeys = `
	WITH open AS (
		SELECT c.id AS cluster_id, c.name AS cluster_name, o.name AS organization_name, coalesce(p.name, '') AS person_name,
			k.name AS key_name, k.fingerprint, k.person_id, k.position, c.organization_id, CASE
				WHEN EXISTS (SELECT FROM ssh_keys s JOIN people p ON p.id = s.person_id JOIN memberships m ON m.person_id = p.id
					WHERE s.fingerprint = k.fingerprint AND m.organization_id = c.organization_id AND ` + opens + `) THEN ''
				WHEN k.person_id IS NULL THEN 'deleted'
				WHEN m.role IS NULL THEN 'left'
				WHEN NOT (` + works + `) THEN 'demoted'
				WHEN p.suspended_at IS NOT NULL THEN 'suspended'
				ELSE 'deleted' END AS ended
		FROM clusters c
		JOIN organizations o ON o.id = c.organization_id
		JOIN cluster_keys k ON k.cluster_id = c.id AND k.start = c.start_count
		LEFT JOIN people p ON p.id = k.person_id
		LEFT JOIN memberships m ON m.person_id = k.person_id AND m.organization_id = c.organization_id
		WHERE c.kind = 'cluster' AND c.ended_at IS NULL
			AND EXISTS (SELECT FROM nodes n WHERE n.cluster_id = c.id AND n.state IN ('starting', 'ready', 'pausing', 'paused', 'stopping', 'lost')))
	SELECT cluster_id, cluster_name, organization_name, person_name, key_name, fingerprint, ended FROM open`

const inOrder = ` ORDER BY person_name, cluster_name, position LIMIT $2`

// EndedKeys lists the keys that open running clusters of the organization though their right ended, by person; at most
// mostOpenKeys of them.
func (db *DB) EndedKeys(ctx context.Context, orgID uuid.UUID) ([]OpenKey, error) {
	rows, _ := db.pool.Query(ctx, openKeys+` WHERE organization_id = $1 AND ended <> ''`+inOrder, orgID, mostOpenKeys)
	return store.All(rows, "SSH keys", pgx.RowToStructByName[OpenKey])
}

// KeysOpening lists where a person's keys open running clusters, those that the person removed among them.
func (db *DB) KeysOpening(ctx context.Context, personID uuid.UUID) ([]OpenKey, error) {
	rows, _ := db.pool.Query(ctx, openKeys+` WHERE person_id = $1`+inOrder, personID, mostOpenKeys)
	return store.All(rows, "SSH keys", pgx.RowToStructByName[OpenKey])
}

// endedKeys is EndedKeys of one cluster.
func endedKeys(ctx context.Context, q store.Queryer, clusterID uuid.UUID) ([]OpenKey, error) {
	rows, _ := q.Query(ctx, openKeys+` WHERE cluster_id = $1 AND ended <> ''`+inOrder, clusterID, mostOpenKeys)
	return store.All(rows, "SSH keys", pgx.RowToStructByName[OpenKey])
}
