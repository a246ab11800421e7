package machines

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// Task is one line of a cluster's task log: a deed of the log, or a step that nodes came to at one time and for one
// reason. Either Verb or Step is set.
type Task struct {
	At           time.Time
	Since        *time.Time // when that began which ended with it; nil: nothing did
	Verb         string     // as in the log
	PersonName   string     // who did it; empty: nobody, or a step
	Detail       map[string]any
	Step         provisioner.NodeStep
	Reason       provisioner.Reason
	ReasonDetail string
	Nodes        []string // of a step: the first taskNames of them, the head first
	NodeCount    int
	Hosts        []string // of a step: the first taskNames of them
	HostCount    int
}

// taskNames is how many nodes and hosts a task names.
const taskNames = 3

// Tasks gives a page of what happened to one of the organization's clusters, the latest first, and how many tasks there
// are. What is said by a deed alone is not said again by its nodes: all of them ready, and nodes that end because somebody
// ended the cluster. Another organization's cluster has none.
func (db *DB) Tasks(ctx context.Context, orgID, clusterID uuid.UUID, p store.Page) (list []Task, total int, err error) {
	rows, _ := db.pool.Query(ctx, `
		WITH deeds AS MATERIALIZED (
			SELECT a.id, a.at, a.verb, coalesce(pe.name, '') AS person, a.detail, c.created_at
			FROM clusters c JOIN audit a ON a.subject_id = c.id AND a.subject = 'cluster' AND a.organization_id = c.organization_id
			LEFT JOIN people pe ON pe.id = a.person_id
			WHERE c.organization_id = $1 AND c.id = $2),
		steps AS (
			SELECT s.at, s.step, s.reason, s.reason_detail, max(s.id) AS number, min(s.since) AS since,
				(array_agg(n.name ORDER BY n.role = 'head' DESC, n.name))[1:$3] AS nodes, count(*)::int AS node_count,
				(array_agg(DISTINCT h.name ORDER BY h.name))[1:$3] AS hosts, count(DISTINCT s.host_id)::int AS host_count
			FROM node_steps s JOIN nodes n ON n.id = s.node_id JOIN hosts h ON h.id = s.host_id
			WHERE n.organization_id = $1 AND s.cluster_id = $2
				AND NOT EXISTS (SELECT FROM deeds d WHERE d.at = s.at AND (s.step = 'stopping' OR s.step = 'ready' AND d.verb = 'cluster ready'))
			GROUP BY s.at, s.step, s.reason, s.reason_detail),
		tasks AS (
			SELECT d.at, CASE WHEN d.verb = 'cluster ready' THEN 2 ELSE 0 END AS rank, 0::bigint AS number, d.id,
				CASE WHEN d.verb = 'cluster ready' THEN
					coalesce((SELECT max(b.at) FROM deeds b WHERE b.verb IN ('launch cluster', 'start cluster') AND b.at <= d.at), d.created_at) END AS since,
				d.verb, d.person, d.detail, '' AS step, '' AS reason, '' AS reason_detail,
				'{}'::text[] AS nodes, 0 AS node_count, '{}'::text[] AS hosts, 0 AS host_count
			FROM deeds d
			UNION ALL
			SELECT s.at, 1, s.number, NULL,
				CASE WHEN s.step = 'gone' THEN
					coalesce(s.since, (SELECT max(b.at) FROM deeds b WHERE b.verb IN ('delete cluster', 'end lease', 'fail cluster') AND b.at <= s.at))
				ELSE s.since END,
				'', '', '{}', s.step, s.reason, s.reason_detail, s.nodes, s.node_count, s.hosts, s.host_count
			FROM steps s)
		SELECT at, since, verb, person, detail, step, reason, reason_detail, nodes, node_count, hosts, host_count, count(*) OVER ()
		FROM tasks ORDER BY at DESC, rank DESC, number DESC, id DESC LIMIT $4 OFFSET $5`, orgID, clusterID, taskNames, p.Most(), p.Skip())
	list, err = store.All(rows, "tasks", func(row pgx.CollectableRow) (t Task, err error) {
		err = row.Scan(&t.At, &t.Since, &t.Verb, &t.PersonName, &t.Detail, &t.Step, &t.Reason, &t.ReasonDetail, &t.Nodes, &t.NodeCount,
			&t.Hosts, &t.HostCount, &total)
		return t, err
	})
	return list, total, err
}
