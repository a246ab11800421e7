package machines_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

func TestListClusters(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Launch(t, "alpha", 2)
	ready := w.Launch(t, "beta", 0)
	w.Ready(t, ready)
	gone := w.Launch(t, "gone", 0)
	w.Exec(t, `UPDATE nodes SET desired = 'gone', state = 'gone', image_id = NULL WHERE cluster_id = $1`, gone)
	w.Exec(t, `UPDATE clusters SET desired = 'gone', ended_at = now(), seed_secret = '', vni = NULL, subnet = NULL WHERE id = $1`, gone)
	for name, c := range map[string]struct {
		filter machines.ClusterListFilter
		want   []string
	}{
		"all, the newest first": {machines.ClusterListFilter{}, []string{"beta", "alpha"}},
		"gone":                  {machines.ClusterListFilter{Gone: true}, []string{"gone"}},
		"ready":                 {machines.ClusterListFilter{State: "ready"}, []string{"beta"}},
		"waiting":               {machines.ClusterListFilter{State: "waiting"}, []string{"alpha"}},
		"by text":               {machines.ClusterListFilter{Search: "LPH"}, []string{"alpha"}},
		"no wildcard":           {machines.ClusterListFilter{Search: "%"}, nil},
		"on a pool":             {machines.ClusterListFilter{Pool: w.PoolID}, []string{"beta", "alpha"}},
		"of another provider":   {machines.ClusterListFilter{Provider: uuid.New()}, nil},
		"by name":               {machines.ClusterListFilter{Sorting: store.Sorting{By: "name"}}, []string{"alpha", "beta"}},
		"most nodes first":      {machines.ClusterListFilter{Sorting: store.Sorting{By: "nodes", Desc: true}}, []string{"alpha", "beta"}},
	} {
		l, err := w.DB.Machines.ListClusters(t.Context(), w.Organization, c.filter)
		var names []string
		for _, x := range l.Clusters {
			names = append(names, x.Name)
		}
		if err != nil || l.Total != len(c.want) || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q of %d, %v; want %q", name, names, l.Total, err, c.want)
		}
	}
	l, err := w.DB.Machines.ListClusters(t.Context(), w.Organization, machines.ClusterListFilter{Page: store.Page{Limit: 1, Offset: 5}})
	if err != nil || len(l.Clusters) != 0 || l.Total != 2 {
		t.Errorf("behind the end: %d of %d, %v", len(l.Clusters), l.Total, err)
	}
	l, err = w.DB.Machines.ListClusters(t.Context(), w.Organization, machines.ClusterListFilter{Page: store.Page{Limit: 1}})
	if err != nil || len(l.Clusters) != 1 || l.Total != 2 {
		t.Errorf("a full page: %d of %d, %v", len(l.Clusters), l.Total, err)
	}
	if l, err := w.DB.Machines.ListClusters(t.Context(), uuid.New(), machines.ClusterListFilter{}); err != nil || l.Total != 0 || len(l.Clusters) != 0 {
		t.Errorf("another organization sees %d, %v", l.Total, err)
	}
}
