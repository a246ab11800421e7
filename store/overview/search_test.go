package overview_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store/books"
	"volary.dev/store/overview"
	"volary.dev/store/storetest"
)

// found names what a search found: "cluster trial-1".
func found(t *testing.T, hits []overview.Hits, err error) (names []string) {
	t.Helper()
	storetest.NoError(t, err)
	for _, h := range hits {
		for _, row := range h.Rows {
			names = append(names, string(h.Kind)+" "+row.Name)
		}
	}
	return names
}

func TestSearch(t *testing.T) {
	w := storetest.NewWorld(t)
	all, staff := overview.OrganizationSearch{Work: true, Papers: true}, overview.ProviderSearch{Hosts: true, Papers: true, Staff: true}
	cluster := w.Launch(t, "trial-1", 2)
	_, err := w.DB.Models.CreateModelCluster(t.Context(), w.Organization, w.Person, "Éclair")
	storetest.NoError(t, err)
	org := func(typed string, may overview.OrganizationSearch) []string {
		hits, err := w.DB.Overview.SearchOrganization(t.Context(), w.Organization, may, typed)
		return found(t, hits, err)
	}
	for _, c := range []struct {
		typed string
		may   overview.OrganizationSearch
		want  []string
	}{
		{"TRIAL", all, []string{"cluster trial-1", "model cluster trial"}},
		{"  e\u0301CLAIR ", all, []string{"model cluster Éclair"}}, // the other spelling
		{cluster.String(), all, []string{"cluster trial-1"}},
		{strings.ToUpper(cluster.String()), all, []string{"cluster trial-1"}},
		{"ada@", all, []string{"person Ada"}},
		{"ada", overview.OrganizationSearch{}, []string{"person Ada"}},
		{"trial", overview.OrganizationSearch{Papers: true}, nil},
		{"100%", all, nil},
		{"_", all, nil},
		{"", all, nil},
		{"   ", all, nil},
	} {
		if got := org(c.typed, c.may); !slices.Equal(got, c.want) {
			t.Errorf("%q finds %q, want %q", c.typed, got, c.want)
		}
	}
	other := uuid.Must(uuid.NewV7())
	w.Exec(t, `INSERT INTO organizations (id, name, created_at) VALUES ($1, 'Others', now())`, other)
	hits, err := w.DB.Overview.SearchOrganization(t.Context(), other, all, "trial")
	if got := found(t, hits, err); got != nil {
		t.Errorf("another organization finds %q", got)
	}
	seller, _ := south(t, w)
	for typed, want := range map[string][]string{
		"eclair": nil, "TRIAL-": {"cluster trial-1"}, "host-2": {"host host-2"}, "main": {"pool main"}, "Astro": {"cluster trial-1", "organization Astro"},
	} {
		hits, err := w.DB.Overview.SearchProvider(t.Context(), w.Provider, staff, typed)
		if got := found(t, hits, err); !slices.Equal(got, want) {
			t.Errorf("the provider finds %q by %q, want %q", got, typed, want)
		}
		hits, err = w.DB.Overview.SearchProvider(t.Context(), seller, staff, typed)
		if got := found(t, hits, err); got != nil {
			t.Errorf("another provider finds %q", got)
		}
	}
}

// Papers are found by their numbers and references, by their two parties alone.
func TestSearchFindsPapers(t *testing.T) {
	s := storetest.NewShop(t)
	ctx := t.Context()
	first, second := s.Order(200*billing.ComputeHour), s.Order(50*billing.ComputeHour)
	storetest.NoError(t, s.DB.Books.ApproveOrder(ctx, s.Abe, s.Provider, first))
	order := func(id uuid.UUID) books.Order {
		return storetest.Must[books.Order](t)(s.DB.Books.OrderOfOrganization(ctx, s.Organization, id))
	}
	invoice := order(first).InvoiceNumber
	one, two := fmt.Sprintf("order %d", order(first).Number), fmt.Sprintf("order %d", order(second).Number)
	papers, none := overview.OrganizationSearch{Papers: true}, overview.OrganizationSearch{Work: true}
	seller, _ := south(t, s.World)
	for typed, want := range map[string][]string{
		strings.ToUpper(two):                    {two},
		"#" + strings.TrimPrefix(one, "order "): {one},
		first.String():                          {one},
		"po-1":                                  {two, one},
		"4711":                                  {two, one},
		"g-9":                                   {two, one},
		strings.ToLower(invoice):                {"invoice " + invoice},
		order(first).InvoiceID.String():         {"invoice " + invoice},
	} {
		for who, search := range map[string]func() ([]overview.Hits, error){
			"its organization": func() ([]overview.Hits, error) {
				return s.DB.Overview.SearchOrganization(ctx, s.Organization, papers, typed)
			},
			"its provider": func() ([]overview.Hits, error) {
				return s.DB.Overview.SearchProvider(ctx, s.Provider, overview.ProviderSearch{Papers: true}, typed)
			},
		} {
			hits, err := search()
			if got := found(t, hits, err); !slices.Equal(got, want) {
				t.Errorf("%s finds %q by %q, want %q", who, got, typed, want)
			}
		}
		for who, search := range map[string]func() ([]overview.Hits, error){
			"who may not read papers": func() ([]overview.Hits, error) {
				return s.DB.Overview.SearchOrganization(ctx, s.Organization, none, typed)
			},
			"another organization": func() ([]overview.Hits, error) { return s.DB.Overview.SearchOrganization(ctx, s.Other, papers, typed) },
			"another provider": func() ([]overview.Hits, error) {
				return s.DB.Overview.SearchProvider(ctx, seller, overview.ProviderSearch{Papers: true}, typed)
			},
			"staff who reads no paper": func() ([]overview.Hits, error) {
				return s.DB.Overview.SearchProvider(ctx, s.Provider, overview.ProviderSearch{Hosts: true}, typed)
			},
		} {
			hits, err := search()
			if got := found(t, hits, err); got != nil {
				t.Errorf("%s finds %q by %q", who, got, typed)
			}
		}
	}
}

// A search gives a few of each kind and says how many there are.
func TestSearchIsBounded(t *testing.T) {
	w := storetest.NewWorld(t)
	for n := range overview.HitsPerKind + 3 {
		_, err := w.DB.Models.CreateModelCluster(t.Context(), w.Organization, w.Person, fmt.Sprintf("many-%d", n))
		storetest.NoError(t, err)
	}
	hits, err := w.DB.Overview.SearchOrganization(t.Context(), w.Organization, overview.OrganizationSearch{Work: true}, "many")
	storetest.NoError(t, err)
	if len(hits) != 1 || len(hits[0].Rows) != overview.HitsPerKind || hits[0].Total != overview.HitsPerKind+3 || hits[0].Rows[0].Name != "many-10" {
		t.Errorf("%+v", hits)
	}
}
