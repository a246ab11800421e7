package store_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestListClusters(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Launch(t, "alpha", 2)
	ready := w.Launch(t, "beta", 0)
	w.Ready(t, ready)
	gone := w.Launch(t, "gone", 0)
	w.Exec(t, `UPDATE nodes SET state = 'gone' WHERE cluster_id = $1`, gone)
	w.Exec(t, `UPDATE clusters SET desired = 'gone', ended_at = now(), vni = NULL, subnet = NULL WHERE id = $1`, gone)
	for name, c := range map[string]struct {
		filter store.ClusterListFilter
		want   []string
	}{
		"all, the newest first": {store.ClusterListFilter{}, []string{"beta", "alpha"}},
		"gone":                  {store.ClusterListFilter{Gone: true}, []string{"gone"}},
		"ready":                 {store.ClusterListFilter{State: "ready"}, []string{"beta"}},
		"waiting":               {store.ClusterListFilter{State: "waiting"}, []string{"alpha"}},
		"by text":               {store.ClusterListFilter{Search: "LPH"}, []string{"alpha"}},
		"no wildcard":           {store.ClusterListFilter{Search: "%"}, nil},
		"on a pool":             {store.ClusterListFilter{Pool: w.PoolID}, []string{"beta", "alpha"}},
		"of another provider":   {store.ClusterListFilter{Provider: uuid.New()}, nil},
		"by name":               {store.ClusterListFilter{Sorting: store.Sorting{By: "name"}}, []string{"alpha", "beta"}},
		"most nodes first":      {store.ClusterListFilter{Sorting: store.Sorting{By: "nodes", Desc: true}}, []string{"alpha", "beta"}},
	} {
		l, err := w.DB.ListClusters(t.Context(), w.Organization, c.filter)
		var names []string
		for _, x := range l.Clusters {
			names = append(names, x.Name)
		}
		if err != nil || l.Total != len(c.want) || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q of %d, %v; want %q", name, names, l.Total, err, c.want)
		}
	}
	l, err := w.DB.ListClusters(t.Context(), w.Organization, store.ClusterListFilter{Page: store.Page{Limit: 1, Offset: 5}})
	if err != nil || len(l.Clusters) != 0 || l.Total != 2 {
		t.Errorf("behind the end: %d of %d, %v", len(l.Clusters), l.Total, err)
	}
	l, err = w.DB.ListClusters(t.Context(), w.Organization, store.ClusterListFilter{Page: store.Page{Limit: 1}})
	if err != nil || len(l.Clusters) != 1 || l.Total != 2 {
		t.Errorf("a full page: %d of %d, %v", len(l.Clusters), l.Total, err)
	}
	if l, err := w.DB.ListClusters(t.Context(), uuid.New(), store.ClusterListFilter{}); err != nil || l.Total != 0 || len(l.Clusters) != 0 {
		t.Errorf("another organization sees %d, %v", l.Total, err)
	}
}

func TestListModelClusters(t *testing.T) {
	w := storetest.NewWorld(t)
	if _, err := w.DB.CreateModelCluster(t.Context(), w.Organization, w.Person, "another"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		filter store.ModelClusterFilter
		want   []string
	}{
		"all, by name":        {store.ModelClusterFilter{}, []string{"another", "trial"}},
		"most versions first": {store.ModelClusterFilter{Sorting: store.Sorting{By: "versions", Desc: true}}, []string{"trial", "another"}},
		"by text":             {store.ModelClusterFilter{Search: "RIA"}, []string{"trial"}},
		"never tested":        {store.ModelClusterFilter{Test: "none"}, []string{"another", "trial"}},
		"passed":              {store.ModelClusterFilter{Test: "passed"}, nil},
	} {
		list, total, err := w.DB.ListModelClusters(t.Context(), w.Organization, c.filter)
		var names []string
		for _, x := range list {
			names = append(names, x.Name)
		}
		if err != nil || total != len(c.want) || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q of %d, %v; want %q", name, names, total, err, c.want)
		}
	}
	list, total, err := w.DB.ListModelClusters(t.Context(), w.Organization, store.ModelClusterFilter{Page: store.Page{Limit: 1, Offset: 9}})
	if err != nil || len(list) != 0 || total != 2 {
		t.Errorf("behind the end: %d of %d, %v", len(list), total, err)
	}
	list, _, err = w.DB.ListModelClusters(t.Context(), w.Organization, store.ModelClusterFilter{Search: "trial"})
	if err != nil || list[0].LatestVersion != "1.0" || list[0].LatestState != store.VersionStatePublished || list[0].Versions != 1 || list[0].LastTest != "" {
		t.Errorf("row %+v, %v", list, err)
	}
	if _, total, err := w.DB.ListModelClusters(t.Context(), uuid.New(), store.ModelClusterFilter{}); err != nil || total != 0 {
		t.Errorf("another organization sees %d, %v", total, err)
	}
}

