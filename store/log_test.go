package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestLogs(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	cluster := w.Launch(t, "one", 0)
	storetest.NoError(t, w.DB.Machines.CordonHost(ctx, w.Person, w.Provider, w.Hosts[0], "repair"))
	type read func(store.LogFilter) ([]store.LogRow, int, error)
	org := read(func(f store.LogFilter) ([]store.LogRow, int, error) {
		return w.DB.Core.OrganizationLog(ctx, w.Organization, f)
	})
	provider := read(func(f store.LogFilter) ([]store.LogRow, int, error) { return w.DB.Core.ProviderLog(ctx, w.Provider, f) })

	list, total, err := org(store.LogFilter{Verb: "launch cluster"})
	if err != nil || total != 1 || list[0].SubjectName != "one" || list[0].SubjectID != cluster || list[0].PersonName != "Ada" || list[0].ProviderName != "North" ||
		list[0].OrganizationName != "Astro" || list[0].Detail["nodes"] != float64(1) {
		t.Errorf("launch in the log: %+v %v", list, err)
	}
	if list, _, err = provider(store.LogFilter{}); err != nil || list[0].Verb != "cordon host" || list[0].SubjectName != "host-1" || list[0].Detail["reason"] != "repair" {
		t.Errorf("the provider's newest: %+v %v", list[0], err)
	}
	_, inAll, _ := provider(store.LogFilter{})
	for name, c := range map[string]struct {
		filter store.LogFilter
		total  int
	}{
		"person":  {store.LogFilter{Person: "ADA"}, 2},
		"mail":    {store.LogFilter{Person: "ada@example"}, 1}, // not of the launch: there she is the organization's
		"nobody":  {store.LogFilter{Person: "%"}, 0},
		"verb":    {store.LogFilter{Verb: "cordon host"}, 1},
		"subject": {store.LogFilter{Subject: "cluster"}, 1},
		"before":  {store.LogFilter{To: time.Now().Add(-time.Hour)}, 0},
		"after":   {store.LogFilter{From: time.Now().Add(-time.Hour)}, inAll},
	} {
		if list, total, err := provider(c.filter); err != nil || total != c.total || len(list) != c.total {
			t.Errorf("%s: %d of %d, want %d: %v", name, len(list), total, c.total, err)
		}
	}
	if list, total, err = provider(store.LogFilter{Sorting: store.Sorting{By: "at"}, Page: store.Page{Limit: 1, Offset: 1}}); err != nil || len(list) != 1 || total != inAll {
		t.Errorf("a page: %d of %d, %v", len(list), total, err)
	}
	if list, total, err = w.DB.Core.OrganizationLog(ctx, uuid.New(), store.LogFilter{}); err != nil || len(list) != 0 || total != 0 {
		t.Errorf("another organization reads %+v %v", list, err)
	}
	if list, total, err = w.DB.Core.ProviderLog(ctx, uuid.New(), store.LogFilter{}); err != nil || len(list) != 0 || total != 0 {
		t.Errorf("another provider reads %+v %v", list, err)
	}
}
