package machines_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// TestClusterStateIsTheSameInSQL compares both rules for every set of up to three different nodes, whatever is wanted of each and
// whatever its state, paused or not. That is every case there is: each line of the rule asks whether there is a node of a kind, or
// whether all of a kind are of another, and three nodes make any two such answers differ.
func TestClusterStateIsTheSameInSQL(t *testing.T) {
	w := storetest.NewWorld(t)
	var all []provisioner.NodeStanding
	for _, want := range []provisioner.Desired{provisioner.DesiredRunning, provisioner.DesiredStopped, provisioner.DesiredGone} {
		for _, state := range []provisioner.NodeState{"reserved", "starting", "ready", "pausing", "paused", "stopping", "stopped", "lost", "failed", "gone"} {
			all = append(all, provisioner.NodeStanding{Desired: want, State: state})
		}
	}
	rows, err := w.Pool.Query(t.Context(), `
		WITH kinds AS (SELECT i, ($1::text[])[i + 1] AS want, ($2::text[])[i + 1] AS state FROM generate_series(0, cardinality($1::text[]) - 1) AS i),
		sets AS (SELECT ARRAY[]::int[] AS s UNION ALL SELECT ARRAY[a.i] FROM kinds a UNION ALL SELECT ARRAY[a.i, b.i] FROM kinds a JOIN kinds b ON b.i > a.i
			UNION ALL SELECT ARRAY[a.i, b.i, c.i] FROM kinds a JOIN kinds b ON b.i > a.i JOIN kinds c ON c.i > b.i)
		SELECT p.paused, s.s, cluster_state(p.paused, (SELECT array_agg(want) FROM kinds WHERE i = ANY (s.s)), (SELECT array_agg(state) FROM kinds WHERE i = ANY (s.s)))
		FROM sets s CROSS JOIN (VALUES (false), (true)) AS p (paused)`, wants(all), states(all))
	storetest.NoError(t, err)
	var paused bool
	var set []int
	var got provisioner.ClusterState
	count, seen := 0, map[provisioner.ClusterState]bool{}
	_, err = pgx.ForEachRow(rows, []any{&paused, &set, &got}, func() error {
		nodes := make([]provisioner.NodeStanding, len(set))
		for i, k := range set {
			nodes[i] = all[k]
		}
		if derived := provisioner.DeriveClusterState(paused, nodes); got != derived {
			t.Errorf("paused %t, %v is %s in SQL and %s in Go", paused, nodes, got, derived)
		}
		count++
		seen[got] = true
		return nil
	})
	storetest.NoError(t, err)
	if sets := 2 * (1 + 30 + 435 + 4060); count != sets || len(seen) != 9 {
		t.Errorf("%d sets compared, %d expected; states %v", count, sets, seen)
	}
}

func wants(nodes []provisioner.NodeStanding) (list []provisioner.Desired) {
	for _, n := range nodes {
		list = append(list, n.Desired)
	}
	return list
}

func states(nodes []provisioner.NodeStanding) (list []provisioner.NodeState) {
	for _, n := range nodes {
		list = append(list, n.State)
	}
	return list
}

func TestProviderClusters(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	one, two := w.Launch(t, "one", 1), w.Launch(t, "two", 2)
	w.Ready(t, two)
	gone := w.Launch(t, "old", 0)
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, gone))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, gone))
	for name, c := range map[string]struct {
		filter machines.ProviderClusterFilter
		first  uuid.UUID
		total  int
	}{
		"now":          {machines.ProviderClusterFilter{}, two, 2},
		"ready":        {machines.ProviderClusterFilter{State: "ready"}, two, 1},
		"waiting":      {machines.ProviderClusterFilter{State: "waiting"}, one, 1},
		"gone":         {machines.ProviderClusterFilter{State: "gone"}, gone, 1},
		"name":         {machines.ProviderClusterFilter{Search: "ON"}, one, 1},
		"tests":        {machines.ProviderClusterFilter{Kind: "test"}, uuid.Nil, 0},
		"pool":         {machines.ProviderClusterFilter{Pool: w.PoolID}, two, 2},
		"organization": {machines.ProviderClusterFilter{Organization: uuid.New()}, uuid.Nil, 0},
		"sorted":       {machines.ProviderClusterFilter{Sorting: store.Sorting{By: "nodes"}}, one, 2},
	} {
		list, total, _, err := w.DB.Machines.ProviderClusters(ctx, w.Provider, c.filter)
		if err != nil || total != c.total || len(list) != c.total || len(list) > 0 && list[0].ID != c.first {
			t.Errorf("%s: %d of %d, %v", name, len(list), total, err)
		}
	}
	d := storetest.Must[machines.ClusterDetail](t)(w.DB.Machines.ProviderCluster(ctx, w.Provider, two))
	if d.Name != "two" || len(d.NodeRows) != 3 || d.PersonName != "Ada" {
		t.Errorf("cluster %+v", d)
	}
	_, err := w.DB.Machines.ProviderCluster(ctx, uuid.New(), two)
	storetest.WantRefusal(t, err, "not_found")
}

func TestProviderOrganizations(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Biology"))
	storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Nobody"))
	w.Grant(t, other, 5*billing.ComputeHour)
	w.Launch(t, "one", 1)
	list, total, sum, err := w.DB.Overview.ProviderOrganizations(ctx, w.Provider, time.Now(), overview.OrganizationFilter{})
	if err != nil || total != 2 || len(list) != 2 || list[0].Name != "Astro" || list[0].Clusters != 1 || list[0].SetAside != 2*billing.ComputeHour || list[0].Left != 98*billing.ComputeHour ||
		sum.Left != 103*billing.ComputeHour || sum.Clusters != 1 {
		t.Errorf("organizations %+v, sum %+v, %v", list, sum, err)
	}
	list, total, _, err = w.DB.Overview.ProviderOrganizations(ctx, w.Provider, time.Now(), overview.OrganizationFilter{Search: "bio", Sorting: store.Sorting{By: "left"}})
	if err != nil || total != 1 || list[0].ID != other {
		t.Errorf("searched %+v, %v", list, err)
	}
	if one := storetest.Must[overview.ProviderOrganization](t)(w.DB.Overview.ProviderOrganization(ctx, w.Provider, other, time.Now())); one.Bought != 5*billing.ComputeHour {
		t.Errorf("one %+v", one)
	}
	south := storetest.Must[uuid.UUID](t)(w.DB.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "South", Currency: "USD", AccountingZone: "America/New_York"}))
	_, err = w.DB.Overview.ProviderOrganization(ctx, south, other, time.Now())
	storetest.WantRefusal(t, err, "not_found")
	names := storetest.Must[[]overview.OrganizationName](t)(w.DB.Overview.OrganizationNames(ctx, w.Provider))
	if len(names) != 2 {
		t.Errorf("names %+v", names)
	}
	now := time.Date(2026, 3, 31, 22, 30, 0, 0, time.UTC) // April in Berlin
	months := storetest.Must[[]overview.MonthUse](t)(w.DB.Overview.MonthlyUse(ctx, w.Provider, uuid.Nil, 3, now))
	if len(months) != 3 || months[0].Month != "2026-02" || months[2].Month != "2026-04" {
		t.Errorf("months %+v", months)
	}
}
