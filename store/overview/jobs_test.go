package overview_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/overview"
	"volary.dev/store/storetest"
)

// jobOf is the newest job of a kind.
func jobOf(t *testing.T, w *storetest.World, kind string) overview.Job {
	t.Helper()
	list, _, err := w.DB.Overview.Jobs(t.Context(), overview.JobFilter{Kind: kind})
	storetest.NoError(t, err)
	if len(list) == 0 {
		t.Fatalf("no job %s", kind)
	}
	return list[0]
}

func TestJobsAreScoped(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	w.Exec(t, `INSERT INTO mails (id, to_address, kind, created_at) VALUES ($1, 'x@example.org', 'reset', now())`, uuid.New())
	storetest.NoError(t, w.DB.Machines.CheckHost(ctx, w.Person, w.Provider, w.Hosts[0]))
	test := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	list, total, err := w.DB.Overview.ProviderJobs(ctx, w.Provider, overview.JobFilter{})
	if err != nil || total != 4 || len(list) != 4 || list[0].Kind != "run_acceptance" || list[0].SubjectID != test || list[0].SubjectName == "" || list[0].ProviderName != "North" || list[1].Kind != "check_host" || list[1].SubjectName == "" {
		t.Errorf("jobs of the provider: %+v %v", list, err)
	}
	for name, c := range map[string]struct {
		filter overview.JobFilter
		total  int
	}{
		"kind":  {overview.JobFilter{Kind: "run_acceptance"}, 1},
		"open":  {overview.JobFilter{State: "open"}, 4},
		"state": {overview.JobFilter{State: "discarded"}, 0},
		"page":  {overview.JobFilter{Sorting: store.Sorting{By: "kind"}, Page: store.Page{Limit: 1}}, 4},
	} {
		if _, total, err := w.DB.Overview.ProviderJobs(ctx, w.Provider, c.filter); err != nil || total != c.total {
			t.Errorf("%s: %d, want %d: %v", name, total, c.total, err)
		}
	}
	other := uuid.New()
	if _, total, err := w.DB.Overview.ProviderJobs(ctx, other, overview.JobFilter{}); err != nil || total != 0 {
		t.Errorf("another provider sees %d jobs: %v", total, err)
	}
	storetest.WantRefusal(t, w.DB.Overview.RetryJob(ctx, w.Person, other, list[1].ID), "not_found")
	storetest.WantRefusal(t, w.DB.Overview.CancelJob(ctx, w.Person, other, list[1].ID), "not_found")
	storetest.WantRefusal(t, w.DB.Overview.CancelJob(ctx, w.Person, w.Provider, 1<<40), "not_found")
}

func TestCancelAndRetryTheCheckOfAHost(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	storetest.NoError(t, w.DB.Machines.CheckHost(ctx, w.Person, w.Provider, w.Hosts[0]))
	job := jobOf(t, w, "check_host")
	host := func() machines.Host {
		return storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, job.SubjectID))
	}
	storetest.WantRefusal(t, w.DB.Overview.RetryJob(ctx, w.Person, w.Provider, job.ID), "job_state")
	storetest.NoError(t, w.DB.Overview.CancelJob(ctx, w.Person, w.Provider, job.ID))
	w.Exec(t, `UPDATE hosts SET check_state = check_state`)
	if j := jobOf(t, w, "check_host"); j.State != "cancelled" || !j.Done() {
		t.Errorf("job %+v", j)
	}
	storetest.WantRefusal(t, w.DB.Overview.CancelJob(ctx, w.Person, w.Provider, job.ID), "job_state")
	storetest.NoError(t, w.DB.Overview.RetryJob(ctx, w.Person, w.Provider, job.ID))
	if j, h := jobOf(t, w, "check_host"), host(); j.State != "available" || h.CheckState != "running" {
		t.Errorf("asked for again: job %s, check %s", j.State, h.CheckState)
	}
	storetest.NoError(t, w.DB.Overview.CancelJob(ctx, w.Person, uuid.Nil, job.ID))
	if h := host(); h.CheckState != "failed" || len(h.CheckReport) != 1 || h.CheckReport[0].State != provisioner.CheckFailed {
		t.Errorf("a check that was cancelled: %s %+v", h.CheckState, h.CheckReport)
	}
	// Another check waits meanwhile: the first cannot come back beside it.
	storetest.NoError(t, w.DB.Machines.CheckHost(ctx, w.Person, w.Provider, job.SubjectID))
	storetest.WantRefusal(t, w.DB.Overview.RetryJob(ctx, w.Person, w.Provider, job.ID), "job_state")
}

