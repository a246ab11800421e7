package machines_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// ticketOf is what a viewer shows for a token.
func ticketOf(token string, v machines.ConsoleViewer, node uuid.UUID, part machines.ConsolePart) machines.ConsoleTicket {
	return machines.ConsoleTicket{Token: token, Node: node, Session: v.Session, Part: part}
}

func TestConsoleTickets(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 1)
	n, other := work(t, w, id).Nodes[0], work(t, w, id).Nodes[1]
	host := storetest.Must[machines.NodeHost](t)(w.DB.Machines.Node(ctx, w.Organization, id, n.ID))
	if host.NodeName != "head" || host.Address.Scheme != provisioner.SchemeMemory || host.HostID != n.Host.ID || host.ClusterID != id {
		t.Errorf("node %+v", host)
	}
	v := w.Viewer(t, w.Organization)
	issue := func() string {
		return storetest.Must[string](t)(w.DB.Machines.IssueConsoleTicket(ctx, w.Organization, v, n.ID, machines.ConsoleLine))
	}
	token := issue()
	// Nobody else opens anything else by it, and trying does not use it up.
	elsewhere := w.Viewer(t, w.Organization)
	for name, wrong := range map[string]machines.ConsoleTicket{
		"another node":    ticketOf(token, v, other.ID, machines.ConsoleLine),
		"another session": ticketOf(token, elsewhere, n.ID, machines.ConsoleLine),
		"another part":    ticketOf(token, v, n.ID, machines.ConsoleLog),
		"another token":   ticketOf(token+"x", v, n.ID, machines.ConsoleLine),
		"nothing":         {},
	} {
		if _, err := w.DB.Machines.RedeemConsoleTicket(ctx, wrong); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	right := ticketOf(token, v, n.ID, machines.ConsoleLine)
	won := make(chan machines.OpenConsole, 5)
	var tries errgroup.Group
	for range cap(won) {
		tries.Go(func() error {
			h, err := w.DB.Machines.RedeemConsoleTicket(ctx, right)
			if _, refused := refusal.As(err); refused {
				return nil
			}
			won <- h
			return err
		})
	}
	storetest.NoError(t, tries.Wait())
	close(won)
	if o := <-won; len(won) != 0 || o.NodeHost != host || o.Viewer != v || o.Staff {
		t.Errorf("one of five won %+v, and %d more", o, len(won))
	}
	late := issue()
	w.Exec(t, `UPDATE console_tickets SET expires_at = now()`)
	storetest.WantRefusal(t, second(w.DB.Machines.RedeemConsoleTicket(ctx, ticketOf(late, v, n.ID, machines.ConsoleLine))), "not_found")
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id))
	storetest.WantRefusal(t, second(w.DB.Machines.IssueConsoleTicket(ctx, w.Organization, v, n.ID, machines.ConsoleLine)), "not_found")
	storetest.WantRefusal(t, second(w.DB.Machines.Node(ctx, w.Organization, id, n.ID)), "not_found")
}

// The right to a console ends with each thing that it rests on, for a ticket that is not used yet as for a console that is
// open; and whose it was is told.
func TestTheRightToAConsoleEnds(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	cluster := w.Launch(t, "one", 0)
	node := work(t, w, cluster).Nodes[0].ID
	w.Exec(t, `INSERT INTO staff (provider_id, person_id, role, created_at) VALUES ($1, $2, 'operator', now())`, w.Provider, w.Person)
	listening, stop := context.WithCancel(ctx)
	told, ended := make(chan uuid.UUID, 100), make(chan error, 1)
	go func() { ended <- w.DB.Core.ListenRights(listening, func(p uuid.UUID) { told <- p }) }()
	t.Cleanup(func() { stop(); <-ended })
	storetest.Next(t, told, func(p uuid.UUID) bool { return p == uuid.Nil })

	const here = ` WHERE person_id = $1`
	for name, c := range map[string]struct {
		staff     bool
		end, back string // $1: the person
		told      uuid.UUID
	}{
		"session ended":              {false, `DELETE FROM sessions` + here, ``, w.Person},
		"session late":               {false, `UPDATE sessions SET expires_at = now()` + here, ``, w.Person},
		"session switched":           {false, `UPDATE sessions SET organization_id = NULL` + here, ``, w.Person},
		"role of billing":            {false, `UPDATE memberships SET role = 'billing'` + here, `UPDATE memberships SET role = 'owner'` + here, w.Person},
		"membership removed":         {false, `DELETE FROM memberships` + here, `INSERT INTO memberships (organization_id, person_id, role, created_at) SELECT id, $1, 'owner', now() FROM organizations`, w.Person},
		"person suspended":           {false, `UPDATE people SET suspended_at = now(), suspended_reason = 'x' WHERE id = $1`, `UPDATE people SET suspended_at = NULL, suspended_reason = '' WHERE id = $1`, w.Person},
		"staff: session ended":       {true, `DELETE FROM sessions` + here, ``, w.Person},
		"staff: accountant":          {true, `UPDATE staff SET role = 'accountant'` + here, `UPDATE staff SET role = 'operator'` + here, w.Person},
		"staff: removed":             {true, `DELETE FROM staff` + here, `INSERT INTO staff (provider_id, person_id, role, created_at) SELECT id, $1, 'operator', now() FROM providers`, w.Person},
		"staff: consent withdrawn":   {true, `UPDATE console_consents SET revoked_at = now() WHERE person_id = $1`, ``, uuid.Nil},
		"staff: consent came to end": {true, `UPDATE console_consents SET created_at = now() - interval '2 hours', until_at = now() WHERE person_id = $1`, ``, uuid.Nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := w.Viewer(t, w.Organization)
			if c.staff {
				v = w.StaffViewer(t)
				w.Exec(t, `UPDATE console_consents SET revoked_at = now() WHERE revoked_at IS NULL`)
				w.Exec(t, `INSERT INTO console_consents (id, cluster_id, organization_id, person_id, created_at, until_at)
					VALUES (gen_random_uuid(), $1, $2, $3, now() - interval '1 hour', now() + interval '1 hour')`, cluster, w.Organization, w.Person)
			}
			issue := func() machines.ConsoleTicket {
				if c.staff {
					return ticketOf(storetest.Must[string](t)(w.DB.Machines.IssueStaffTicket(ctx, w.Provider, v, node, machines.ConsoleLine)), v, node, machines.ConsoleLine)
				}
				return ticketOf(storetest.Must[string](t)(w.DB.Machines.IssueConsoleTicket(ctx, w.Organization, v, node, machines.ConsoleLine)), v, node, machines.ConsoleLine)
			}
			worker := storetest.OpenAs(t, w.Pool, store.RoleWorker)
			open := storetest.Must[machines.OpenConsole](t)(worker.Machines.RedeemConsoleTicket(ctx, issue()))
			unused := issue()
			if lasts, err := worker.Machines.ConsoleLasts(ctx, open); err != nil || !lasts {
				t.Fatalf("before: %t %v", lasts, err)
			}
			for len(told) > 0 {
				<-told
			}
			w.Exec(t, c.end, w.Person)
			storetest.Next(t, told, func(p uuid.UUID) bool { return p == c.told })
			if lasts, err := worker.Machines.ConsoleLasts(ctx, open); err != nil || lasts {
				t.Errorf("after: %t %v", lasts, err)
			}
			storetest.WantRefusal(t, second(worker.Machines.RedeemConsoleTicket(ctx, unused)), "not_found")
			if c.back != "" {
				w.Exec(t, c.back, w.Person)
			}
		})
	}
}
