package machines_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// TestStartTestAgain has the machines of a test start a second time: free, with the keys of the first start, on the same hosts.
func TestStartTestAgain(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.AcceptanceTest(ctx, w.Organization, id))
	if test.LimitSeconds != int64(provisioner.TestLimit(true).Seconds()) {
		t.Errorf("the limit is %d s", test.LimitSeconds)
	}
	w.Ready(t, test.ClusterID)
	first := work(t, w, test.ClusterID)
	storetest.WantRefusal(t, w.DB.Machines.StartTestAgain(ctx, w.Organization, test.ClusterID), "state")
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, uuid.Nil, test.ClusterID))
	stopped(t, w, test.ClusterID)
	storetest.WantRefusal(t, w.DB.Machines.StartTestAgain(ctx, uuid.New(), test.ClusterID), "not_found")
	storetest.NoError(t, w.DB.Machines.StartTestAgain(ctx, w.Organization, test.ClusterID))
	again := work(t, w, test.ClusterID)
	if again.Desired != provisioner.DesiredRunning || again.StartCount != 2 || again.ReadyAt != nil || len(again.SSHKeys) != len(first.SSHKeys) {
		t.Errorf("started again: %+v", again)
	}
	for i, n := range again.Nodes {
		if n.Host.ID != first.Nodes[i].Host.ID || n.State != provisioner.NodeReserved {
			t.Errorf("node %+v", n)
		}
	}
	wantOpenRuns(t, w, 0)
}

// TestCancelAcceptanceTest ends a test once, for its own organization alone.
func TestCancelAcceptanceTest(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	storetest.WantRefusal(t, w.DB.Models.CancelAcceptanceTest(ctx, uuid.New(), w.Person, id), "not_found")
	storetest.NoError(t, w.DB.Models.CancelAcceptanceTest(ctx, w.Organization, w.Person, id))
	test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.AcceptanceTest(ctx, w.Organization, id))
	if test.State != models.TestCancelled || test.EndedWhy != "It was cancelled by a member." || len(test.Report.Checks) != 0 {
		t.Errorf("cancelled: %s %q %+v", test.State, test.EndedWhy, test.Report.Checks)
	}
	if c := work(t, w, test.ClusterID); c.Desired != provisioner.DesiredGone {
		t.Errorf("its cluster is to be %s", c.Desired)
	}
	storetest.WantRefusal(t, w.DB.Models.CancelAcceptanceTest(ctx, w.Organization, w.Person, id), "state")
}

// TestTestsAtOnce bounds what an organization tests at a time, and ends what nobody finished.
func TestTestsAtOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	other := storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, storetest.DraftOf(w)))
	storetest.NoError(t, w.DB.Models.PublishVersion(ctx, w.Organization, w.Person, other, 1))
	for range 2 {
		w.Exec(t, `INSERT INTO acceptance_tests (id, organization_id, provider_id, pool_id, version_id, cluster_id, person_id, nonce, document_digest, state, created_at, begun_at)
			SELECT gen_random_uuid(), organization_id, provider_id, pool_id, version_id, cluster_id, person_id, nonce, document_digest, 'running', now(), now() FROM acceptance_tests WHERE id = $1`, id)
	}
	waits := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, other, w.PoolID))
	if test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.AcceptanceTest(ctx, w.Organization, waits)); test.State != models.TestWaiting ||
		test.WaitsFor != "Your organization runs 3 acceptance tests now, which is the most at a time." {
		t.Errorf("a fourth test %+v", test)
	}
	w.Exec(t, `UPDATE acceptance_tests SET begun_at = now() - interval '46 minutes' WHERE id = $1`, id)
	_ = storetest.Must[int](t)(w.DB.Machines.EndLeases(ctx))
	if test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.AcceptanceTest(ctx, w.Organization, id)); test.State != models.TestRunning {
		t.Errorf("a minute after its limit the test is %s: its job has another", test.State)
	}
	w.Exec(t, `UPDATE acceptance_tests SET begun_at = now() - interval '48 minutes' WHERE id = $1`, id)
	_ = storetest.Must[int](t)(w.DB.Machines.EndLeases(ctx))
	if test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.AcceptanceTest(ctx, w.Organization, id)); test.State != models.TestFailed {
		t.Errorf("three minutes after its limit the test is %s", test.State)
	}
}
