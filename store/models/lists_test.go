package models_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

func TestListModelClusters(t *testing.T) {
	w := storetest.NewWorld(t)
	if _, err := w.DB.Models.CreateModelCluster(t.Context(), w.Organization, w.Person, "another"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		filter models.ModelClusterFilter
		want   []string
	}{
		"all, by name":        {models.ModelClusterFilter{}, []string{"another", "trial"}},
		"most versions first": {models.ModelClusterFilter{Sorting: store.Sorting{By: "versions", Desc: true}}, []string{"trial", "another"}},
		"by text":             {models.ModelClusterFilter{Search: "RIA"}, []string{"trial"}},
		"never tested":        {models.ModelClusterFilter{Test: "none"}, []string{"another", "trial"}},
		"passed":              {models.ModelClusterFilter{Test: "passed"}, nil},
	} {
		list, total, err := w.DB.Models.ListModelClusters(t.Context(), w.Organization, c.filter)
		var names []string
		for _, x := range list {
			names = append(names, x.Name)
		}
		if err != nil || total != len(c.want) || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q of %d, %v; want %q", name, names, total, err, c.want)
		}
	}
	list, total, err := w.DB.Models.ListModelClusters(t.Context(), w.Organization, models.ModelClusterFilter{Page: store.Page{Limit: 1, Offset: 9}})
	if err != nil || len(list) != 0 || total != 2 {
		t.Errorf("behind the end: %d of %d, %v", len(list), total, err)
	}
	list, _, err = w.DB.Models.ListModelClusters(t.Context(), w.Organization, models.ModelClusterFilter{Search: "trial"})
	if err != nil || list[0].LatestVersion != "1.0" || list[0].LatestState != models.VersionStatePublished || list[0].Versions != 1 || list[0].LastTest != "" {
		t.Errorf("row %+v, %v", list, err)
	}
	if _, total, err := w.DB.Models.ListModelClusters(t.Context(), uuid.New(), models.ModelClusterFilter{}); err != nil || total != 0 {
		t.Errorf("another organization sees %d, %v", total, err)
	}
}

func TestListVersions(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Publish(t, w.Organization, w.Model, w.Image, "0.9")
	for name, c := range map[string]struct {
		filter models.VersionFilter
		want   []string
	}{
		"the newest first": {models.VersionFilter{}, []string{"0.9", "1.0"}},
		"by version":       {models.VersionFilter{Sorting: store.Sorting{By: "version", Desc: true}}, []string{"1.0", "0.9"}},
		"drafts":           {models.VersionFilter{State: "draft"}, nil},
		"published":        {models.VersionFilter{State: "published"}, []string{"0.9", "1.0"}},
	} {
		list, total, err := w.DB.Models.ListVersions(t.Context(), w.Organization, w.Model, c.filter)
		var names []string
		for _, x := range list {
			names = append(names, x.Version)
		}
		if err != nil || total != len(c.want) || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q of %d, %v; want %q", name, names, total, err, c.want)
		}
	}
	if _, total, err := w.DB.Models.ListVersions(t.Context(), uuid.New(), w.Model, models.VersionFilter{}); err != nil || total != 0 {
		t.Errorf("another organization sees %d, %v", total, err)
	}
}

func TestListImages(t *testing.T) {
	w := storetest.NewWorld(t)
	other := w.AddImage(t, w.Organization, w.Person)
	w.Exec(t, `UPDATE images SET name = 'a.raw', canonical_size = 5000 WHERE id = $1`, other)
	for name, c := range map[string]struct {
		filter models.ImageFilter
		size   int64
		want   []string
	}{
		"the newest first": {models.ImageFilter{}, 5900, []string{"a.raw", "sample.qcow2"}},
		"by size":          {models.ImageFilter{Sorting: store.Sorting{By: "size"}}, 5900, []string{"sample.qcow2", "a.raw"}},
		"by text":          {models.ImageFilter{Search: "SAMPLE"}, 900, []string{"sample.qcow2"}},
		"no wildcard":      {models.ImageFilter{Search: "_"}, 0, nil},
	} {
		list, total, size, err := w.DB.Models.ListImages(t.Context(), w.Organization, c.filter)
		var names []string
		for _, x := range list {
			names = append(names, x.Name)
		}
		if err != nil || total != len(c.want) || size != c.size || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q of %d with %d bytes, %v; want %q", name, names, total, size, err, c.want)
		}
	}
	if _, total, _, err := w.DB.Models.ListImages(t.Context(), uuid.New(), models.ImageFilter{}); err != nil || total != 0 {
		t.Errorf("another organization sees %d, %v", total, err)
	}
}

func TestVersionsOfImage(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Publish(t, w.Organization, w.Model, w.Image, "1.1")
	list := func(org, image uuid.UUID, f models.ImageVersionFilter) (versions []string, total int) {
		t.Helper()
		rows, total, err := w.DB.Models.VersionsOfImage(t.Context(), org, image, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range rows {
			versions = append(versions, v.ModelName+" "+v.Version+" "+v.State)
		}
		return versions, total
	}
	if got, total := list(w.Organization, w.Image, models.ImageVersionFilter{Search: "RIA"}); !slices.Equal(got, []string{"trial 1.1 published", "trial 1.0 published"}) || total != 2 {
		t.Errorf("the versions that use an image: %q of %d", got, total)
	}
	if got, total := list(w.Organization, w.Image, models.ImageVersionFilter{Sorting: store.Sorting{By: "created"}, Page: store.Page{Limit: 1, Offset: 1}}); !slices.Equal(got, []string{"trial 1.1 published"}) || total != 2 {
		t.Errorf("the second page: %q of %d", got, total)
	}
	if got, total := list(w.Organization, w.Image, models.ImageVersionFilter{Search: "%"}); len(got) != 0 || total != 0 {
		t.Errorf("another name: %q of %d", got, total)
	}
	elsewhere := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Biology"))
	for name, ids := range map[string][2]uuid.UUID{"another organization": {elsewhere, w.Image}, "another image": {w.Organization, uuid.New()}} {
		if got, total := list(ids[0], ids[1], models.ImageVersionFilter{}); len(got) != 0 || total != 0 {
			t.Errorf("%s: %q of %d", name, got, total)
		}
	}
}
