package overview

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/placement"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/models"
)

// LaunchRequestRow is a launch that a member asked for.
type LaunchRequestRow struct {
	ID           uuid.UUID
	PersonID     uuid.UUID
	PersonName   string
	Start        bool   // of a stopped cluster, instead of a launch
	Extend       bool   // of a running one's lease, by LeaseSeconds
	Group        string // of a running one that is to have Count nodes of it; Extend, too, as it counts to the same cap
	Count        int
	Name         string // of the cluster
	VersionID    uuid.UUID
	ModelName    string
	Version      string
	PoolID       uuid.UUID
	PoolName     string
	ProviderID   uuid.UUID
	ProviderName string
	Nodes        int
	Counts       machines.Counts // of a launch: the compute nodes by group, under machines.OnlyGroup those of the only one
	LeaseSeconds int64
	Terms        machines.LeaseTerms // of a launch or a start
	store.References
	Need      billing.Hours // when it was asked
	State     string        // waiting, approved, declined, withdrawn
	Reason    string        // of a decline
	DecidedBy string        // name; empty while it waits
	DecidedAt *time.Time
	ClusterID *uuid.UUID // launched or started by it
	CreatedAt time.Time

	// Cap is the one that it counts to, while it waits and after it was approved; nil: none. It is Capped's: who asked, or who
	// started the cluster that is to be extended.
	Cap    *machines.Cap
	Capped string
	counts uuid.UUID
	begun  *time.Time // when the cluster that is to be extended was started
	over   bool       // that start is, so that no extension of it is approved any more

	// Of requests that wait, for whoever decides.
	Left billing.Hours // that the organization has at the provider
	When placement.When
	At   time.Time // of placement.WhenAt
	// Short is what keeps it from starting now.
	Short []placement.Short
}

// LaunchRequestFilter narrows an organization's requests.
type LaunchRequestFilter struct {
	Person        uuid.UUID // Nil: everyone's
	State         string    // empty: all
	Search        string    // in the names of cluster and person
	store.Sorting           // cluster, person, need, state, created; else those that wait first, then the newest
	store.Page
}

const selectRequests = `
	SELECT r.id, r.person_id, pe.name, r.form, m.name, v.version, r.pool_id, p.name, p.provider_id, pr.name, r.need, r.state,
		r.reason, coalesce(d.name, ''), r.decided_at, r.cluster_id, r.created_at,
		coalesce(s.id, pe.id), coalesce(s.name, pe.name), s.at, coalesce(s.over, false), count(*) OVER (), (sum(r.need) OVER ())::bigint
	FROM launch_requests r
	JOIN people pe ON pe.id = r.person_id
	JOIN pools p ON p.id = r.pool_id
	JOIN providers pr ON pr.id = p.provider_id
	JOIN model_versions v ON v.id = (r.form ->> 'version')::uuid
	JOIN model_clusters m ON m.id = v.model_cluster_id
	LEFT JOIN people d ON d.id = r.decided_by
	LEFT JOIN LATERAL (
		SELECT b.id, b.name, c.at, r.form ? 'start' AND k.start_count <> c.number AS over
		FROM cluster_starts c JOIN clusters k ON k.id = c.cluster_id JOIN people b ON b.id = c.person_id
		WHERE r.form ? 'extend' AND c.cluster_id = (r.form ->> 'cluster')::uuid
			AND coalesce(c.number = (r.form ->> 'start')::int, c.at <= r.created_at) ORDER BY c.number DESC LIMIT 1) s ON true`

const whereRequests = ` WHERE r.organization_id = $1 AND ($2::uuid IS NULL OR r.person_id = $2) AND ($3 = '' OR r.state = $3)
	AND (r.form ->> 'name' ILIKE $4 OR pe.name ILIKE $4)`

// LaunchRequests gives a page of an organization's requests, how many the filter leaves, and the hours they need.
// Requests that wait say what a decision rests on, read in a fixed number of queries.
func (db *DB) LaunchRequests(ctx context.Context, orgID uuid.UUID, f LaunchRequestFilter) (list []LaunchRequestRow, total int, need billing.Hours, err error) {
	order := store.Sortable{
		"cluster": "r.form ->> 'name'", "person": "pe.name", "need": "r.need", "state": "r.state", "created": "r.created_at",
	}.OrderBy(f.Sorting, "(r.state = 'waiting') DESC, r.created_at DESC, r.id")
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, selectRequests+whereRequests+order+` LIMIT $5 OFFSET $6`,
			orgID, store.OrNull(f.Person), f.State, store.Like(f.Search), f.Most(), f.Skip())
		if list, total, need, err = collectRequests(rows); err != nil {
			return err
		}
		if len(list) == 0 && f.Skip() > 0 {
			err := tx.QueryRow(ctx, `SELECT count(*), coalesce(sum(r.need), 0)::bigint FROM launch_requests r JOIN people pe ON pe.id = r.person_id`+whereRequests,
				orgID, store.OrNull(f.Person), f.State, store.Like(f.Search)).Scan(&total, &need)
			return store.Found(err, "requests")
		}
		return readGrounds(ctx, tx, orgID, list)
	})
	return list, total, need, err
}

