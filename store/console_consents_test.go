package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestStaffSeeAConsoleOnlyByConsent(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	cluster := w.Launch(t, "one", 1)
	head := must[store.ClusterDetail](t)(w.DB.Cluster(ctx, w.Organization, cluster)).NodeRows[0].ID
	w.Exec(t, `INSERT INTO staff (provider_id, person_id, role, created_at) VALUES ($1, $2, 'operator', now())`, w.Provider, w.Person)
	v := w.StaffViewer(t)
	look := func() error {
		_, err := w.DB.IssueStaffTicket(ctx, w.Provider, v, head, store.ConsoleLine)
		return err
	}
	wantRefusal(t, look(), "no_consent")

	noError(t, w.DB.ConsentToConsole(ctx, w.Organization, w.Person, cluster, time.Hour))
	token := must[string](t)(w.DB.IssueStaffTicket(ctx, w.Provider, v, head, store.ConsoleLog))
	ticket := ticketOf(token, v, head, store.ConsoleLog)
	if host := must[store.OpenConsole](t)(w.DB.RedeemConsoleTicket(ctx, ticket)); host.NodeID != head || !host.Staff {
		t.Errorf("the ticket opens %+v", host)
	}
	_, err := w.DB.RedeemConsoleTicket(ctx, ticket)
	wantRefusal(t, err, "not_found")
	looks := must[[]store.ConsoleLook](t)(w.DB.ConsoleLooks(ctx, w.Organization, cluster, store.Page{}))
	if len(looks) != 1 || looks[0].PersonName != "Ada" || looks[0].NodeName != "head" || looks[0].Part != "log" {
		t.Errorf("looks %+v", looks)
	}
	if looks = must[[]store.ConsoleLook](t)(w.DB.ConsoleLooks(ctx, uuid.New(), cluster, store.Page{})); len(looks) != 0 {
		t.Errorf("another organization reads %+v", looks)
	}
	_, err = w.DB.IssueStaffTicket(ctx, uuid.New(), v, head, store.ConsoleLine)
	wantRefusal(t, err, "not_found")

	noError(t, w.DB.WithdrawConsoleConsent(ctx, w.Organization, w.Person, cluster))
	wantRefusal(t, look(), "no_consent")
	noError(t, w.DB.WithdrawConsoleConsent(ctx, w.Organization, w.Person, cluster))

	// A consent ends by itself, and with its cluster.
	noError(t, w.DB.ConsentToConsole(ctx, w.Organization, w.Person, cluster, time.Hour))
	w.Exec(t, `UPDATE console_consents SET created_at = now() - interval '2 hours', until_at = now() - interval '1 second' WHERE revoked_at IS NULL`)
	wantRefusal(t, look(), "no_consent")
	if c := must[*store.ConsoleConsent](t)(w.DB.ConsentForProvider(ctx, w.Provider, cluster)); c != nil {
		t.Errorf("a consent that ended: %+v", c)
	}
}

func TestConsentToConsole(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	cluster := w.Launch(t, "one", 0)
	wantRefusal(t, w.DB.ConsentToConsole(ctx, w.Organization, w.Person, cluster, 0), "invalid")
	wantRefusal(t, w.DB.ConsentToConsole(ctx, w.Organization, w.Person, cluster, 31*24*time.Hour), "invalid")
	wantRefusal(t, w.DB.ConsentToConsole(ctx, uuid.New(), w.Person, cluster, time.Hour), "not_found")
	wantRefusal(t, w.DB.WithdrawConsoleConsent(ctx, uuid.New(), w.Person, cluster), "not_found")

	noError(t, w.DB.ConsentToConsole(ctx, w.Organization, w.Person, cluster, time.Hour))
	noError(t, w.DB.ConsentToConsole(ctx, w.Organization, w.Person, cluster, 3*time.Hour))
	c := must[*store.ConsoleConsent](t)(w.DB.ConsoleConsent(ctx, w.Organization, cluster))
	if c == nil || c.PersonName != "Ada" || c.UntilAt.Sub(c.CreatedAt) != 3*time.Hour {
		t.Errorf("consent %+v", c)
	}
	if c = must[*store.ConsoleConsent](t)(w.DB.ConsoleConsent(ctx, uuid.New(), cluster)); c != nil {
		t.Errorf("another organization's consent %+v", c)
	}
	if c = must[*store.ConsoleConsent](t)(w.DB.ConsentForProvider(ctx, uuid.New(), cluster)); c != nil {
		t.Errorf("another provider's consent %+v", c)
	}
	noError(t, w.DB.DeleteCluster(ctx, w.Organization, w.Person, cluster))
	noError(t, w.DB.MarkClusterGone(ctx, cluster))
	wantRefusal(t, w.DB.ConsentToConsole(ctx, w.Organization, w.Person, cluster, time.Hour), "gone")
}
