package machines_test

import (
	"net/netip"
	"slices"
	"testing"

	"volary.dev/store"
	"volary.dev/store/storetest"
)

// A host is known by its number in the underlay, and by its own address where that is a number; a name is none.
func TestHostNumbers(t *testing.T) {
	w := storetest.NewWorld(t)
	_, err := w.Pool.Exec(t.Context(), `UPDATE hosts SET underlay = '198.51.100.7', address = CASE WHEN id = (SELECT min(id::text)::uuid FROM hosts) THEN '93.184.216.34' ELSE id::text || '.example' END`)
	storetest.NoError(t, err)
	list, err := storetest.OpenAs(t, w.Pool, store.RoleWorker).Machines.HostNumbers(t.Context())
	storetest.NoError(t, err)
	if !slices.Contains(list, netip.MustParseAddr("198.51.100.7")) || !slices.Contains(list, netip.MustParseAddr("93.184.216.34")) || len(list) != 2 {
		t.Errorf("%v", list)
	}
}
