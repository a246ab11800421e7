package store_test

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// jobOf is the newest job of a kind.
func jobOf(t *testing.T, w *storetest.World, kind string) store.Job {
	t.Helper()
	list, _, err := w.DB.Jobs(t.Context(), store.JobFilter{Kind: kind})
	noError(t, err)
	if len(list) == 0 {
		t.Fatalf("no job %s", kind)
	}
	return list[0]
}

func TestJobsAreScoped(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	w.Exec(t, `INSERT INTO mails (id, to_address, kind, created_at) VALUES ($1, 'x@example.org', 'reset', now())`, uuid.New())
	noError(t, w.DB.CheckHost(ctx, w.Person, w.Provider, w.Hosts[0]))
	test := must[uuid.UUID](t)(w.DB.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	list, total, err := w.DB.ProviderJobs(ctx, w.Provider, store.JobFilter{})
	if err != nil || total != 4 || len(list) != 4 || list[0].Kind != "run_acceptance" || list[0].SubjectID != test || list[0].SubjectName == "" || list[0].ProviderName != "North" || list[1].Kind != "check_host" || list[1].SubjectName == "" {
		t.Errorf("jobs of the provider: %+v %v", list, err)
	}
	for name, c := range map[string]struct {
		filter store.JobFilter
		total  int
	}{
		"kind":  {store.JobFilter{Kind: "run_acceptance"}, 1},
		"open":  {store.JobFilter{State: "open"}, 4},
		"state": {store.JobFilter{State: "discarded"}, 0},
		"page":  {store.JobFilter{Sorting: store.Sorting{By: "kind"}, Page: store.Page{Limit: 1}}, 4},
	} {
		if _, total, err := w.DB.ProviderJobs(ctx, w.Provider, c.filter); err != nil || total != c.total {
			t.Errorf("%s: %d, want %d: %v", name, total, c.total, err)
		}
	}
	other := uuid.New()
	if _, total, err := w.DB.ProviderJobs(ctx, other, store.JobFilter{}); err != nil || total != 0 {
		t.Errorf("another provider sees %d jobs: %v", total, err)
	}
	wantRefusal(t, w.DB.RetryJob(ctx, w.Person, other, list[1].ID), "not_found")
	wantRefusal(t, w.DB.CancelJob(ctx, w.Person, other, list[1].ID), "not_found")
	wantRefusal(t, w.DB.CancelJob(ctx, w.Person, w.Provider, 1<<40), "not_found")
}

func TestCancelAndRetryTheCheckOfAHost(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	noError(t, w.DB.CheckHost(ctx, w.Person, w.Provider, w.Hosts[0]))
	job := jobOf(t, w, "check_host")
	host := func() store.Host { return must[store.Host](t)(w.DB.Host(ctx, w.Provider, job.SubjectID)) }
	wantRefusal(t, w.DB.RetryJob(ctx, w.Person, w.Provider, job.ID), "job_state")
	noError(t, w.DB.CancelJob(ctx, w.Person, w.Provider, job.ID))
	w.Exec(t, `UPDATE hosts SET check_state = check_state`)
	if j := jobOf(t, w, "check_host"); j.State != "cancelled" || !j.Done() {
		t.Errorf("job %+v", j)
	}
	wantRefusal(t, w.DB.CancelJob(ctx, w.Person, w.Provider, job.ID), "job_state")
	noError(t, w.DB.RetryJob(ctx, w.Person, w.Provider, job.ID))
	if j, h := jobOf(t, w, "check_host"), host(); j.State != "available" || h.CheckState != "running" {
		t.Errorf("asked for again: job %s, check %s", j.State, h.CheckState)
	}
	noError(t, w.DB.CancelJob(ctx, w.Person, uuid.Nil, job.ID))
	if h := host(); h.CheckState != "failed" || len(h.CheckReport) != 1 || h.CheckReport[0].State != provisioner.CheckFailed {
		t.Errorf("a check that was cancelled: %s %+v", h.CheckState, h.CheckReport)
	}
	// Another check waits meanwhile: the first cannot come back beside it.
	noError(t, w.DB.CheckHost(ctx, w.Person, w.Provider, job.SubjectID))
	wantRefusal(t, w.DB.RetryJob(ctx, w.Person, w.Provider, job.ID), "job_state")
}

func TestCancelATest(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := must[uuid.UUID](t)(w.DB.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	job := jobOf(t, w, "run_acceptance")
	noError(t, w.DB.CancelJob(ctx, w.Person, w.Provider, job.ID))
	got := must[store.AcceptanceTest](t)(w.DB.AcceptanceTest(ctx, w.Organization, id))
	if got.State != store.TestFailed || len(got.Report.Checks) == 0 {
		t.Errorf("test %+v", got)
	}
	if d := cluster(t, w, got.ClusterID); d.Desired != provisioner.DesiredGone {
		t.Errorf("its cluster is wanted %s", d.Desired)
	}
	if r := wantRefusal(t, w.DB.RetryJob(ctx, w.Person, w.Provider, job.ID), "job_state"); r.Title != "The acceptance test has ended." {
		t.Errorf("refused with %q", r.Title)
	}
}
