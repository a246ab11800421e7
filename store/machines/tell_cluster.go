package machines

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// told is what mails say of a cluster, whatever they tell.
type toldCluster struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	Kind           string
	Name           string
	Provider       string
	Support        string
	LaunchedBy     uuid.UUID
	StartedBy      *uuid.UUID // of the present start
	Nodes          int
	LeaseEndsAt    *time.Time
	Until          *time.Time // its disks are kept, or a pause lasts
}

const selectTold = `
	SELECT c.id, c.organization_id, c.kind, c.name, p.name AS provider, p.support_contact AS support, c.person_id AS launched_by,
		(SELECT person_id FROM cluster_starts s WHERE s.cluster_id = c.id AND s.number = c.start_count) AS started_by,
		(SELECT count(*) FROM nodes n WHERE n.cluster_id = c.id AND n.state <> 'gone')::int AS nodes,
		c.lease_ends_at, coalesce(c.disks_until, c.paused_until) AS until
	FROM clusters c JOIN providers p ON p.id = c.provider_id`

// readTold reads clusters for mails; those of acceptance tests are left out: their tests are told of.
func readTold(ctx context.Context, tx pgx.Tx, ids []uuid.UUID) ([]toldCluster, error) {
	rows, _ := tx.Query(ctx, selectTold+` WHERE c.id = ANY ($1) AND c.kind = 'cluster' ORDER BY c.id`, ids)
	return store.All(rows, "clusters of mails", pgx.RowToStructByName[toldCluster])
}

func (c toldCluster) happening(kind store.MailKind, mark string, data map[string]string) store.Happening {
	all := map[string]string{"cluster": c.Name, "provider": c.Provider, "path": clusterPath(c.ID)}
	for k, v := range data {
		all[k] = v
	}
	h := store.Happening{Place: c.OrganizationID, Subject: c.ID, Mark: mark, Whose: c.LaunchedBy, Kind: kind, Data: all}
	if c.StartedBy != nil {
		h.Also = *c.StartedBy
	}
	return h
}

func clusterPath(id uuid.UUID) string { return "/org/clusters/" + id.String() }

// startMark tells one start of a cluster from the next.
func (c lockedCluster) startMark() string { return "start " + strconv.Itoa(c.StartCount) }

// changeMark tells one change of what is wanted of a cluster from the next.
func (c lockedCluster) changeMark() string {
	return "generation " + strconv.FormatInt(c.Generation, 10)
}

// tellReady tells that a cluster is ready, once for each start.
func (db *DB) tellReady(ctx context.Context, tx pgx.Tx, c lockedCluster) error {
	list, err := readTold(ctx, tx, []uuid.UUID{c.ID})
	if err != nil || len(list) == 0 {
		return err
	}
	t := list[0]
	data := map[string]string{"nodes": refusal.Plural(t.Nodes, "node", "nodes")}
	if t.LeaseEndsAt != nil {
		data["until"] = store.MailTime(*t.LeaseEndsAt)
	}
	return db.core.Tell(ctx, tx, store.EventClusterReady, t.happening(store.MailClusterReady, c.startMark(), data))
}

// tellFailed tells that a start did not succeed.
func (db *DB) tellFailed(ctx context.Context, tx pgx.Tx, c lockedCluster, want provisioner.Desired, reason provisioner.Reason, detail string) error {
	list, err := readTold(ctx, tx, []uuid.UUID{c.ID})
	if err != nil || len(list) == 0 {
		return err
	}
	data := map[string]string{"reason": becauseOf(reason, detail)}
	if want == provisioner.DesiredStopped {
		data["kept"] = "yes"
	}
	return db.core.Tell(ctx, tx, store.EventClusterFailed, list[0].happening(store.MailClusterFailed, c.startMark(), data))
}

// ending is how a cluster came to its end, or a stopped one to its deletion.
type ending struct {
	By     uuid.UUID // Nil: nobody; else a member, who knows
	Want   provisioner.Desired
	Reason provisioner.Reason
	Detail string
	Grace  time.Duration // after which its disks are deleted; 0: they are kept
}

// tellEnded tells that a cluster is stopped or deleted, and why. What was stopped before and goes at its time was told then.
func (db *DB) tellEnded(ctx context.Context, tx pgx.Tx, c lockedCluster, e ending) error {
	if c.Kind != "cluster" || e.By == uuid.Nil && c.Desired == provisioner.DesiredStopped {
		return nil
	}
	list, err := readTold(ctx, tx, []uuid.UUID{c.ID})
	if err != nil || len(list) == 0 {
		return err
	}
	data := map[string]string{"reason": becauseOf(e.Reason, e.Detail)}
	if e.By != uuid.Nil {
		var name string
		if err := tx.QueryRow(ctx, `SELECT name FROM people WHERE id = $1`, e.By).Scan(&name); err != nil {
			return fmt.Errorf("read who ended cluster %s: %w", c.ID, err)
		}
		data["by"] = name
	}
	if e.Want == provisioner.DesiredGone {
		data["deleted"] = "yes"
	} else if e.Grace > 0 {
		data["grace"] = refusal.Plural(int(e.Grace.Hours()), "hour", "hours")
	}
	h := list[0].happening(store.MailClusterOver, c.changeMark(), data)
	h.By = e.By
	return db.core.Tell(ctx, tx, store.EventClusterEnded, h)
}

