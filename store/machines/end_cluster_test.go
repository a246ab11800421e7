package machines_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// A provider ends what runs on its hosts, under the role of web; what was not used comes back, nobody of the organization
// starts it until staff allow it, and the worker deletes it when its time is over.
func TestEndCluster(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	web, worker := storetest.OpenAs(t, w.Pool, store.RoleWeb), storetest.OpenAs(t, w.Pool, store.RoleWorker)
	id := w.Launch(t, "trial-1", 1)
	w.Ready(t, id)
	for _, reason := range []string{"no", "line\nbreak", "bell\ahere", strings.Repeat("x", 501), " blanks "} {
		storetest.WantRefusal(t, web.Machines.EndCluster(ctx, w.Person, w.Provider, id, reason), "invalid")
	}
	storetest.WantRefusal(t, web.Machines.EndCluster(ctx, w.Person, uuid.New(), id, "it attacks others"), "not_found")
	storetest.WantRefusal(t, web.Machines.AllowCluster(ctx, w.Person, w.Provider, id), "state")
	storetest.NoError(t, web.Machines.EndCluster(ctx, w.Person, w.Provider, id, "it attacks others"))
	storetest.WantRefusal(t, web.Machines.EndCluster(ctx, w.Person, w.Provider, id, "another reason"), "state")
	stopped(t, w, id)

	d := storetest.Cluster(t, w, id)
	if d.State != provisioner.ClusterStopped || d.Reason != provisioner.ReasonStaff || d.ReasonDetail != "it attacks others" || d.BarredWhy != "it attacks others" ||
		d.BarredAt == nil || d.DisksUntil.Sub(*d.BarredAt) != 7*24*time.Hour || d.Held != 0 || left(t, w) != 100*billing.ComputeHour-d.Used {
		t.Errorf("ended %+v, %s left", d, left(t, w))
	}
	lease := func() error { return web.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600) }
	if r := storetest.WantRefusal(t, lease(), "barred"); !strings.Contains(r.Title, "North ended this cluster") || !strings.Contains(r.Title, "it attacks others") {
		t.Errorf("starting it: %+v", r)
	}
	storetest.WantRefusal(t, web.Machines.ExtendLease(ctx, w.Organization, w.Person, id, 3600), "state")
	storetest.WantRefusal(t, web.Machines.AllowCluster(ctx, w.Person, uuid.New(), id), "not_found")

	// Its lease's end and grace change nothing, nor does anything before its time.
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() - interval '2 days' WHERE id = $1`, id)
	if n := storetest.Must[int](t)(worker.Machines.EndLeases(ctx)); n != 0 {
		t.Errorf("%d clusters changed before their time", n)
	}
	storetest.NoError(t, web.Machines.AllowCluster(ctx, w.Person, w.Provider, id))
	storetest.NoError(t, lease())
	w.Ready(t, id)
	storetest.NoError(t, web.Machines.EndCluster(ctx, w.Person, w.Provider, id, "it attacks others again"))
	stopped(t, w, id)
	w.Exec(t, `UPDATE clusters SET disks_until = now() WHERE id = $1`, id)
	if n := storetest.Must[int](t)(worker.Machines.EndLeases(ctx)); n != 1 {
		t.Errorf("%d clusters changed at their time", n)
	}
	if d := storetest.Cluster(t, w, id); d.Desired != provisioner.DesiredGone || d.Reason != provisioner.ReasonStaff || d.ReasonDetail != "it attacks others again" {
		t.Errorf("after its time %+v", d)
	}
	storetest.WantRefusal(t, web.Machines.AllowCluster(ctx, w.Person, w.Provider, id), "state")
	storetest.WantRefusal(t, web.Machines.EndCluster(ctx, w.Person, w.Provider, id, "a third reason"), "state")
}

// An ended cluster is told of to the organization's owners and to who launched it, each once and members alone, and it is
// in both logs.
func TestEndClusterIsTold(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	member, bystander := storetest.Member(t, w, "member@example.org"), storetest.Member(t, w, "other@example.org")
	mails := func(id uuid.UUID) (to []string) {
		storetest.MailNotices(t, w.Pool)
		storetest.NoError(t, w.Pool.QueryRow(ctx, `
			SELECT coalesce(array_agg(to_address ORDER BY to_address), '{}') FROM mails
			WHERE kind = 'cluster_ended' AND data->>'path' LIKE '%' || $1 AND data->>'reason' = 'unpaid power'`, id.String()).Scan(&to))
		return to
	}
	launch := func(name string) uuid.UUID {
		return storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(ctx, w.Organization, member, storetest.OneHour(w, name, 0)))
	}
	one, two := launch("one"), launch("two")
	storetest.NoError(t, w.DB.Machines.EndCluster(ctx, w.Person, w.Provider, one, "unpaid power"))
	if to := mails(one); len(to) != 2 || to[0] != "ada@example.org" || to[1] != "member@example.org" {
		t.Errorf("mails to %q", to)
	}
	storetest.NoError(t, w.DB.People.RemoveMember(ctx, w.Organization, w.Person, member))
	storetest.NoError(t, w.DB.Machines.EndCluster(ctx, w.Person, w.Provider, two, "unpaid power"))
	if to := mails(two); len(to) != 1 || to[0] != "ada@example.org" {
		t.Errorf("mails after who launched it left: %q; %s is a bystander", to, bystander)
	}
	orgLog, _, orgErr := w.DB.Core.OrganizationLog(ctx, w.Organization, store.LogFilter{Verb: "end cluster"})
	log, _, err := w.DB.Core.ProviderLog(ctx, w.Provider, store.LogFilter{Verb: "end cluster"})
	if orgErr != nil || err != nil || len(orgLog) != 2 || len(log) != 2 || orgLog[0].Detail["reason"] != "unpaid power" || log[0].PersonName != "Ada" {
		t.Errorf("logs %+v, %+v, %v, %v", orgLog, log, orgErr, err)
	}
	// A free test's cluster has nothing to keep.
	test := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
	var cluster uuid.UUID
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT cluster_id FROM acceptance_tests WHERE id = $1`, test).Scan(&cluster))
	storetest.NoError(t, w.DB.Machines.EndCluster(ctx, w.Person, w.Provider, cluster, "unpaid power"))
	if d := storetest.Cluster(t, w, cluster); d.Desired != provisioner.DesiredGone || d.Reason != provisioner.ReasonStaff || d.BarredAt != nil {
		t.Errorf("a test's %+v", d)
	}
}
