package machines_test

import (
	"reflect"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// TestRecordSignIn has a ready head be read until all is found, and what was found stay at a later start that says nothing.
func TestRecordSignIn(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 1)
	head := storetest.Cluster(t, w, id).NodeRows[0]
	heads := func() []machines.SilentHead {
		return storetest.Must[[]machines.SilentHead](t)(w.DB.Machines.SilentHeads(t.Context(), head.HostID))
	}
	if got := heads(); len(got) > 0 {
		t.Errorf("before it is ready: %v", got)
	}
	w.Ready(t, id)
	want := []machines.SilentHead{{ID: head.ID, Start: 1}}
	if got := heads(); !reflect.DeepEqual(got, want) {
		t.Fatalf("once it is ready: %v", got)
	}
	keys := []provisioner.HostKey{{Kind: "ED25519", Fingerprint: "SHA256:a"}}
	storetest.NoError(t, w.DB.Machines.RecordSignIn(t.Context(), want[0], provisioner.SignIn{User: "debian"}, false))
	if got := heads(); len(got) != 1 {
		t.Errorf("while its keys are missing: %v", got)
	}
	storetest.NoError(t, w.DB.Machines.RecordSignIn(t.Context(), want[0], provisioner.SignIn{HostKeys: keys}, true))
	if got := heads(); len(got) > 0 {
		t.Errorf("when all is found: %v", got)
	}
	if got := storetest.Cluster(t, w, id).SignIn; got.User != "debian" || !reflect.DeepEqual(got.HostKeys, keys) {
		t.Errorf("it said %+v", got)
	}
	w.Exec(t, `UPDATE clusters SET start_count = 2 WHERE id = $1`, id)
	if got := heads(); len(got) != 1 || got[0].Start != 2 {
		t.Errorf("at the next start: %v", got)
	}
	w.Exec(t, `UPDATE clusters SET ready_at = now() - interval '31 minutes' WHERE id = $1`, id)
	if got := heads(); len(got) > 0 {
		t.Errorf("half an hour later: %v", got)
	}
}

// TestSeenUsers has the newest cluster speak for its image, also once it is gone, and another organization hear nothing.
func TestSeenUsers(t *testing.T) {
	w := storetest.NewShop(t)
	seen := func() []machines.SeenUser {
		return storetest.Must[[]machines.SeenUser](t)(w.DB.Machines.SeenUsers(t.Context(), w.Organization))
	}
	for n, user := range []string{"debian", "rocky"} {
		name := []string{"trial-1", "trial-2"}[n]
		id := w.Launch(t, name, 1)
		if got := seen(); len(got) != n {
			t.Errorf("before %s says anything: %+v", name, got)
		}
		w.Exec(t, `UPDATE nodes SET sign_in = jsonb_build_object('user', $2::text), desired = 'gone', state = 'gone', image_id = NULL WHERE cluster_id = $1`, id, user)
		if got := seen(); len(got) != 1 || got[0].User != user || got[0].Cluster != name {
			t.Errorf("%s said %s: %+v", name, user, got)
		}
	}
	if got := storetest.Must[[]machines.SeenUser](t)(w.DB.Machines.SeenUsers(t.Context(), w.Other)); len(got) > 0 {
		t.Errorf("another organization's: %+v", got)
	}
}