// tellNodesLost tells of nodes of clusters that are to run which are lost, or off. Those of one cluster come together.
func (db *DB) tellNodesLost(ctx context.Context, tx pgx.Tx, nodes []uuid.UUID) error {
	if len(nodes) == 0 {
		return nil
	}
	type lostNode struct {
		ID, ClusterID uuid.UUID
		Name, Host    string
		Reason        provisioner.Reason
		ReasonDetail  string
		StateAt       time.Time
	}
	rows, _ := tx.Query(ctx, `
		SELECT n.id, n.cluster_id, n.name, h.name AS host, n.reason, n.reason_detail, n.state_at
		FROM nodes n JOIN hosts h ON h.id = n.host_id JOIN clusters c ON c.id = n.cluster_id
		WHERE n.id = ANY ($1) AND n.state IN ('lost', 'stopped') AND n.desired = 'running' AND c.desired = 'running' AND c.kind = 'cluster' ORDER BY n.name`, nodes)
	list, err := store.All(rows, "lost nodes", pgx.RowToStructByName[lostNode])
	if err != nil || len(list) == 0 {
		return err
	}
	var ids []uuid.UUID
	for _, n := range list {
		ids = append(ids, n.ClusterID)
	}
	clusters, err := readTold(ctx, tx, ids)
	if err != nil {
		return err
	}
	of := map[uuid.UUID]toldCluster{}
	for _, c := range clusters {
		of[c.ID] = c
	}
	var happened []store.Happening
	for _, n := range list {
		h := of[n.ClusterID].happening(store.MailNodesLost, strconv.FormatInt(n.StateAt.UnixMicro(), 10), map[string]string{
			"line": fmt.Sprintf("%s on %s, at %s: %s", n.Name, n.Host, store.MailTime(n.StateAt), becauseOf(n.Reason, n.ReasonDetail)),
		})
		h.Subject, h.Group = n.ID, n.ClusterID
		happened = append(happened, h)
	}
	return db.core.Tell(ctx, tx, store.EventNodesLost, happened...)
}

// mostDetail bounds what a mail says of a cause, in letters: guests and hosts have their words in it.
const mostDetail = 300

// becauseOf is a reason with its detail.
func becauseOf(r provisioner.Reason, detail string) string {
	text := provisioner.ReasonText(r)
	if detail == "" {
		return text
	}
	if letters := []rune(detail); len(letters) > mostDetail {
		detail = string(letters[:mostDetail]) + "…"
	}
	if text == "" {
		return detail
	}
	return text + ": " + detail
}

// TellLeaseEnds tells of leases that are over soon: a day before, an hour before, and, where the lease is shorter than two
// hours, ten minutes before; of a lease that is not at least twice as long as the notice nothing is told. One that ends
// at another time, since it was extended or its cluster was paused, is told of anew. It returns of how many it told.
func (db *DB) TellLeaseEnds(ctx context.Context) (count int, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			INSERT INTO told (event, subject_id, mark, at)
			SELECT $1, c.id, s.step || ' ' || extract(epoch FROM c.lease_ends_at)::bigint, now()
			FROM clusters c CROSS JOIN LATERAL (
				SELECT min(step) AS step FROM unnest(ARRAY[600, 3600, 86400]) AS step
				WHERE c.lease_ends_at <= now() + make_interval(secs => step)
					AND CASE step WHEN 600 THEN c.lease_seconds BETWEEN 1200 AND 7199 ELSE c.lease_seconds >= 2 * step END) s
			WHERE c.ended_at IS NULL AND c.lease_ends_at > now() AND c.lease_ends_at <= now() + interval '1 day'
				AND c.desired = 'running' AND c.kind = 'cluster' AND s.step IS NOT NULL
			ON CONFLICT DO NOTHING RETURNING subject_id`, store.EventLeaseEnds)
		ids, err := store.All(rows, "leases that end", pgx.RowTo[uuid.UUID])
		if err != nil || len(ids) == 0 {
			return err
		}
		count = len(ids)
		clusters, err := readTold(ctx, tx, ids)
		if err != nil {
			return err
		}
		var now time.Time
		if err := tx.QueryRow(ctx, `SELECT now()`).Scan(&now); err != nil {
			return err
		}
		var happened []store.Happening
		for _, c := range clusters {
			left := c.LeaseEndsAt.Sub(now)
			happened = append(happened, c.happening(store.MailLeaseEnds, noticeOf(left)+" "+strconv.FormatInt(c.LeaseEndsAt.Unix(), 10), map[string]string{
				"until": store.MailTime(*c.LeaseEndsAt), "left": leftWords(left), "grace": refusal.Plural(int(LeaseGrace.Hours()), "hour", "hours"),
			}))
		}
		return db.core.Tell(ctx, tx, store.EventLeaseEnds, happened...)
	})
	if err != nil {
		return 0, fmt.Errorf("tell of leases: %w", err)
	}
	return count, nil
}

// noticeOf is which of the three notices a lease gets that ends in left.
func noticeOf(left time.Duration) string {
	switch {
	case left <= 10*time.Minute:
		return "600"
	case left <= time.Hour:
		return "3600"
	default:
		return "86400"
	}
}

// leftWords says how long that is, in hours from two on and in minutes below.
func leftWords(left time.Duration) string {
	if left < 2*time.Hour {
		return refusal.Plural(max(int(left.Round(time.Minute).Minutes()), 1), "minute", "minutes")
	}
	return refusal.Plural(int(left.Round(time.Hour).Hours()), "hour", "hours")
}
