package machines_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func TestClusterStateIsTheSameInSQL(t *testing.T) {
	w := storetest.NewWorld(t)
	states := []provisioner.NodeState{"reserved", "starting", "ready", "pausing", "paused", "stopping", "stopped", "lost", "failed", "gone"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		want := []provisioner.Desired{provisioner.DesiredRunning, provisioner.DesiredPaused, provisioner.DesiredStopped, provisioner.DesiredGone}[r.IntN(4)]
		nodes := make([]provisioner.NodeState, r.IntN(4))
		for i := range nodes {
			nodes[i] = states[r.IntN(len(states))]
		}
		var got provisioner.ClusterState
		storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT cluster_state($1, $2)`, want, nodes).Scan(&got))
		if derived := provisioner.DeriveClusterState(want, nodes); got != derived {
			t.Fatalf("%s %v is %s in SQL and %s in Go", want, nodes, got, derived)
		}
	}
}

func TestProviderClusters(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	one, two := w.Launch(t, "one", 1), w.Launch(t, "two", 2)
	w.Ready(t, two)
	gone := w.Launch(t, "old", 0)
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, gone))
	storetest.NoError(t, w.DB.Machines.MarkClusterGone(ctx, gone))
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
