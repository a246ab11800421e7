package page

import (
	"slices"
	"testing"

	"volary.dev/handlers/request"
	"volary.dev/store"
)

func TestRows(t *testing.T) {
	type row struct {
		name string
		size int
	}
	rows := []row{{"chem", 1}, {"Astro", 2}, {"bio", 2}}
	by := map[string]func(a, b row) int{"size": By(func(r row) int { return r.size }), "name": By(func(r row) string { return r.name })}
	for name, c := range map[string]struct {
		typed string
		list  request.List
		want  []string
		total int
	}{
		"as they are":           {"", request.List{}, []string{"chem", "Astro", "bio"}, 3},
		"by an unknown key":     {"", request.List{Sorting: store.Sorting{By: "colour", Desc: true}}, []string{"chem", "Astro", "bio"}, 3},
		"by size, else as is":   {"", request.List{Sorting: store.Sorting{By: "size"}}, []string{"chem", "Astro", "bio"}, 3},
		"the greatest first":    {"", request.List{Sorting: store.Sorting{By: "size", Desc: true}}, []string{"Astro", "bio", "chem"}, 3},
		"by name":               {"", request.List{Sorting: store.Sorting{By: "name"}}, []string{"Astro", "bio", "chem"}, 3},
		"found":                 {" AS ", request.List{}, []string{"Astro"}, 1},
		"nothing is a wildcard": {"%", request.List{}, nil, 0},
		"the last":              {"", request.List{From: 2}, []string{"bio"}, 3},
		"behind the end":        {"", request.List{From: 9}, nil, 3},
	} {
		shown, total := Rows(rows, c.list, func(r row) bool { return Finds(c.typed, r.name) }, by)
		var got []string
		for _, x := range shown {
			got = append(got, x.name)
		}
		if total != c.total || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q of %d, want %q of %d", name, got, total, c.want, c.total)
		}
	}
	if rows[0].name != "chem" {
		t.Error("the rows themselves are ordered anew")
	}
	many := make([]row, request.RowsPerPage+5)
	if shown, total := Rows(many, request.List{}, func(row) bool { return true }, by); len(shown) != request.RowsPerPage || total != len(many) {
		t.Errorf("a page has %d of %d", len(shown), total)
	}
}
