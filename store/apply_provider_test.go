package store_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func application() store.ProviderApplication {
	return store.ProviderApplication{Name: "West", Currency: "EUR", ProviderWords: words()}
}

func TestApplyToBecomeAProvider(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	admin := must[uuid.UUID](t)(w.DB.CreatePerson(ctx, uuid.Nil, store.NewPerson{Email: "root@example.org", Name: "Root", Password: storetest.Password, PlatformAdmin: true}))
	if a := must[*store.ApplicationState](t)(w.DB.MyApplication(ctx, w.Person)); a != nil {
		t.Errorf("application %+v", a)
	}
	for field, f := range map[string]func(*store.ProviderApplication){
		"name": func(a *store.ProviderApplication) { a.Name = "" }, "currency": func(a *store.ProviderApplication) { a.Currency = "SHELLS" },
		"invoice_prefix": func(a *store.ProviderApplication) { a.InvoicePrefix = "1" },
	} {
		bad := application()
		f(&bad)
		_, err := w.DB.ApplyAsProvider(ctx, w.Person, bad)
		if r := wantRefusal(t, err, "invalid"); r.Fields[field] == "" {
			t.Errorf("%s: %v", field, r.Fields)
		}
	}
	taken := application()
	taken.Name = "North"
	_, err := w.DB.ApplyAsProvider(ctx, w.Person, taken)
	wantRefusal(t, err, "duplicate")

	id := must[uuid.UUID](t)(w.DB.ApplyAsProvider(ctx, w.Person, application()))
	second := application()
	second.Name, second.InvoicePrefix = "West 2", "W2"
	_, err = w.DB.ApplyAsProvider(ctx, w.Person, second)
	wantRefusal(t, err, "applied")
	wantRefusal(t, w.DB.RejectProvider(ctx, admin, id, " "), "invalid")
	noError(t, w.DB.RejectProvider(ctx, admin, id, "The tax id is missing."))
	if a := must[*store.ApplicationState](t)(w.DB.MyApplication(ctx, w.Person)); a == nil || a.State != "rejected" || a.Reason != "The tax id is missing." || a.Name != "West" {
		t.Errorf("application %+v", a)
	}
	// Applying again corrects what was rejected.
	again := must[uuid.UUID](t)(w.DB.ApplyAsProvider(ctx, w.Person, second))
	if again != id {
		t.Errorf("a second provider %s beside %s", again, id)
	}
	noError(t, w.DB.ApproveProvider(ctx, admin, id))
	wantRefusal(t, w.DB.ApproveProvider(ctx, admin, id), "decided")
	staff, _, err := w.DB.Staff(ctx, id, store.StaffFilter{})
	if err != nil || len(staff) != 1 || staff[0].PersonID != w.Person || staff[0].Role != store.StaffAdmin {
		t.Errorf("staff %+v %v", staff, err)
	}
	var mails int
	noError(t, w.Pool.QueryRow(ctx, `SELECT count(*) FROM mails WHERE kind = 'provider_decided' AND to_address = 'ada@example.org'`).Scan(&mails))
	if mails != 2 {
		t.Errorf("%d mails", mails)
	}
}

func TestSuspendAProvider(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	wantRefusal(t, w.DB.SuspendProvider(ctx, w.Person, w.Provider, ""), "invalid")
	wantRefusal(t, w.DB.SuspendProvider(ctx, w.Person, uuid.New(), "reason"), "not_found")
	wantRefusal(t, w.DB.LiftProvider(ctx, w.Person, w.Provider), "decided")
	noError(t, w.DB.SuspendProvider(ctx, w.Person, w.Provider, "invoices unpaid"))
	list, total, err := w.DB.PlatformProviders(ctx, store.PlatformProviderFilter{State: "suspended", Search: "nor"})
	if err != nil || total != 1 || list[0].StateReason != "invoices unpaid" || list[0].Hosts != 3 || list[0].Pools != 1 || list[0].Organizations != 1 {
		t.Errorf("providers %+v %v", list, err)
	}
	_, err = w.DB.LaunchCluster(ctx, w.Organization, w.Person, store.LaunchRequest{VersionID: w.Version, PoolID: w.PoolID, Name: "one", LeaseSeconds: 3600})
	wantRefusal(t, err, "not_found")
	_, err = w.DB.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID)
	wantRefusal(t, err, "not_found")
	noError(t, w.DB.LiftProvider(ctx, w.Person, w.Provider))
	if p := must[store.PlatformProvider](t)(w.DB.PlatformProvider(ctx, w.Provider)); p.State != "active" || p.StateReason != "" {
		t.Errorf("provider %+v", p)
	}
	w.Launch(t, "one", 0)
}
