package store_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestAcceptanceTest(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := must[uuid.UUID](t)(w.DB.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	wantJobs(t, w, "run_acceptance", 1)
	test := must[store.AcceptanceTest](t)(w.DB.AcceptanceTest(ctx, w.Organization, id))
	if test.State != store.TestRunning || test.ModelClusterName != "trial" || test.Version != "1.0" || test.PoolName != "main" || test.ProviderName != "North" ||
		test.PersonName != "Ada" || len(test.Nonce) != 16 || test.EndedAt != nil {
		t.Errorf("test %+v", test)
	}
	c := work(t, w, test.ClusterID)
	if !c.Test || len(c.Nodes) != 3 || c.Nodes[0].SSHPort != 0 || left(t, w) != 100*billing.ComputeHour {
		t.Errorf("cluster of the test %+v, %s left", c, left(t, w))
	}
	_, err := w.DB.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID)
	wantRefusal(t, err, "test_limit")
	if list := must[[]store.ClusterRow](t)(w.DB.Clusters(ctx, w.Organization, store.ClusterFilter{})); len(list) != 0 {
		t.Errorf("the list of clusters shows the test: %+v", list)
	}
	w.Ready(t, test.ClusterID)
	wantOpenRuns(t, w, 0)

	report := provisioner.Report{Checks: []provisioner.ReportCheck{{Name: provisioner.CheckBoots, State: provisioner.CheckPassed}}}
	noError(t, w.DB.RecordTestProgress(ctx, id, report, json.RawMessage(`{"Nonce": "x"}`)))
	if test = must[store.AcceptanceTest](t)(w.DB.TestForWorker(ctx, id)); len(test.Report.Checks) != 1 || test.State != store.TestRunning {
		t.Errorf("test %+v", test)
	}
	noError(t, w.DB.FinishAcceptanceTest(ctx, id, true, report))
	noError(t, w.DB.FinishAcceptanceTest(ctx, id, false, provisioner.Report{}))
	noError(t, w.DB.RecordTestProgress(ctx, id, provisioner.Report{}, json.RawMessage(`{}`)))
	tests, total, err := w.DB.AcceptanceTests(ctx, w.Organization, w.Version, store.TestFilter{})
	noError(t, err)
	for _, f := range []store.TestFilter{{State: store.TestPassed}, {Sorting: store.Sorting{By: "took", Desc: true}}, {Sorting: store.Sorting{By: "pool"}}, {Page: store.Page{Offset: 5}}} {
		if _, n, err := w.DB.AcceptanceTests(ctx, w.Organization, w.Version, f); err != nil || n != 1 {
			t.Errorf("%+v leaves %d, %v", f, n, err)
		}
	}
	if _, n, err := w.DB.AcceptanceTests(ctx, w.Organization, w.Version, store.TestFilter{State: store.TestFailed}); err != nil || n != 0 {
		t.Errorf("%d failed tests, %v", n, err)
	}
	if _, n, err := w.DB.AcceptanceTests(ctx, uuid.New(), w.Version, store.TestFilter{}); err != nil || n != 0 {
		t.Errorf("another organization sees %d tests, %v", n, err)
	}
	if total != 1 || tests[0].State != store.TestPassed || len(tests[0].Report.Checks) != 1 || tests[0].EndedAt == nil {
		t.Errorf("tests %+v", tests)
	}
	if c := work(t, w, test.ClusterID); c.Desired != provisioner.DesiredGone || c.Reason != provisioner.ReasonTestEnded {
		t.Errorf("cluster of the test %+v", c)
	}
	noError(t, w.DB.MarkClusterGone(ctx, test.ClusterID))
	if m := must[store.ModelCluster](t)(w.DB.ModelCluster(ctx, w.Organization, w.Model)); m.Versions[0].LastTest != "passed" || *m.Versions[0].LastTestID != id {
		t.Errorf("version %+v", m.Versions[0])
	}
}

func TestAcceptanceTestRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	start := func(org, version, pool uuid.UUID) error {
		_, err := w.DB.StartAcceptanceTest(ctx, org, w.Person, version, pool)
		return err
	}
	other := must[uuid.UUID](t)(w.DB.CreateOrganization(ctx, uuid.Nil, "Other"))
	wantRefusal(t, start(other, w.Version, w.PoolID), "not_found")
	wantRefusal(t, start(w.Organization, uuid.New(), w.PoolID), "not_found")
	wantRefusal(t, start(w.Organization, w.Version, uuid.New()), "not_found")
	wantRefusal(t, start(w.Organization, must[uuid.UUID](t)(w.DB.SaveVersion(ctx, w.Organization, w.Person, draftOf(w))), w.PoolID), "draft")
	w.Exec(t, `UPDATE pools SET test_vcpus = 2`)
	if r := wantRefusal(t, start(w.Organization, w.Version, w.PoolID), "capacity"); !strings.Contains(r.Title, "3 vCPUs are needed, 2 of the pool's 2 set aside for acceptance tests are free") {
		t.Errorf("refusal %q", r.Title)
	}
	w.Exec(t, `UPDATE pools SET test_vcpus = 4`)
	noError(t, start(w.Organization, w.Version, w.PoolID))
	w.Exec(t, `UPDATE acceptance_tests SET state = 'failed', ended_at = now()`)
	w.Exec(t, `INSERT INTO acceptance_tests (id, organization_id, provider_id, pool_id, version_id, cluster_id, person_id, nonce, state, created_at, ended_at)
		SELECT gen_random_uuid(), organization_id, provider_id, pool_id, version_id, cluster_id, person_id, '', 'failed', now(), now()
		FROM acceptance_tests, generate_series(1, 49)`)
	wantRefusal(t, start(w.Organization, w.Version, w.PoolID), "test_limit")
	_, err := w.DB.AcceptanceTest(ctx, other, uuid.New())
	wantRefusal(t, err, "not_found")
}

// A test whose worker died for good ends with its lease.
func TestAcceptanceTestEndsWithItsLease(t *testing.T) {
	w := storetest.NewWorld(t)
	id := must[uuid.UUID](t)(w.DB.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID))
	test := must[store.AcceptanceTest](t)(w.DB.TestForWorker(t.Context(), id))
	w.Ready(t, test.ClusterID)
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now()`)
	must[int](t)(w.DB.EndLeases(t.Context(), time.Hour))
	if c := work(t, w, test.ClusterID); c.Desired != provisioner.DesiredGone {
		t.Errorf("cluster of the test is to be %s", c.Desired)
	}
}

func TestAForgottenAcceptanceTestHasFailed(t *testing.T) {
	w := storetest.NewWorld(t)
	id := must[uuid.UUID](t)(w.DB.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID))
	if n := must[int](t)(w.DB.EndLeases(t.Context(), time.Hour)); n != 0 {
		t.Errorf("%d changed", n)
	}
	w.Exec(t, `UPDATE acceptance_tests SET created_at = created_at - interval '61 minutes'`)
	if n := must[int](t)(w.DB.EndLeases(t.Context(), time.Hour)); n != 1 {
		t.Errorf("%d changed", n)
	}
	test := must[store.AcceptanceTest](t)(w.DB.TestForWorker(t.Context(), id))
	if c := work(t, w, test.ClusterID); test.State != store.TestFailed || c.Desired != provisioner.DesiredGone || c.Reason != provisioner.ReasonTestEnded {
		t.Errorf("test is %s, its cluster is to be %s", test.State, c.Desired)
	}
}
