package people_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func TestStaffNeverWithoutAnAdmin(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bob := storetest.Must[uuid.UUID](t)(w.DB.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{Email: "bob@example.org", Name: "Bob", Password: storetest.Password}))
	storetest.NoError(t, w.DB.People.AddStaff(ctx, uuid.Nil, w.Provider, w.Person, people.StaffAdmin))
	storetest.NoError(t, w.DB.People.AddStaff(ctx, uuid.Nil, w.Provider, bob, people.StaffOperator))
	storetest.WantRefusal(t, w.DB.People.ChangeStaffRole(ctx, w.Person, w.Provider, w.Person, people.StaffOperator), "last_admin")
	storetest.WantRefusal(t, w.DB.People.RemoveStaff(ctx, w.Person, w.Provider, w.Person), "last_admin")
	storetest.WantRefusal(t, w.DB.People.ChangeStaffRole(ctx, w.Person, w.Provider, bob, "king"), "invalid")
	storetest.WantRefusal(t, w.DB.People.ChangeStaffRole(ctx, w.Person, uuid.New(), bob, people.StaffAdmin), "not_found")
	storetest.WantRefusal(t, w.DB.People.RemoveStaff(ctx, w.Person, uuid.New(), bob), "not_found")
	storetest.NoError(t, w.DB.People.ChangeStaffRole(ctx, w.Person, w.Provider, bob, people.StaffAdmin))

	// Both leave at once: one of them stays.
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i, id := range []uuid.UUID{w.Person, bob} {
		both.Go(func() { errs[i] = w.DB.People.RemoveStaff(ctx, id, w.Provider, id) })
	}
	both.Wait()
	refused := 0
	for _, err := range errs {
		if r, is := refusal.As(err); is && r.Code == "last_admin" {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	list, total, err := w.DB.People.Staff(ctx, w.Provider, people.StaffFilter{Role: "admin", Search: "@EXAMPLE"})
	if refused != 1 || err != nil || total != 1 || list[0].Role != people.StaffAdmin {
		t.Errorf("%d refused, %d admins left: %v", refused, total, err)
	}
	if _, total, err := w.DB.People.Staff(ctx, uuid.New(), people.StaffFilter{}); err != nil || total != 0 {
		t.Errorf("another provider's: %d %v", total, err)
	}
}

func words() people.ProviderWords {
	return people.ProviderWords{LegalName: "North Compute GmbH", TaxID: "DE1", InvoicePrefix: "NC", AccountingZone: "Europe/Berlin", SupportContact: "help@north.example", About: "Us.", Terms: "Pay."}
}

func TestUpdateProvider(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	change := func(f func(*people.ProviderWords)) error {
		p := words()
		f(&p)
		return w.DB.People.UpdateProvider(ctx, w.Person, w.Provider, p)
	}
	storetest.NoError(t, change(func(*people.ProviderWords) {}))
	got := storetest.Must[people.ProviderSettings](t)(w.DB.People.ProviderSettings(ctx, w.Provider))
	if got.LegalName != "North Compute GmbH" || got.InvoicePrefix != "NC" || got.Terms != "Pay." || !got.Booked || got.Invoiced {
		t.Errorf("settings %+v", got)
	}
	for field, f := range map[string]func(*people.ProviderWords){
		"legal_name":      func(p *people.ProviderWords) { p.LegalName = "" },
		"invoice_prefix":  func(p *people.ProviderWords) { p.InvoicePrefix = "nc 1" },
		"accounting_zone": func(p *people.ProviderWords) { p.AccountingZone = "Local" },
		"support_contact": func(p *people.ProviderWords) { p.SupportContact = "" },
	} {
		if r := storetest.WantRefusal(t, change(f), "invalid"); r.Fields[field] == "" {
			t.Errorf("%s: %v", field, r.Fields)
		}
	}
	if r := storetest.WantRefusal(t, change(func(p *people.ProviderWords) { p.AccountingZone = "Europe/Oslo" }), "fixed"); r.Fields["accounting_zone"] == "" {
		t.Errorf("another zone after hours were booked: %v", r.Fields)
	}
	south := storetest.Must[uuid.UUID](t)(w.DB.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "South", Currency: "USD", AccountingZone: "America/New_York"}))
	storetest.WantRefusal(t, w.DB.People.UpdateProvider(ctx, w.Person, south, words()), "duplicate")
	other := words()
	other.InvoicePrefix, other.AccountingZone = "SO", "Europe/Oslo"
	storetest.NoError(t, w.DB.People.UpdateProvider(ctx, w.Person, south, other)) // nothing was booked there
	storetest.WantRefusal(t, w.DB.People.UpdateProvider(ctx, w.Person, uuid.New(), words()), "not_found")
}
