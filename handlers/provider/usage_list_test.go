package provider

import (
	"fmt"
	"slices"
	"testing"

	"volary.dev/handlers/request"
	"volary.dev/store"
	web "volary.dev/web/provider"
)

func TestNarrowUse(t *testing.T) {
	line := func(name string, clusters, runs int, used, cost int64) organizationUse {
		return organizationUse{web.OrganizationUsage{Name: name, Clusters: clusters, Runs: runs, UsedMCS: used}, cost}
	}
	list := func(by string, desc bool, from int) request.List {
		return request.List{Sorting: store.Sorting{By: by, Desc: desc}, From: from}
	}
	for name, c := range map[string]struct {
		search string
		list   request.List
		want   []string
		total  int
	}{
		"by name":             {"", list("", false, 0), []string{"Astro", "Bio", "Chem"}, 3},
		"by name, backwards":  {"", list("name", true, 0), []string{"Chem", "Bio", "Astro"}, 3},
		"by clusters":         {"", list("clusters", false, 0), []string{"Bio", "Astro", "Chem"}, 3},
		"most runs":           {"", list("runs", true, 0), []string{"Chem", "Astro", "Bio"}, 3},
		"most used":           {"", list("used", true, 0), []string{"Bio", "Astro", "Chem"}, 3},
		"by cost, then name":  {"", list("cost", false, 0), []string{"Astro", "Chem", "Bio"}, 3},
		"one of them":         {" BI ", list("", false, 0), []string{"Bio"}, 1},
		"none":                {"%", list("", false, 0), nil, 0},
		"the last":            {"", list("", false, 2), []string{"Chem"}, 3},
		"from behind the end": {"", list("", false, 50), nil, 3},
	} {
		lines := []organizationUse{line("Chem", 3, 9, 10, 0), line("Astro", 2, 4, 30, 0), line("Bio", 1, 1, 40, 5)}
		shown, total := narrowUse(lines, c.search, c.list)
		var got []string
		for _, x := range shown {
			got = append(got, x.Name)
		}
		if total != c.total || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q of %d, want %q of %d", name, got, total, c.want, c.total)
		}
	}
	var many []organizationUse
	for n := range request.RowsPerPage + 5 {
		many = append(many, line(fmt.Sprintf("%03d", n), 0, 0, 0, 0))
	}
	if shown, total := narrowUse(many, "", list("", false, 0)); len(shown) != request.RowsPerPage || total != len(many) {
		t.Errorf("a page has %d of %d", len(shown), total)
	}
}
