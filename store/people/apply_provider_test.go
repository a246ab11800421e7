package people_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func application() people.ProviderApplication {
	return people.ProviderApplication{Name: "West", Currency: "EUR", ProviderWords: words()}
}

func TestApplyToBecomeAProvider(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	admin := storetest.Must[uuid.UUID](t)(w.DB.People.CreatePerson(ctx, uuid.Nil, people.NewPerson{Email: "root@example.org", Name: "Root", Password: storetest.Password, PlatformAdmin: true}))
	if a := storetest.Must[*people.ApplicationState](t)(w.DB.People.MyApplication(ctx, w.Person)); a != nil {
		t.Errorf("application %+v", a)
	}
	for field, f := range map[string]func(*people.ProviderApplication){
		"name": func(a *people.ProviderApplication) { a.Name = "" }, "currency": func(a *people.ProviderApplication) { a.Currency = "SHELLS" },
		"invoice_prefix": func(a *people.ProviderApplication) { a.InvoicePrefix = "1" },
	} {
		bad := application()
		f(&bad)
		_, err := w.DB.People.ApplyAsProvider(ctx, w.Person, bad)
		if r := storetest.WantRefusal(t, err, "invalid"); r.Fields[field] == "" {
			t.Errorf("%s: %v", field, r.Fields)
		}
	}
	taken := application()
	taken.Name = "North"
	_, err := w.DB.People.ApplyAsProvider(ctx, w.Person, taken)
	storetest.WantRefusal(t, err, "duplicate")

	id := storetest.Must[uuid.UUID](t)(w.DB.People.ApplyAsProvider(ctx, w.Person, application()))
	second := application()
	second.Name, second.InvoicePrefix = "West 2", "W2"
	_, err = w.DB.People.ApplyAsProvider(ctx, w.Person, second)
	storetest.WantRefusal(t, err, "applied")
	storetest.WantRefusal(t, w.DB.People.RejectProvider(ctx, admin, id, " "), "invalid")
	storetest.NoError(t, w.DB.People.RejectProvider(ctx, admin, id, "The tax id is missing."))
	if a := storetest.Must[*people.ApplicationState](t)(w.DB.People.MyApplication(ctx, w.Person)); a == nil || a.State != "rejected" || a.Reason != "The tax id is missing." || a.Name != "West" {
		t.Errorf("application %+v", a)
	}
	// Applying again corrects what was rejected.
	again := storetest.Must[uuid.UUID](t)(w.DB.People.ApplyAsProvider(ctx, w.Person, second))
	if again != id {
		t.Errorf("a second provider %s beside %s", again, id)
	}
	storetest.NoError(t, w.DB.People.ApproveProvider(ctx, admin, id))
	storetest.WantRefusal(t, w.DB.People.ApproveProvider(ctx, admin, id), "decided")
	staff, _, err := w.DB.People.Staff(ctx, id, people.StaffFilter{})
	if err != nil || len(staff) != 1 || staff[0].PersonID != w.Person || staff[0].Role != people.StaffAdmin {
		t.Errorf("staff %+v %v", staff, err)
	}
	var mails int
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT count(*) FROM mails WHERE kind = 'provider_decided' AND to_address = 'ada@example.org'`).Scan(&mails))
	if mails != 2 {
		t.Errorf("%d mails", mails)
	}
}

func TestSuspendAProvider(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	storetest.WantRefusal(t, w.DB.People.SuspendProvider(ctx, w.Person, w.Provider, ""), "invalid")
	storetest.WantRefusal(t, w.DB.People.SuspendProvider(ctx, w.Person, uuid.New(), "reason"), "not_found")
	storetest.WantRefusal(t, w.DB.People.LiftProvider(ctx, w.Person, w.Provider), "decided")
	storetest.NoError(t, w.DB.People.SuspendProvider(ctx, w.Person, w.Provider, "invoices unpaid"))
	list, total, err := w.DB.Overview.PlatformProviders(ctx, overview.PlatformProviderFilter{State: "suspended", Search: "nor"})
	if err != nil || total != 1 || list[0].StateReason != "invoices unpaid" || list[0].Hosts != 3 || list[0].Pools != 1 || list[0].Organizations != 1 {
		t.Errorf("providers %+v %v", list, err)
	}
	_, err = w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, machines.LaunchRequest{VersionID: w.Version, PoolID: w.PoolID, Name: "one", Counts: machines.Counts{"compute": 0}, LeaseSeconds: 3600})
	storetest.WantRefusal(t, err, "not_found")
	_, err = w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID)
	storetest.WantRefusal(t, err, "not_found")
	storetest.NoError(t, w.DB.People.LiftProvider(ctx, w.Person, w.Provider))
	if p := storetest.Must[overview.PlatformProvider](t)(w.DB.Overview.PlatformProvider(ctx, w.Provider)); p.State != "active" || p.StateReason != "" {
		t.Errorf("provider %+v", p)
	}
	w.Launch(t, "one", 0)
}
