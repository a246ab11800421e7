package machines_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

func TestAcceptanceTest(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	wantJobs(t, w, "run_acceptance", 1)
	test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.AcceptanceTest(ctx, w.Organization, id))
	if test.State != models.TestRunning || test.ModelClusterName != "trial" || test.Version != "1.0" || test.PoolName != "main" || test.ProviderName != "North" ||
		test.PersonName != "Ada" || len(test.Nonce) != 16 || test.EndedAt != nil {
		t.Errorf("test %+v", test)
	}
	c := work(t, w, test.ClusterID)
	if !c.Test || len(c.Nodes) != 3 || c.Nodes[0].SSHPort != 0 || left(t, w) != 100*billing.ComputeHour {
		t.Errorf("cluster of the test %+v, %s left", c, left(t, w))
	}
	_, err := w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID)
	storetest.WantRefusal(t, err, "test_limit")
	if list := storetest.Must[[]machines.ClusterRow](t)(w.DB.Machines.Clusters(ctx, w.Organization, machines.ClusterFilter{})); len(list) != 0 {
		t.Errorf("the list of clusters shows the test: %+v", list)
	}
	w.Ready(t, test.ClusterID)
	wantOpenRuns(t, w, 0)

	report := provisioner.Report{Checks: []provisioner.ReportCheck{{Name: provisioner.CheckBoots, Result: provisioner.ResultPassed}}}
	storetest.NoError(t, w.DB.Models.RecordTestProgress(ctx, id, report, json.RawMessage(`{"Nonce": "x"}`)))
	if test = storetest.Must[models.AcceptanceTest](t)(w.DB.Models.TestForWorker(ctx, id)); len(test.Report.Checks) != 1 || test.State != models.TestRunning {
		t.Errorf("test %+v", test)
	}
	storetest.NoError(t, w.DB.Models.FinishAcceptanceTest(ctx, id, true, report))
	storetest.NoError(t, w.DB.Models.FinishAcceptanceTest(ctx, id, false, provisioner.Report{}))
	storetest.NoError(t, w.DB.Models.RecordTestProgress(ctx, id, provisioner.Report{}, json.RawMessage(`{}`)))
	tests, total, err := w.DB.Models.AcceptanceTests(ctx, w.Organization, w.Version, models.TestFilter{})
	storetest.NoError(t, err)
	for _, f := range []models.TestFilter{{State: models.TestPassed}, {Sorting: store.Sorting{By: "took", Desc: true}}, {Sorting: store.Sorting{By: "pool"}}, {Page: store.Page{Offset: 5}}} {
		if _, n, err := w.DB.Models.AcceptanceTests(ctx, w.Organization, w.Version, f); err != nil || n != 1 {
			t.Errorf("%+v leaves %d, %v", f, n, err)
		}
	}
	if _, n, err := w.DB.Models.AcceptanceTests(ctx, w.Organization, w.Version, models.TestFilter{State: models.TestFailed}); err != nil || n != 0 {
		t.Errorf("%d failed tests, %v", n, err)
	}
	if _, n, err := w.DB.Models.AcceptanceTests(ctx, uuid.New(), w.Version, models.TestFilter{}); err != nil || n != 0 {
		t.Errorf("another organization sees %d tests, %v", n, err)
	}
	if total != 1 || tests[0].State != models.TestPassed || len(tests[0].Report.Checks) != 1 || tests[0].EndedAt == nil {
		t.Errorf("tests %+v", tests)
	}
	if c := work(t, w, test.ClusterID); c.Desired != provisioner.DesiredGone || c.Reason != provisioner.ReasonTestEnded {
		t.Errorf("cluster of the test %+v", c)
	}
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, test.ClusterID))
	if m := storetest.Must[models.ModelCluster](t)(w.DB.Models.ModelCluster(ctx, w.Organization, w.Model)); m.Versions[0].LastTest != "passed" || *m.Versions[0].LastTestID != id {
		t.Errorf("version %+v", m.Versions[0])
	}
}

func TestAcceptanceTestRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	start := func(org, version, pool uuid.UUID) error {
		_, err := w.DB.Machines.StartAcceptanceTest(ctx, org, w.Person, version, pool)
		return err
	}
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Other"))
	storetest.WantRefusal(t, start(other, w.Version, w.PoolID), "not_found")
	storetest.WantRefusal(t, start(w.Organization, uuid.New(), w.PoolID), "not_found")
	storetest.WantRefusal(t, start(w.Organization, w.Version, uuid.New()), "not_found")
	storetest.WantRefusal(t, start(w.Organization, storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, storetest.DraftOf(w))), w.PoolID), "draft")
	w.Exec(t, `UPDATE pools SET test_vcpus = 2`)
	if r := storetest.WantRefusal(t, start(w.Organization, w.Version, w.PoolID), "capacity"); !strings.Contains(r.Title, "3 vCPUs are needed, 2 of the pool's 2 set aside for acceptance tests are free") {
		t.Errorf("refusal %q", r.Title)
	}
	w.Exec(t, `UPDATE pools SET test_vcpus = 4`)
	storetest.NoError(t, start(w.Organization, w.Version, w.PoolID))
	w.Exec(t, `UPDATE acceptance_tests SET state = 'failed', ended_at = now()`)
	w.Exec(t, `INSERT INTO acceptance_tests (id, organization_id, provider_id, pool_id, version_id, cluster_id, person_id, nonce, document_digest, state, created_at, begun_at, ended_at)
		SELECT gen_random_uuid(), organization_id, provider_id, pool_id, version_id, cluster_id, person_id, '', document_digest, 'failed', now(), now(), now()
		FROM acceptance_tests, generate_series(1, 49)`)
	storetest.WantRefusal(t, start(w.Organization, w.Version, w.PoolID), "test_limit")
	_, err := w.DB.Models.AcceptanceTest(ctx, other, uuid.New())
	storetest.WantRefusal(t, err, "not_found")
}

// A test whose worker died for good ends with its lease.
func TestAcceptanceTestEndsWithItsLease(t *testing.T) {
	w := storetest.NewWorld(t)
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID))
	test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.TestForWorker(t.Context(), id))
	w.Ready(t, test.ClusterID)
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now()`)
	storetest.Must[int](t)(w.DB.Machines.EndLeases(t.Context()))
	if c := work(t, w, test.ClusterID); c.Desired != provisioner.DesiredGone {
		t.Errorf("cluster of the test is to be %s", c.Desired)
	}
}

func TestAForgottenAcceptanceTestHasFailed(t *testing.T) {
	w := storetest.NewWorld(t)
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID))
	if n := storetest.Must[int](t)(w.DB.Machines.EndLeases(t.Context())); n != 0 {
		t.Errorf("%d changed", n)
	}
	w.Exec(t, `UPDATE acceptance_tests SET begun_at = begun_at - interval '61 minutes'`)
	if n := storetest.Must[int](t)(w.DB.Machines.EndLeases(t.Context())); n != 1 {
		t.Errorf("%d changed", n)
	}
	test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.TestForWorker(t.Context(), id))
	if c := work(t, w, test.ClusterID); test.State != models.TestFailed || c.Desired != provisioner.DesiredGone || c.Reason != provisioner.ReasonTestEnded {
		t.Errorf("test is %s, its cluster is to be %s", test.State, c.Desired)
	}
}