func TestListVersions(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Publish(t, w.Organization, w.Model, w.Image, "0.9")
	for name, c := range map[string]struct {
		filter store.VersionFilter
		want   []string
	}{
		"the newest first": {store.VersionFilter{}, []string{"0.9", "1.0"}},
		"by version":       {store.VersionFilter{Sorting: store.Sorting{By: "version", Desc: true}}, []string{"1.0", "0.9"}},
		"drafts":           {store.VersionFilter{State: "draft"}, nil},
		"published":        {store.VersionFilter{State: "published"}, []string{"0.9", "1.0"}},
	} {
		list, total, err := w.DB.ListVersions(t.Context(), w.Organization, w.Model, c.filter)
		var names []string
		for _, x := range list {
			names = append(names, x.Version)
		}
		if err != nil || total != len(c.want) || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q of %d, %v; want %q", name, names, total, err, c.want)
		}
	}
	if _, total, err := w.DB.ListVersions(t.Context(), uuid.New(), w.Model, store.VersionFilter{}); err != nil || total != 0 {
		t.Errorf("another organization sees %d, %v", total, err)
	}
}

func TestListImages(t *testing.T) {
	w := storetest.NewWorld(t)
	other := w.AddImage(t, w.Organization, w.Person)
	w.Exec(t, `UPDATE images SET name = 'a.raw', size = 5000, state = 'refused' WHERE id = $1`, other)
	for name, c := range map[string]struct {
		filter store.ImageFilter
		size   int64
		want   []string
	}{
		"the newest first": {store.ImageFilter{}, 6000, []string{"a.raw", "sample.qcow2"}},
		"by size":          {store.ImageFilter{Sorting: store.Sorting{By: "size"}}, 6000, []string{"sample.qcow2", "a.raw"}},
		"refused":          {store.ImageFilter{State: "refused"}, 5000, []string{"a.raw"}},
		"by text":          {store.ImageFilter{Search: "SAMPLE"}, 1000, []string{"sample.qcow2"}},
		"no wildcard":      {store.ImageFilter{Search: "_"}, 0, nil},
	} {
		list, total, size, err := w.DB.ListImages(t.Context(), w.Organization, c.filter)
		var names []string
		for _, x := range list {
			names = append(names, x.Name)
		}
		if err != nil || total != len(c.want) || size != c.size || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q of %d with %d bytes, %v; want %q", name, names, total, size, err, c.want)
		}
	}
	if _, total, _, err := w.DB.ListImages(t.Context(), uuid.New(), store.ImageFilter{}); err != nil || total != 0 {
		t.Errorf("another organization sees %d, %v", total, err)
	}
}

