package demo_test

import (
	"errors"
	"slices"
	"testing"

	"volary.dev/cmd/internal/demo"
	"volary.dev/store/storetest"
	"volary.dev/web/public"
)

func TestSeedTwiceMakesEverythingOnce(t *testing.T) {
	ctx := t.Context()
	pool := storetest.Pool(t)
	db := storetest.Open(t, pool)
	hosts, underlay := demo.SimulatedHosts()
	for range 2 {
		if err := demo.Seed(ctx, db, hosts, underlay); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM people`:        len(demo.People()),
		`SELECT count(*) FROM hosts`:         demo.Hosts,
		`SELECT count(*) FROM pools`:         2,
		`SELECT count(*) FROM lots`:          4, // two groups at two providers
		`SELECT count(*) FROM memberships`:   4,
		`SELECT count(*) FROM staff`:         3,
		`SELECT count(*) FROM organizations`: 2,
	} {
		var got int
		if err := pool.QueryRow(ctx, query).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
}

func TestSeedRefusesHostsThatMoved(t *testing.T) {
	db := storetest.New(t)
	hosts, underlay := demo.SimulatedHosts()
	if err := demo.Seed(t.Context(), db, hosts, underlay); err != nil {
		t.Fatal(err)
	}
	hosts[3].Address.Name = "elsewhere"
	if err := demo.Seed(t.Context(), db, hosts, underlay); !errors.Is(err, demo.ErrMoved) {
		t.Errorf("error %v, want %v", err, demo.ErrMoved)
	}
}

// TestSignInPageNamesPeopleThatExist holds the page's list to the demo's.
func TestSignInPageNamesPeopleThatExist(t *testing.T) {
	for _, u := range public.SeededUsers() {
		known := slices.ContainsFunc(demo.People(), func(p demo.Person) bool {
			return p.Email == u.Email && p.Name == u.Name && p.Does == u.Does
		})
		if !known || u.Password != demo.Password {
			t.Errorf("the sign-in page names %+v, and the demo has no such person or password", u)
		}
	}
}
