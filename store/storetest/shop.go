package storetest

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/people"
)

// NewOffer is an offer with a price, in millionths.
func NewOffer(name string, price int64) books.NewOffer {
	return books.NewOffer{Name: name, LeastHours: 10 * billing.ComputeHour, GoodDays: 365, Price: price}
}

// Shop is a World whose provider sells: Ada orders, Abe decides, Sid sets prices.
type Shop struct {
	*World
	t        *testing.T
	Abe, Sid uuid.UUID
	Offer    uuid.UUID
	Other    uuid.UUID // an organization that has nothing
}

// NewShop makes a Shop.
func NewShop(t *testing.T) *Shop {
	t.Helper()
	s := &Shop{World: NewWorld(t), t: t}
	ctx := t.Context()
	for _, p := range []struct {
		name string
		id   *uuid.UUID
	}{{"abe", &s.Abe}, {"sid", &s.Sid}} {
		*p.id = Must[uuid.UUID](t)(s.DB.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{Email: p.name + "@north.example", Name: p.name, Password: Password}))
		if err := s.DB.People.AddStaff(ctx, uuid.Nil, s.Provider, *p.id, people.StaffAccountant); err != nil {
			t.Fatal(err)
		}
	}
	s.Exec(t, `UPDATE providers SET invoice_prefix = 'NOR', legal_name = 'North Computing GmbH', tax_id = 'DE1' WHERE id = $1`, s.Provider)
	s.Offer = Must[uuid.UUID](t)(s.DB.Books.CreateOffer(ctx, s.Sid, s.Provider, NewOffer("standard", 45_000)))
	s.Other = Must[uuid.UUID](t)(s.DB.People.CreateOrganization(ctx, uuid.Nil, "Biology"))
	return s
}

// Request asks for hours by the present price.
func (s *Shop) Request(hours billing.Hours) books.OrderRequest {
	s.t.Helper()
	o := Must[books.Offer](s.t)(s.DB.Books.Offer(s.t.Context(), s.Provider, s.Offer))
	return books.OrderRequest{
		OfferID: s.Offer, PriceID: o.Current.ID, Hours: hours, Note: "for the spring runs",
		References: store.References{PurchaseOrder: "PO-1", CostCentre: "4711", GrantNumber: "G-9"},
	}
}

// Order places an order of Ada's.
func (s *Shop) Order(hours billing.Hours) uuid.UUID {
	s.t.Helper()
	return Must[uuid.UUID](s.t)(s.DB.Books.PlaceOrder(s.t.Context(), s.Organization, s.Person, s.Request(hours)))
}

// Count reads a number.
func (s *Shop) Count(sql string, args ...any) (n int) {
	s.t.Helper()
	if err := s.Pool.QueryRow(s.t.Context(), sql, args...).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// Verified fails where the ledger does not add up.
func (s *Shop) Verified() {
	s.t.Helper()
	r, err := s.DB.Books.VerifyLedger(s.t.Context())
	if err != nil || r.Difference != nil {
		s.t.Errorf("%v, %v", r.Difference, err)
	}
}
