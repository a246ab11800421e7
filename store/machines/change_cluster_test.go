package machines_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// Cluster reads one of the World's organization.

func work(t *testing.T, w *storetest.World, id uuid.UUID) machines.ClusterWork {
	t.Helper()
	return storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(t.Context(), id))
}

// stopped marks a cluster whose stop was asked for as the worker does.
func stopped(t *testing.T, w *storetest.World, id uuid.UUID) {
	t.Helper()
	if !storetest.Must[bool](t)(w.DB.Machines.MarkNodesStopped(t.Context(), id, work(t, w, id).Generation)) {
		t.Fatal("not marked stopped")
	}
}

func TestStopStartDelete(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 3)
	w.Ready(t, id)
	before := work(t, w, id)
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterReady || d.ReadyNodes != 4 || d.SSHPort == 0 || !d.SSHHost.IsValid() || d.LeaseEndsAt.Sub(*d.ReadyAt) != time.Hour {
		t.Errorf("ready cluster %+v", d)
	}
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	storetest.WantRefusal(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id), "state")
	storetest.WantRefusal(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600), "state")
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterStopping || d.Reason != provisioner.ReasonAsked {
		t.Errorf("stopping cluster %+v", d)
	}
	stopped(t, w, id)
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterStopped || d.Held != 0 || left(t, w) != 100*billing.ComputeHour-d.Used {
		t.Errorf("stopped cluster %+v, %s left", d, left(t, w))
	}
	for _, lease := range []int64{0, -1, 1 << 62} {
		storetest.WantRefusal(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, lease), "invalid")
	}
	storetest.WantRefusal(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 26*3600), "balance")
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 7200))
	after := work(t, w, id)
	for i, n := range after.Nodes {
		b := before.Nodes[i]
		if n.ID != b.ID || n.Host.ID != b.Host.ID || n.Address != b.Address || n.MAC.String() != b.MAC.String() || n.State != provisioner.NodeReserved || n.StartID != "" {
			t.Errorf("node %+v was %+v", n, b)
		}
	}
	if after.VNI != before.VNI || after.Subnet != before.Subnet || after.StartCount != 2 || after.ReadyAt != nil || after.Batches[0].GateDeadline != nil {
		t.Errorf("started again %+v", after)
	}
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id))
	d := storetest.Cluster(t, w, id)
	if d.State != provisioner.ClusterGone || d.EndedAt == nil || d.Held != 0 || left(t, w) != 100*billing.ComputeHour-d.Used {
		t.Errorf("gone cluster %+v, %s left", d, left(t, w))
	}
	w.Launch(t, "trial-1", 3) // the name is free again
}

func TestSomeoneElsesClusterIsNotThere(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 1)
	node := work(t, w, id).Nodes[0].ID
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Other"))
	for name, err := range map[string]error{
		"show":   second(w.DB.Machines.Cluster(ctx, other, id)),
		"stop":   w.DB.Machines.StopCluster(ctx, other, w.Person, id),
		"start":  w.DB.Machines.StartCluster(ctx, other, w.Person, id, 3600),
		"extend": w.DB.Machines.ExtendLease(ctx, other, w.Person, id, 3600),
		"delete": w.DB.Machines.DeleteCluster(ctx, other, w.Person, id),
		"node":   second(w.DB.Machines.Node(ctx, other, id, node)),
		"ticket": second(w.DB.Machines.IssueConsoleTicket(ctx, other, machines.ConsoleViewer{Person: w.Person}, node, machines.ConsoleLine)),
		"none":   w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, uuid.New()),
	} {
		t.Run(name, func(t *testing.T) { storetest.WantRefusal(t, err, "not_found") })
	}
	if list := storetest.Must[[]machines.ClusterRow](t)(w.DB.Machines.Clusters(ctx, other, machines.ClusterFilter{})); len(list) != 0 {
		t.Errorf("another organization lists %+v", list)
	}
	if list, total, _, err := w.DB.Machines.ProviderClusters(ctx, uuid.New(), machines.ProviderClusterFilter{}); err != nil || len(list) != 0 || total != 0 {
		t.Errorf("another provider lists %+v, %v", list, err)
	}
	if d := storetest.Cluster(t, w, id); d.Desired != provisioner.DesiredRunning {
		t.Errorf("cluster %+v", d)
	}
}

func second[T any](_ T, err error) error { return err }

func TestListsOfClusters(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	first, last := w.Launch(t, "first", 1), w.Launch(t, "last", 2)
	w.Ready(t, last)
	list := storetest.Must[[]machines.ClusterRow](t)(w.DB.Machines.Clusters(ctx, w.Organization, machines.ClusterFilter{}))
	if len(list) != 2 || list[0].ID != last || list[0].State != provisioner.ClusterReady || list[0].ReadyNodes != 3 || list[0].RatePerHour != 3*billing.ComputeHour ||
		list[1].State != provisioner.ClusterWaiting || list[1].ModelName != "trial" || list[1].Version != "1.0" || list[1].PoolName != "main" || list[1].ProviderName != "North" {
		t.Errorf("clusters %+v", list)
	}
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, first))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, first))
	gone := storetest.Must[[]machines.ClusterRow](t)(w.DB.Machines.Clusters(ctx, w.Organization, machines.ClusterFilter{Gone: true}))
	if len(gone) != 1 || gone[0].ID != first || gone[0].State != provisioner.ClusterGone || gone[0].Reason != provisioner.ReasonAsked {
		t.Errorf("gone clusters %+v", gone)
	}
	page, _, _, err := w.DB.Machines.ProviderClusters(ctx, w.Provider, machines.ProviderClusterFilter{Page: store.Page{Limit: 1}})
	storetest.NoError(t, err)
	if len(page) != 1 || page[0].OrganizationName != "Astro" {
		t.Errorf("provider's clusters %+v", page)
	}
}

