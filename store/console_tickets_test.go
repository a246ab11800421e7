package store_test

import (
	"testing"

	"golang.org/x/sync/errgroup"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestConsoleTickets(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 0)
	n := work(t, w, id).Nodes[0]
	host := must[store.NodeHost](t)(w.DB.Node(ctx, w.Organization, id, n.ID))
	if host.NodeName != "head" || host.Address.Scheme != provisioner.SchemeMemory || host.HostID != n.Host.ID || host.ClusterID != id {
		t.Errorf("node %+v", host)
	}
	token := must[string](t)(w.DB.IssueConsoleTicket(ctx, w.Organization, w.Person, n.ID))
	won := make(chan store.NodeHost, 5)
	var tries errgroup.Group
	for range cap(won) {
		tries.Go(func() error {
			h, err := w.DB.RedeemConsoleTicket(ctx, token)
			if _, refused := provisioner.AsRefusal(err); refused {
				return nil
			}
			won <- h
			return err
		})
	}
	noError(t, tries.Wait())
	close(won)
	if len(won) != 1 || <-won != host {
		t.Errorf("%d of five won", len(won))
	}
	late := must[string](t)(w.DB.IssueConsoleTicket(ctx, w.Organization, w.Person, n.ID))
	w.Exec(t, `UPDATE console_tickets SET expires_at = now()`)
	wantRefusal(t, second(w.DB.RedeemConsoleTicket(ctx, late)), "not_found")
	wantRefusal(t, second(w.DB.RedeemConsoleTicket(ctx, "")), "not_found")
	noError(t, w.DB.DeleteCluster(ctx, w.Organization, w.Person, id))
	noError(t, w.DB.MarkClusterGone(ctx, id))
	wantRefusal(t, second(w.DB.IssueConsoleTicket(ctx, w.Organization, w.Person, n.ID)), "not_found")
	wantRefusal(t, second(w.DB.Node(ctx, w.Organization, id, n.ID)), "not_found")
}
