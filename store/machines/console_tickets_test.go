package machines_test

import (
	"testing"

	"golang.org/x/sync/errgroup"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

func TestConsoleTickets(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 0)
	n := work(t, w, id).Nodes[0]
	host := storetest.Must[machines.NodeHost](t)(w.DB.Machines.Node(ctx, w.Organization, id, n.ID))
	if host.NodeName != "head" || host.Address.Scheme != provisioner.SchemeMemory || host.HostID != n.Host.ID || host.ClusterID != id {
		t.Errorf("node %+v", host)
	}
	token := storetest.Must[string](t)(w.DB.Machines.IssueConsoleTicket(ctx, w.Organization, w.Person, n.ID))
	won := make(chan machines.NodeHost, 5)
	var tries errgroup.Group
	for range cap(won) {
		tries.Go(func() error {
			h, err := w.DB.Machines.RedeemConsoleTicket(ctx, token)
			if _, refused := provisioner.AsRefusal(err); refused {
				return nil
			}
			won <- h
			return err
		})
	}
	storetest.NoError(t, tries.Wait())
	close(won)
	if len(won) != 1 || <-won != host {
		t.Errorf("%d of five won", len(won))
	}
	late := storetest.Must[string](t)(w.DB.Machines.IssueConsoleTicket(ctx, w.Organization, w.Person, n.ID))
	w.Exec(t, `UPDATE console_tickets SET expires_at = now()`)
	storetest.WantRefusal(t, second(w.DB.Machines.RedeemConsoleTicket(ctx, late)), "not_found")
	storetest.WantRefusal(t, second(w.DB.Machines.RedeemConsoleTicket(ctx, "")), "not_found")
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
	storetest.NoError(t, w.DB.Machines.MarkClusterGone(ctx, id))
	storetest.WantRefusal(t, second(w.DB.Machines.IssueConsoleTicket(ctx, w.Organization, w.Person, n.ID)), "not_found")
	storetest.WantRefusal(t, second(w.DB.Machines.Node(ctx, w.Organization, id, n.ID)), "not_found")
}