// LaunchRequest finds one request; personID (Nil: anyone's) is whose it has to be.
func (db *DB) LaunchRequest(ctx context.Context, orgID, personID, id uuid.UUID) (r LaunchRequestRow, err error) {
	err = db.core.Snapshot(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, selectRequests+` WHERE r.organization_id = $1 AND ($2::uuid IS NULL OR r.person_id = $2) AND r.id = $3`,
			orgID, store.OrNull(personID), id)
		list, _, _, err := collectRequests(rows)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return refusal.NotFound("request")
		}
		err = readGrounds(ctx, tx, orgID, list)
		r = list[0]
		return err
	})
	return r, err
}

func collectRequests(rows pgx.Rows) (list []LaunchRequestRow, total int, need billing.Hours, err error) {
	list, err = store.All(rows, "requests", func(row pgx.CollectableRow) (r LaunchRequestRow, err error) {
		var form machines.RequestForm
		err = row.Scan(&r.ID, &r.PersonID, &r.PersonName, &form, &r.ModelName, &r.Version, &r.PoolID, &r.PoolName, &r.ProviderID,
			&r.ProviderName, &r.Need, &r.State, &r.Reason, &r.DecidedBy, &r.DecidedAt, &r.ClusterID, &r.CreatedAt,
			&r.counts, &r.Capped, &r.begun, &r.over, &total, &need)
		r.Start, r.Extend, r.Name, r.VersionID, r.Nodes, r.LeaseSeconds = form.Cluster != nil && !form.Extend, form.Extend, form.Name, form.Version, form.ComputeCount+1, form.LeaseSeconds
		r.Group, r.Count = form.Group, form.Count
		launch := form.Launch(r.PoolID)
		r.References, r.Counts, r.Terms = launch.References, launch.Counts, launch.Terms
		return r, err
	})
	return list, total, need, err
}

// readGrounds adds what a decision about waiting requests rests on: the cap, the hours left, and the room. Where a
// stopped cluster is to start its own hosts decide, which approving finds out.
func readGrounds(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, list []LaunchRequestRow) error {
	var pools, versions []uuid.UUID
	for _, r := range list {
		if r.State == "waiting" {
			pools, versions = append(pools, r.PoolID), append(versions, r.VersionID)
		}
	}
	caps, err := machines.ReadCaps(ctx, tx, orgID)
	if err != nil {
		return err
	}
	for i, r := range list {
		if c, has := caps[r.counts]; has && r.countsTo(c) {
			list[i].Cap = &c
		}
	}
	if len(pools) == 0 {
		return nil
	}
	owned, err := books.ReadOwned(ctx, tx, orgID)
	if err != nil {
		return err
	}
	m, err := readMarketPools(ctx, tx, pools)
	if err != nil {
		return err
	}
	needs, err := models.ReadVersions(ctx, tx, orgID, versions...)
	if err != nil {
		return err
	}
	for i := range list {
		r := &list[i]
		if r.State != "waiting" {
			continue
		}
		r.Left = owned[books.OwnedAt{ProviderID: r.ProviderID, PoolID: uuid.Nil}] + owned[books.OwnedAt{ProviderID: r.ProviderID, PoolID: r.PoolID}]
		if !r.Start && !r.Extend {
			r.When, r.At, r.Short = m.roomFor(*r, needs)
		}
	}
	return nil
}

// countsTo tells whether what is or was asked for counts to a cap: not what was started before it was set.
func (r LaunchRequestRow) countsTo(c machines.Cap) bool {
	switch {
	case r.State != "waiting" && r.State != "approved", r.State == "waiting" && r.over:
		return false
	case r.Extend:
		return r.begun != nil && !r.begun.Before(c.Since)
	}
	return r.State == "waiting" || !r.DecidedAt.Before(c.Since)
}

// roomFor says when a request's nodes have room; closed where its pool, its version or a shape large enough is gone.
func (r marketReading) roomFor(asked LaunchRequestRow, versions []models.Version) (placement.When, time.Time, []placement.Short) {
	at := slices.IndexFunc(versions, func(v models.Version) bool { return v.ID == asked.VersionID })
	for _, p := range r.Pools {
		if p.ID != asked.PoolID || at < 0 {
			continue
		}
		request, ok := r.request(p.ProviderID, versions[at], asked)
		if !ok {
			break
		}
		return r.room(p).earliest(request)
	}
	return placement.WhenClosed, time.Time{}, nil
}

// request is what the nodes take that are asked for; not ok where the provider has no shape large enough, or a group is gone.
func (r marketReading) request(providerID uuid.UUID, v models.Version, asked LaunchRequestRow) (request placement.Request, ok bool) {
	counts := asked.Counts.Of(v.Model)
	for i, g := range v.Groups {
		shape, ok := machines.Cheapest(r.Shapes[providerID], g.Shape)
		if !ok {
			return request, false
		}
		node := placement.Node{Size: shape.Size(), Image: machines.ImageOf(g)}
		if i == 0 {
			request.Head = node
			continue
		}
		request.Groups = append(request.Groups, placement.Group{Name: g.Name, Node: node, Count: counts[g.Name]})
	}
	return request, true
}
