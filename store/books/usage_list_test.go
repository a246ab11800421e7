package books_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/storetest"
)

func TestListUsageAndRuns(t *testing.T) {
	w := storetest.NewWorld(t)
	first, second := w.Launch(t, "first", 1), w.Launch(t, "second", 0)
	w.Ready(t, first)
	w.Exec(t, `UPDATE runs SET ended_at = started_at + interval '30 seconds', proven_at = started_at + interval '31 seconds', proofs = proofs + 6`) // as rounds do
	w.Exec(t, `UPDATE clusters SET cost_centre = '4711' WHERE id = $1`, second)
	for name, c := range map[string]struct {
		filter books.UsageFilter
		want   []string
	}{
		"the newest first":  {books.UsageFilter{}, []string{"second", "first"}},
		"the most used":     {books.UsageFilter{Sorting: store.Sorting{By: "used", Desc: true}}, []string{"first", "second"}},
		"by nodes":          {books.UsageFilter{Sorting: store.Sorting{By: "nodes"}}, []string{"second", "first"}},
		"by a reference":    {books.UsageFilter{Search: "471"}, []string{"second"}},
		"at another":        {books.UsageFilter{Provider: uuid.New()}, nil},
		"behind everything": {books.UsageFilter{Search: "first", Page: store.Page{Offset: 7}}, nil},
	} {
		list, _, err := w.DB.Books.ListUsage(t.Context(), w.Organization, c.filter)
		var names []string
		for _, x := range list {
			names = append(names, x.Name)
		}
		if err != nil || !slices.Equal(names, c.want) {
			t.Errorf("%s: %q, %v; want %q", name, names, err, c.want)
		}
	}
	_, sum, err := w.DB.Books.ListUsage(t.Context(), w.Organization, books.UsageFilter{})
	if err != nil || sum.Count != 2 || sum.Used != 60_000 || sum.SetAside != 3*3_600_000-60_000 {
		t.Errorf("sum %+v, %v", sum, err)
	}
	runs, all, err := w.DB.Books.ListRuns(t.Context(), w.Organization, first, books.RunFilter{Sorting: store.Sorting{By: "node"}})
	if err != nil || all.Count != 2 || all.All != 60_000 || all.Used != 60_000 || len(runs) != 2 || runs[0].NodeName != "compute-001" {
		t.Errorf("%+v, %v: %+v", all, err, runs)
	}
	runs, head, err := w.DB.Books.ListRuns(t.Context(), w.Organization, first, books.RunFilter{Node: "HEAD"})
	if err != nil || head.Count != 1 || head.All != 60_000 || head.Used != runs[0].Used || len(runs) != 1 || runs[0].NodeName != "head" {
		t.Errorf("of the head %+v, %v: %+v", head, err, runs)
	}
	if runs, none, err := w.DB.Books.ListRuns(t.Context(), uuid.New(), first, books.RunFilter{}); err != nil || none != (books.RunSum{}) || len(runs) != 0 {
		t.Errorf("another organization sees %+v, %v", none, err)
	}
}
