package store

import "testing"

func TestSortableTakesOnlyItsOwnKeys(t *testing.T) {
	s := Sortable{"name": "o.name", "used": "u.used"}
	for _, c := range []struct {
		by   Sorting
		want string
	}{
		{Sorting{}, " ORDER BY o.id"},
		{Sorting{By: "name"}, " ORDER BY o.name ASC NULLS LAST, o.id"},
		{Sorting{By: "used", Desc: true}, " ORDER BY u.used DESC NULLS LAST, o.id"},
		{Sorting{By: "o.name; DROP TABLE people"}, " ORDER BY o.id"},
	} {
		if got := s.OrderBy(c.by, "o.id"); got != c.want {
			t.Errorf("%+v: %q, want %q", c.by, got, c.want)
		}
	}
}

func TestLikeTakesNoWildcards(t *testing.T) {
	if got, want := Like(` 50%_\ `), `%50\%\_\\%`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
