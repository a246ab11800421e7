package handlers_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"volary.dev/handlers/handlertest"
)

// TestOthersPagesTellNothing opens every page that has no id in its address as people of another organization and of
// another provider: no id and no word of what belongs to the first stands there. It fails for a list that forgot whose it is. The first sees
// each word on such a page, and none can come of chance: codes and keys have neither signs like these nor so long words.
func TestOthersPagesTellNothing(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	worldPaths(a, w)
	a.Furnish(w)
	organization, provider := idsOf(t, a, "organization_id", w.Organization.String()), idsOf(t, a, "provider_id", w.North.String())
	words := []string{"@first.example", "First Group", "sample.qcow2", ">trial", ">first<", ">asked<", handlertest.PurchaseOrder, handlertest.CostCentre}
	colleagues := []string{"@north.example", "Cooling is repaired"}
	for _, c := range []struct {
		as      string
		areas   []string
		secrets []string
	}{
		{handlertest.OtherOwner, []string{"/org", "/account"}, slices.Concat(organization, words, colleagues)},
		{handlertest.OtherAdmin, []string{"/provider", "/account"}, slices.Concat(organization, provider, words, colleagues)},
	} {
		pages := pagesWithoutIDs(a, c.as, c.areas...)
		for path, body := range pages {
			for _, secret := range c.secrets {
				if strings.Contains(body, secret) {
					t.Errorf("%s tells %s of %q", path, c.as, secret)
				}
			}
		}
		if len(pages) < 20 {
			t.Errorf("%s opened %d pages alone", c.as, len(pages))
		}
	}
	own := slices.Collect(maps.Values(pagesWithoutIDs(a, handlertest.Owner, "/org")))
	for _, word := range words {
		if !slices.ContainsFunc(own, func(body string) bool { return strings.Contains(body, word) }) {
			t.Errorf("no page tells the first's own owner of %q: nobody could be told of it", word)
		}
	}
}

// pagesWithoutIDs opens every page of some areas that has no id in its address, and gives the bodies of those that open.
func pagesWithoutIDs(a *handlertest.App, as string, areas ...string) map[string]string {
	b, pages := a.SignIn(as), map[string]string{}
	for _, r := range a.Routes() {
		path, get := strings.CutPrefix(r, "GET ")
		if !get || strings.ContainsAny(path, ":*") || strings.HasSuffix(path, "/events") || !slices.ContainsFunc(areas, func(area string) bool { return strings.HasPrefix(path, area) }) {
			continue
		}
		for _, path := range []string{path, path + "?gone=1"} {
			if got := b.Get(path); got.Status == http.StatusOK {
				pages[path] = got.Body
			}
		}
	}
	return pages
}

// idsOf are the ids of all rows that name an owner in that column.
func idsOf(t *testing.T, a *handlertest.App, column, owner string) []string {
	t.Helper()
	rows, err := a.Pool.Query(t.Context(), `
		SELECT o.table_name FROM information_schema.columns o JOIN information_schema.columns i USING (table_schema, table_name)
		 WHERE o.table_schema = 'public' AND o.column_name = $1 AND i.column_name = 'id' AND i.data_type = 'uuid'`, column)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, table := range tables {
		rows, err := a.Pool.Query(t.Context(), `SELECT id::text FROM `+pgx.Identifier{table}.Sanitize()+` WHERE `+column+` = $1`, owner)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ids...)
	}
	if len(all) < 10 {
		t.Fatalf("%d rows have the %s %s: too little to be secret", len(all), column, owner)
	}
	return all
}
