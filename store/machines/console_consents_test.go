package machines_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

func TestStaffSeeAConsoleOnlyByConsent(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	cluster := w.Launch(t, "one", 1)
	head := storetest.Must[machines.ClusterDetail](t)(w.DB.Machines.Cluster(ctx, w.Organization, cluster)).NodeRows[0].ID
	w.Exec(t, `INSERT INTO staff (provider_id, person_id, role, created_at) VALUES ($1, $2, 'operator', now())`, w.Provider, w.Person)
	v := w.StaffViewer(t)
	look := func() error {
		_, err := w.DB.Machines.IssueStaffTicket(ctx, w.Provider, v, head, machines.ConsoleLine)
		return err
	}
	storetest.WantRefusal(t, look(), "no_consent")

	storetest.NoError(t, w.DB.Machines.ConsentToConsole(ctx, w.Organization, w.Person, cluster, time.Hour))
	token := storetest.Must[string](t)(w.DB.Machines.IssueStaffTicket(ctx, w.Provider, v, head, machines.ConsoleLog))
	ticket := ticketOf(token, v, head, machines.ConsoleLog)
	if host := storetest.Must[machines.OpenConsole](t)(w.DB.Machines.RedeemConsoleTicket(ctx, ticket)); host.NodeID != head || !host.Staff {
		t.Errorf("the ticket opens %+v", host)
	}
	_, err := w.DB.Machines.RedeemConsoleTicket(ctx, ticket)
	storetest.WantRefusal(t, err, "not_found")
	looks := storetest.Must[[]machines.ConsoleLook](t)(w.DB.Machines.ConsoleLooks(ctx, w.Organization, cluster, store.Page{}))
	if len(looks) != 1 || looks[0].PersonName != "Ada" || looks[0].NodeName != "head" || looks[0].Part != "log" {
		t.Errorf("looks %+v", looks)
	}
	if looks = storetest.Must[[]machines.ConsoleLook](t)(w.DB.Machines.ConsoleLooks(ctx, uuid.New(), cluster, store.Page{})); len(looks) != 0 {
		t.Errorf("another organization reads %+v", looks)
	}
	_, err = w.DB.Machines.IssueStaffTicket(ctx, uuid.New(), v, head, machines.ConsoleLine)
	storetest.WantRefusal(t, err, "not_found")

	storetest.NoError(t, w.DB.Machines.WithdrawConsoleConsent(ctx, w.Organization, w.Person, cluster))
	storetest.WantRefusal(t, look(), "no_consent")
	storetest.NoError(t, w.DB.Machines.WithdrawConsoleConsent(ctx, w.Organization, w.Person, cluster))

	// A consent ends by itself, and with its cluster.
	storetest.NoError(t, w.DB.Machines.ConsentToConsole(ctx, w.Organization, w.Person, cluster, time.Hour))
	w.Exec(t, `UPDATE console_consents SET created_at = now() - interval '2 hours', until_at = now() - interval '1 second' WHERE revoked_at IS NULL`)
	storetest.WantRefusal(t, look(), "no_consent")
	if c := storetest.Must[*machines.ConsoleConsent](t)(w.DB.Machines.ConsentForProvider(ctx, w.Provider, cluster)); c != nil {
		t.Errorf("a consent that ended: %+v", c)
	}
}

func TestConsentToConsole(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	cluster := w.Launch(t, "one", 0)
	storetest.WantRefusal(t, w.DB.Machines.ConsentToConsole(ctx, w.Organization, w.Person, cluster, 0), "invalid")
	storetest.WantRefusal(t, w.DB.Machines.ConsentToConsole(ctx, w.Organization, w.Person, cluster, 31*24*time.Hour), "invalid")
	storetest.WantRefusal(t, w.DB.Machines.ConsentToConsole(ctx, uuid.New(), w.Person, cluster, time.Hour), "not_found")
	storetest.WantRefusal(t, w.DB.Machines.WithdrawConsoleConsent(ctx, uuid.New(), w.Person, cluster), "not_found")

	storetest.NoError(t, w.DB.Machines.ConsentToConsole(ctx, w.Organization, w.Person, cluster, time.Hour))
	storetest.NoError(t, w.DB.Machines.ConsentToConsole(ctx, w.Organization, w.Person, cluster, 3*time.Hour))
	c := storetest.Must[*machines.ConsoleConsent](t)(w.DB.Machines.ConsoleConsent(ctx, w.Organization, cluster))
	if c == nil || c.PersonName != "Ada" || c.UntilAt.Sub(c.CreatedAt) != 3*time.Hour {
		t.Errorf("consent %+v", c)
	}
	if c = storetest.Must[*machines.ConsoleConsent](t)(w.DB.Machines.ConsoleConsent(ctx, uuid.New(), cluster)); c != nil {
		t.Errorf("another organization's consent %+v", c)
	}
	if c = storetest.Must[*machines.ConsoleConsent](t)(w.DB.Machines.ConsentForProvider(ctx, uuid.New(), cluster)); c != nil {
		t.Errorf("another provider's consent %+v", c)
	}
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, cluster))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, cluster))
	storetest.WantRefusal(t, w.DB.Machines.ConsentToConsole(ctx, w.Organization, w.Person, cluster, time.Hour), "gone")
}
