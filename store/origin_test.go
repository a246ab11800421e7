package store_test

import (
	"net/netip"
	"testing"

	"github.com/google/uuid"

	"volary.dev/store"
	"volary.dev/store/storetest"
)

// What is written to the log names the session and the address of the request, and neither for a program.
func TestLogSaysFromWhere(t *testing.T) {
	w := storetest.NewWorld(t)
	session := uuid.New()
	for given, want := range map[string]string{"198.51.100.7": "198.51.100.7", "::ffff:198.51.100.8": "198.51.100.8", "fe80::1%eth0": "fe80::1"} {
		ctx := store.WithOrigin(t.Context(), store.Origin{Session: session, Address: netip.MustParseAddr(given)})
		storetest.NoError(t, w.DB.Machines.CordonHost(ctx, w.Person, w.Provider, w.Hosts[0], "repair"))
		list, _, err := w.DB.Core.ProviderLog(ctx, w.Provider, store.LogFilter{})
		storetest.NoError(t, err)
		if list[0].Address == nil || list[0].Address.String() != want {
			t.Errorf("from %s the log says %v, want %s", given, list[0].Address, want)
		}
		storetest.NoError(t, w.DB.Machines.ActivateHost(t.Context(), w.Person, w.Provider, w.Hosts[0]))
	}
	var sessions, programs int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE session_id = $1), count(*) FILTER (WHERE session_id IS NULL AND address IS NULL AND verb = 'activate host')
		FROM audit WHERE verb IN ('cordon host', 'activate host')`, session).Scan(&sessions, &programs))
	if sessions != 3 || programs != 3 {
		t.Errorf("%d rows of the session, %d of programs, want 3 of each", sessions, programs)
	}
}