func TestListUsageAndRuns(t *testing.T) {
	w := storetest.NewWorld(t)
	first, second := w.Launch(t, "first", 1), w.Launch(t, "second", 0)
	w.Ready(t, first)
	w.Exec(t, `UPDATE runs SET ended_at = started_at + interval '30 seconds'`) // an open run's end may grow
	w.Exec(t, `UPDATE clusters SET cost_centre = '4711' WHERE id = $1`, second)
	for name, c := range map[string]struct {
		filter store.UsageFilter
		want   []string
	}{
		"the newest first":  {store.UsageFilter{}, []string{"second", "first"}},
		"the most used":     {store.UsageFilter{Sorting: store.Sorting{By: "used", Desc: true}}, []string{"first", "second"}},
		"by nodes":          {store.UsageFilter{Sorting: store.Sorting{By: "nodes"}}, []string{"second", "first"}},
		"by a reference":    {store.UsageFilter{Search: "471"}, []string{"second"}},
		"at another":        {store.UsageFilter{Provider: uuid.New()}, nil},
		"behind everything": {store.UsageFilter{Search: "first", Page: store.Page{Offset: 7}}, nil},
	} {
		list, _, err := w.DB.ListUsage(t.Context(), w.Organization, c.filter)
		var names []string
		for _, x := range list {
			names = append(names, x.Name)
		}
		if err != nil || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q, %v; want %q", name, names, err, c.want)
		}
	}
	_, sum, err := w.DB.ListUsage(t.Context(), w.Organization, store.UsageFilter{})
	if err != nil || sum.Count != 2 || sum.Used != 60_000 || sum.SetAside != 3*3_600_000-60_000 {
		t.Errorf("sum %+v, %v", sum, err)
	}
	runs, all, err := w.DB.ListRuns(t.Context(), w.Organization, first, store.RunFilter{Sorting: store.Sorting{By: "node"}})
	if err != nil || all.Count != 2 || all.All != 60_000 || all.Used != 60_000 || len(runs) != 2 || runs[0].NodeName != "compute-001" {
		t.Errorf("%+v, %v: %+v", all, err, runs)
	}
	runs, head, err := w.DB.ListRuns(t.Context(), w.Organization, first, store.RunFilter{Node: "HEAD"})
	if err != nil || head.Count != 1 || head.All != 60_000 || head.Used != runs[0].Used || len(runs) != 1 || runs[0].NodeName != "head" {
		t.Errorf("of the head %+v, %v: %+v", head, err, runs)
	}
	if runs, none, err := w.DB.ListRuns(t.Context(), uuid.New(), first, store.RunFilter{}); err != nil || none != (store.RunSum{}) || len(runs) != 0 {
		t.Errorf("another organization sees %+v, %v", none, err)
	}
}

func TestVersionsOfImage(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Publish(t, w.Organization, w.Model, w.Image, "1.1")
	list := func(org, image uuid.UUID, f store.ImageVersionFilter) (versions []string, total int) {
		t.Helper()
		rows, total, err := w.DB.VersionsOfImage(t.Context(), org, image, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range rows {
			versions = append(versions, v.ModelName+" "+v.Version+" "+v.State)
		}
		return versions, total
	}
	if got, total := list(w.Organization, w.Image, store.ImageVersionFilter{Search: "RIA"}); !slices.Equal(got, []string{"trial 1.1 published", "trial 1.0 published"}) || total != 2 {
		t.Errorf("the versions that use an image: %q of %d", got, total)
	}
	if got, total := list(w.Organization, w.Image, store.ImageVersionFilter{Sorting: store.Sorting{By: "created"}, Page: store.Page{Limit: 1, Offset: 1}}); !slices.Equal(got, []string{"trial 1.1 published"}) || total != 2 {
		t.Errorf("the second page: %q of %d", got, total)
	}
	if got, total := list(w.Organization, w.Image, store.ImageVersionFilter{Search: "%"}); len(got) != 0 || total != 0 {
		t.Errorf("another name: %q of %d", got, total)
	}
	elsewhere := must[uuid.UUID](t)(w.DB.CreateOrganization(t.Context(), uuid.Nil, "Biology"))
	for name, ids := range map[string][2]uuid.UUID{"another organization": {elsewhere, w.Image}, "another image": {w.Organization, uuid.New()}} {
		if got, total := list(ids[0], ids[1], store.ImageVersionFilter{}); len(got) != 0 || total != 0 {
			t.Errorf("%s: %q of %d", name, got, total)
		}
	}
}
