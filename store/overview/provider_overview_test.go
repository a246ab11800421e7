package overview_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func TestProviderOverview(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	o := storetest.Must[overview.ProviderOverview](t)(w.DB.Overview.ProviderOverview(ctx, w.Provider))
	if !o.HasPool || !o.HasHost || !o.HasShape || !o.HasTestShare || o.HasPrice || o.HasSold || o.ReadyToSell() || o.FailedJobs != 0 || o.Troubled != 0 {
		t.Errorf("overview %+v", o)
	}
	w.Launch(t, "one", 1)
	w.Exec(t, `UPDATE nodes SET state = 'lost'`)
	w.Exec(t, `UPDATE river_job SET state = 'discarded', finalized_at = now() WHERE kind = 'check_host'`)
	o = storetest.Must[overview.ProviderOverview](t)(w.DB.Overview.ProviderOverview(ctx, w.Provider))
	if o.Troubled != 1 || o.FailedJobs != 3 {
		t.Errorf("overview %+v", o)
	}
	south := storetest.Must[uuid.UUID](t)(w.DB.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "South", Currency: "USD", AccountingZone: "America/New_York"}))
	o = storetest.Must[overview.ProviderOverview](t)(w.DB.Overview.ProviderOverview(ctx, south))
	if o != (overview.ProviderOverview{}) {
		t.Errorf("another provider's overview %+v", o)
	}
}