func TestStartWantsRoomOnTheSameHosts(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 3)
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.StopCluster(t.Context(), w.Organization, w.Person, id))
	stopped(t, w, id)
	w.Exec(t, `UPDATE hosts SET vcpus = 0 WHERE id = $1`, w.Hosts[0])
	r := storetest.WantRefusal(t, w.DB.Machines.StartCluster(t.Context(), w.Organization, w.Person, id, 3600), "capacity")
	if len(r.Detail) != 1 {
		t.Errorf("detail %q", r.Detail)
	}
	w.Exec(t, `UPDATE hosts SET vcpus = 8, state = 'cordoned' WHERE id = $1`, w.Hosts[0])
	storetest.NoError(t, w.DB.Machines.StartCluster(t.Context(), w.Organization, w.Person, id, 3600))
}

func TestStoppedNodesTakeDiskOnly(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 0)
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.StopCluster(t.Context(), w.Organization, w.Person, id))
	stopped(t, w, id)
	host := storetest.Must[machines.Host](t)(w.DB.Machines.Host(t.Context(), w.Provider, work(t, w, id).Nodes[0].Host.ID))
	if host.Used != (provisioner.Shape{DiskGiB: 2}) || host.Nodes != 1 {
		t.Errorf("host %+v", host)
	}
}

func TestEndLeases(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	over, lasting := w.Launch(t, "over", 1), w.Launch(t, "lasting", 1)
	w.Ready(t, over)
	w.Ready(t, lasting)
	if n := storetest.Must[int](t)(w.DB.Machines.EndLeases(ctx)); n != 0 {
		t.Errorf("%d leases ended early", n)
	}
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() - interval '1 minute' WHERE id = $1`, over)
	if n := storetest.Must[int](t)(w.DB.Machines.EndLeases(ctx)); n != 1 {
		t.Errorf("%d leases ended", n)
	}
	if d := storetest.Cluster(t, w, over); d.State != provisioner.ClusterStopping || d.Reason != provisioner.ReasonLeaseEnded {
		t.Errorf("cluster after its lease %+v", d)
	}
	stopped(t, w, over)
	if n := storetest.Must[int](t)(w.DB.Machines.EndLeases(ctx)); n != 0 {
		t.Errorf("%d changed while its disks are kept", n)
	}
	if d := storetest.Cluster(t, w, over); d.KeptUntil == nil || d.KeepDays != 1 {
		t.Errorf("kept until %v", d.KeptUntil)
	}
	w.Exec(t, `UPDATE clusters SET kept_until = now() WHERE id = $1`, over)
	if n := storetest.Must[int](t)(w.DB.Machines.EndLeases(ctx)); n != 1 {
		t.Errorf("%d changed after its day", n)
	}
	if d := storetest.Cluster(t, w, over); d.Desired != provisioner.DesiredGone || d.Reason != provisioner.ReasonLeaseEnded {
		t.Errorf("cluster after its day %+v", d)
	}
	if d := storetest.Cluster(t, w, lasting); d.State != provisioner.ClusterReady {
		t.Errorf("the other cluster %+v", d)
	}
}

// A cluster that a member stopped keeps its disks after the lease: nothing was promised about their end.
func TestEndLeasesLeavesWhatAMemberStopped(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "kept", 1)
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.StopCluster(t.Context(), w.Organization, w.Person, id))
	stopped(t, w, id)
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() - interval '1 year'`)
	if n := storetest.Must[int](t)(w.DB.Machines.EndLeases(t.Context())); n != 0 {
		t.Errorf("%d changed", n)
	}
}

// Hours do not stay set aside for a cluster that is to be deleted while the host that carries it is silent.
func TestEndLeasesGivesBackWhatASilentHostHolds(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 0)
	w.Ready(t, id)
	n := work(t, w, id).Nodes[0]
	w.Observe(t, n.Host.ID, n.ID)
	for range 3 {
		storetest.NoError(t, w.DB.Machines.RecordMissedRound(ctx, n.Host.ID, "test", "no route to host"))
	}
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
	if n := storetest.Must[int](t)(w.DB.Machines.EndLeases(ctx)); n != 1 {
		t.Errorf("%d changed", n)
	}
	if d := storetest.Cluster(t, w, id); d.Held != 0 || left(t, w) != 100*billing.ComputeHour-d.Used {
		t.Errorf("held %s, used %s, left %s", d.Held, d.Used, left(t, w))
	}
}

func TestTwoStartsAtOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 1)
	w.Ready(t, id)
	storetest.NoError(t, w.DB.Machines.StopCluster(t.Context(), w.Organization, w.Person, id))
	stopped(t, w, id)
	before := left(t, w)
	var both errgroup.Group
	codes := make([]string, 2)
	for i := range codes {
		both.Go(func() error {
			err := w.DB.Machines.StartCluster(t.Context(), w.Organization, w.Person, id, 3600)
			if r, refused := refusal.As(err); refused {
				codes[i] = r.Code
				return nil
			}
			return err
		})
	}
	storetest.NoError(t, both.Wait())
	if codes[0]+codes[1] != "state" || left(t, w) != before-2*billing.ComputeHour {
		t.Errorf("codes %q, %s left of %s", codes, left(t, w), before)
	}
}