func TestCancelATest(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	job := jobOf(t, w, "run_acceptance")
	storetest.NoError(t, w.DB.Overview.CancelJob(ctx, w.Person, w.Provider, job.ID))
	got := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.AcceptanceTest(ctx, w.Organization, id))
	if got.State != models.TestCancelled || got.EndedWhy != "It was cancelled before it was done." {
		t.Errorf("test %+v", got)
	}
	if d := storetest.Cluster(t, w, got.ClusterID); d.Desired != provisioner.DesiredGone {
		t.Errorf("its cluster is wanted %s", d.Desired)
	}
	if r := storetest.WantRefusal(t, w.DB.Overview.RetryJob(ctx, w.Person, w.Provider, job.ID), "job_state"); r.Title != "The acceptance test has ended." {
		t.Errorf("refused with %q", r.Title)
	}
}

// A check of an upload that is cancelled leaves it unverified, and waiting again where it is asked for anew. Web may do both.
func TestCancelAndRetryTheCheckOfAnUpload(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	web := storetest.OpenAs(t, w.Pool, store.RoleWeb)
	id := "0123456789abcdef0123456789abcdef"
	storetest.Arrived(t, w.DB, w.Organization, w.Person, id, "disk.raw", 1)
	job := jobOf(t, w, "verify_upload")
	if job.SubjectName != "disk.raw" || models.UploadOf(job.SubjectID) != id {
		t.Errorf("%+v", job)
	}
	state := func() provisioner.UploadState {
		return storetest.Must[models.Upload](t)(w.DB.Models.Upload(ctx, w.Organization, id)).State
	}
	storetest.NoError(t, web.Overview.CancelJob(ctx, w.Person, uuid.Nil, job.ID))
	if state() != provisioner.UploadUnverified {
		t.Errorf("cancelled: %s", state())
	}
	storetest.NoError(t, web.Overview.RetryJob(ctx, w.Person, uuid.Nil, job.ID))
	if state() != provisioner.UploadChecking {
		t.Errorf("asked for again: %s", state())
	}
}

// The fetch of an upload that is cancelled is a failure that a person may do something about; asked for anew it waits.
func TestCancelAndRetryTheFetchOfAnUpload(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	web := storetest.OpenAs(t, w.Pool, store.RoleWeb)
	id := "0123456789abcdef0123456789abcdef"
	at := storetest.Must[typed.WebAddress](t)(typed.ParseWebAddress("https://files.example/disk.raw?signature=secret"))
	storetest.NoError(t, web.Models.BeginUpload(ctx, models.NewUpload{Organization: w.Organization, Person: w.Person, ID: id, Filename: "disk.raw", Source: &at}))
	job := jobOf(t, w, "fetch_upload")
	if job.SubjectName != "disk.raw" || models.UploadOf(job.SubjectID) != id {
		t.Errorf("%+v", job)
	}
	read := func() models.Upload {
		return storetest.Must[models.Upload](t)(w.DB.Models.Upload(ctx, w.Organization, id))
	}
	storetest.NoError(t, web.Overview.CancelJob(ctx, w.Person, uuid.Nil, job.ID))
	if u := read(); u.FetchState != models.FetchFailed || !strings.Contains(u.Reason, "cancelled") || u.Advice == "" {
		t.Errorf("cancelled: %+v", u)
	}
	storetest.NoError(t, web.Overview.RetryJob(ctx, w.Person, uuid.Nil, job.ID))
	if u := read(); u.FetchState != models.FetchWaiting || u.Reason != "" || u.Advice != "" {
		t.Errorf("asked for again: %+v", u)
	}
}

// An upload is found by a part of its name until it is done: then its images are.
func TestSearchFindsUploads(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := "0123456789abcdef0123456789abcdef"
	storetest.Arrived(t, w.DB, w.Organization, w.Person, id, "Kranich.raw", 1)
	finds := func(typed string, may bool) []string {
		hits, err := w.DB.Overview.SearchOrganization(ctx, w.Organization, overview.OrganizationSearch{Work: may}, typed)
		return found(t, hits, err)
	}
	for _, c := range []struct {
		typed, want string
		may         bool
	}{{"kranich", "upload Kranich.raw", true}, {id, "upload Kranich.raw", true}, {uuid.MustParse(id).String(), "upload Kranich.raw", true}, {"kranich", "", false}} {
		if got := strings.Join(finds(c.typed, c.may), ", "); got != c.want {
			t.Errorf("%q finds %q, want %q", c.typed, got, c.want)
		}
	}
	storetest.Must[bool](t)(w.DB.Models.RecordVerdict(ctx, id, storetest.DoneVerdict(storetest.Digest)))
	if got := strings.Join(finds("kranich", true), ", "); got != "image Kranich.raw" {
		t.Errorf("done, it finds %q", got)
	}
}
