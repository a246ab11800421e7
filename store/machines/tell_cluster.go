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
	LeaseStays     string // why it did not extend itself
	AtEnd          AtEnd
	KeepDays       int
	KeptUntil      *time.Time // after its lease
	Until          *time.Time // its disks are kept, or a pause lasts
}

const selectTold = `
	SELECT c.id, c.organization_id, c.kind, c.name, p.name AS provider, p.support_contact AS support, c.person_id AS launched_by,
		(SELECT person_id FROM cluster_starts s WHERE s.cluster_id = c.id AND s.number = c.start_count) AS started_by,
		(SELECT count(*) FROM nodes n WHERE n.cluster_id = c.id AND n.state <> 'gone')::int AS nodes,
		c.lease_ends_at, c.lease_stays, c.at_end, c.keep_days, c.kept_until, coalesce(c.disks_until, c.paused_until) AS until
	FROM clusters c JOIN providers p ON p.id = c.provider_id`

// readTold reads clusters for mails; those of acceptance tests are left out: their tests are told of.
func readTold(ctx context.Context, tx pgx.Tx, ids []uuid.UUID) ([]toldCluster, error) {
	rows, _ := tx.Query(ctx, selectTold+` WHERE c.id = ANY ($1) AND c.kind = 'cluster' ORDER BY c.id`, ids)
	return store.All(rows, "clusters of mails", pgx.RowToStructByName[toldCluster])
}

// keep is for how long the disks are kept after the lease.
func (c toldCluster) keep() string { return refusal.Plural(c.KeepDays, "day", "days") }

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
	} else if k := list[0].KeptUntil; k != nil {
		data["grace"], data["until"] = list[0].keep(), store.MailTime(*k)
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
