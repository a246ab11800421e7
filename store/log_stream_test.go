package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// The stream of a log gives each row once, the oldest first and in batches, goes on after any of its rows, and leaves out
// what is too young to be sure that nothing comes before it. It is read under the role of web.
func TestEachLogLine(t *testing.T) {
	w := storetest.NewWorld(t)
	web := storetest.OpenAs(t, w.Pool, store.RoleWeb)
	// 1200 rows, three at a time of the same instant: of the organization, of the provider, of nobody.
	w.Exec(t, `INSERT INTO audit (id, at, organization_id, provider_id, verb, subject, detail)
		SELECT gen_random_uuid(), now() - interval '1 hour' + (n / 3) * interval '1 second', CASE n % 3 WHEN 0 THEN $1::uuid END, CASE n % 3 WHEN 1 THEN $2::uuid END,
			'launch cluster', 'cluster', jsonb_build_object('n', n) FROM generate_series(0, 1199) n`, w.Organization, w.Provider)
	read := func(owner store.LogOwner, after uuid.UUID, from time.Time) (lines []store.LogLine, batches int) {
		storetest.NoError(t, web.Core.EachLogLine(t.Context(), owner, after, from,
			func(l store.LogLine) error { lines = append(lines, l); return nil }, func() error { batches++; return nil }))
		return lines, batches
	}
	all, batches := read(store.LogOwner{}, uuid.Nil, time.Time{})
	if len(all) != 1200 || batches != 3 {
		t.Fatalf("%d lines in %d batches", len(all), batches)
	}
	seen := map[uuid.UUID]bool{}
	for i, l := range all {
		if seen[l.ID] || i > 0 && l.At.Before(all[i-1].At) {
			t.Fatalf("line %d is given twice or out of order", i)
		}
		seen[l.ID] = true
	}
	for name, owner := range map[string]store.LogOwner{"organization": {Organization: w.Organization}, "provider": {Provider: w.Provider}} {
		own, _ := read(owner, uuid.Nil, time.Time{})
		if len(own) != 400 {
			t.Errorf("%s reads %d lines", name, len(own))
		}
		rest, _ := read(owner, own[149].ID, time.Time{})
		if len(rest) != 250 || rest[0].ID != own[150].ID {
			t.Errorf("%s goes on with %d lines", name, len(rest))
		}
		if late, _ := read(owner, own[0].ID, own[390].At); len(late) != 10 {
			t.Errorf("%s reads %d lines from the 391st's time", name, len(late))
		}
	}
	mine, _ := read(store.LogOwner{Organization: w.Organization}, uuid.Nil, time.Time{})
	if *mine[0].OrganizationName != "Astro" || mine[0].ProviderID != nil || string(mine[0].Detail) != `{"n": 0}` {
		t.Errorf("a line %+v", mine[0])
	}
	err := web.Core.EachLogLine(t.Context(), store.LogOwner{Provider: w.Provider}, mine[0].ID, time.Time{}, nil, nil)
	storetest.WantRefusal(t, err, "not_found") // another's row is no place to go on from
}

func TestPlatformLog(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	web := storetest.OpenAs(t, w.Pool, store.RoleWeb)
	storetest.NoError(t, w.DB.People.SetPlatformAdmin(ctx, uuid.Nil, w.Person, true)) // of neither
	w.Launch(t, "one", 0)
	for name, c := range map[string]struct {
		filter store.LogFilter
		verb   string
	}{
		"of nobody":    {store.LogFilter{Nowhere: true, Verb: "set platform admin"}, "set platform admin"},
		"organization": {store.LogFilter{Place: "astr", Verb: "launch cluster"}, "launch cluster"},
		"provider":     {store.LogFilter{Place: "NORTH", Verb: "launch cluster"}, "launch cluster"},
	} {
		if list, total, err := web.Core.PlatformLog(ctx, c.filter); err != nil || total != 1 || len(list) != 1 || list[0].Verb != c.verb {
			t.Errorf("%s: %d of %d, %v", name, len(list), total, err)
		}
	}
	if list, total, err := web.Core.PlatformLog(ctx, store.LogFilter{Nowhere: true, Verb: "launch cluster"}); err != nil || total != 0 || len(list) != 0 {
		t.Errorf("a launch is somewhere: %+v, %v", list, err)
	}
	if list, total, err := web.Core.PlatformLog(ctx, store.LogFilter{Place: "%"}); err != nil || total != 0 || len(list) != 0 {
		t.Errorf("no place is called %%: %+v, %v", list, err)
	}
}
