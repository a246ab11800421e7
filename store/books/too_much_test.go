package books_test

import (
	"testing"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/store/books"
	"volary.dev/store/storetest"
)

// What a provider books in all stays within what its pages can add up, whomever it gives it to and however soon it expires.
func TestAProvidersHoursAreBounded(t *testing.T) {
	s := storetest.NewShop(t)
	ctx := t.Context()
	other := storetest.Must[uuid.UUID](t)(s.DB.People.CreateOrganization(ctx, uuid.Nil, "Other"))
	grant := func(to uuid.UUID) error {
		_, err := s.DB.Books.GrantHours(ctx, books.Grant{ProviderID: s.Provider, OrganizationID: to, Hours: billing.MaxHours})
		return err
	}
	for n := range 99 {
		storetest.NoError(t, grant([]uuid.UUID{s.Organization, other}[n%2]))
	}
	refuses(t, grant(other), "too_much", "", "at most 100000000000")
	list, sum, err := s.DB.Books.LotsOfProvider(ctx, s.Provider, books.LotFilter{})
	if err != nil || sum.Bought < 99*billing.MaxHours || len(list) == 0 {
		t.Errorf("%d lots of %s, %v", len(list), sum.Bought, err)
	}
}
