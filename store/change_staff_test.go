package store_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestStaffNeverWithoutAnAdmin(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bob := must[uuid.UUID](t)(w.DB.CreatePerson(ctx, uuid.Nil, store.NewPerson{Email: "bob@example.org", Name: "Bob", Password: storetest.Password}))
	noError(t, w.DB.AddStaff(ctx, uuid.Nil, w.Provider, w.Person, store.StaffAdmin))
	noError(t, w.DB.AddStaff(ctx, uuid.Nil, w.Provider, bob, store.StaffOperator))
	wantRefusal(t, w.DB.ChangeStaffRole(ctx, w.Person, w.Provider, w.Person, store.StaffOperator), "last_admin")
	wantRefusal(t, w.DB.RemoveStaff(ctx, w.Person, w.Provider, w.Person), "last_admin")
	wantRefusal(t, w.DB.ChangeStaffRole(ctx, w.Person, w.Provider, bob, "king"), "invalid")
	wantRefusal(t, w.DB.ChangeStaffRole(ctx, w.Person, uuid.New(), bob, store.StaffAdmin), "not_found")
	wantRefusal(t, w.DB.RemoveStaff(ctx, w.Person, uuid.New(), bob), "not_found")
	noError(t, w.DB.ChangeStaffRole(ctx, w.Person, w.Provider, bob, store.StaffAdmin))

	// Both leave at once: one of them stays.
	var both sync.WaitGroup
	errs := make([]error, 2)
	for i, id := range []uuid.UUID{w.Person, bob} {
		both.Go(func() { errs[i] = w.DB.RemoveStaff(ctx, id, w.Provider, id) })
	}
	both.Wait()
	refused := 0
	for _, err := range errs {
		if r, is := provisioner.AsRefusal(err); is && r.Code == "last_admin" {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	list, total, err := w.DB.Staff(ctx, w.Provider, store.StaffFilter{Role: "admin", Search: "@EXAMPLE"})
	if refused != 1 || err != nil || total != 1 || list[0].Role != store.StaffAdmin {
		t.Errorf("%d refused, %d admins left: %v", refused, total, err)
	}
	if _, total, err := w.DB.Staff(ctx, uuid.New(), store.StaffFilter{}); err != nil || total != 0 {
		t.Errorf("another provider's: %d %v", total, err)
	}
}

func words() store.ProviderWords {
	return store.ProviderWords{LegalName: "North Compute GmbH", TaxID: "DE1", InvoicePrefix: "NC", AccountingZone: "Europe/Berlin", SupportContact: "help@north.example", About: "Us.", Terms: "Pay."}
}

func TestUpdateProvider(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	change := func(f func(*store.ProviderWords)) error {
		p := words()
		f(&p)
		return w.DB.UpdateProvider(ctx, w.Person, w.Provider, p)
	}
	noError(t, change(func(*store.ProviderWords) {}))
	got := must[store.ProviderSettings](t)(w.DB.ProviderSettings(ctx, w.Provider))
	if got.LegalName != "North Compute GmbH" || got.InvoicePrefix != "NC" || got.Terms != "Pay." || !got.Booked || got.Invoiced {
		t.Errorf("settings %+v", got)
	}
	for field, f := range map[string]func(*store.ProviderWords){
		"legal_name":      func(p *store.ProviderWords) { p.LegalName = "" },
		"invoice_prefix":  func(p *store.ProviderWords) { p.InvoicePrefix = "nc 1" },
		"accounting_zone": func(p *store.ProviderWords) { p.AccountingZone = "Local" },
		"support_contact": func(p *store.ProviderWords) { p.SupportContact = "" },
	} {
		if r := wantRefusal(t, change(f), "invalid"); r.Fields[field] == "" {
			t.Errorf("%s: %v", field, r.Fields)
		}
	}
	if r := wantRefusal(t, change(func(p *store.ProviderWords) { p.AccountingZone = "Europe/Oslo" }), "fixed"); r.Fields["accounting_zone"] == "" {
		t.Errorf("another zone after hours were booked: %v", r.Fields)
	}
	south := must[uuid.UUID](t)(w.DB.CreateProvider(ctx, uuid.Nil, store.NewProvider{Name: "South", Currency: "USD", AccountingZone: "America/New_York"}))
	wantRefusal(t, w.DB.UpdateProvider(ctx, w.Person, south, words()), "duplicate")
	other := words()
	other.InvoicePrefix, other.AccountingZone = "SO", "Europe/Oslo"
	noError(t, w.DB.UpdateProvider(ctx, w.Person, south, other)) // nothing was booked there
	wantRefusal(t, w.DB.UpdateProvider(ctx, w.Person, uuid.New(), words()), "not_found")
}
