package handlertest

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"volary.dev/handlers/loops"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// Certify lets a test of the world's version pass, and signs its certificate; it gives the address of that, and the key of the provider's that signed.
func (a *App) Certify(w *World) (address string, key uuid.UUID) {
	a.t.Helper()
	ctx, worker := context.Background(), storetest.OpenAs(a.t, a.Pool, store.RoleWorker)
	id := a.Test(w)
	a.ok(worker.Models.FinishAcceptanceTest(ctx, id, true, provisioner.Report{Checks: []provisioner.ReportCheck{
		{Name: provisioner.CheckBoots, Title: "Every node boots", Result: provisioner.ResultPassed, Channel: provisioner.ChannelHost, Seconds: 2},
		{Name: provisioner.CheckPings, Title: "Every pair of nodes reaches each other", Result: provisioner.NotObserved, Evidence: "Nobody looked."},
	}}))
	c := &loops.Certifier{Models: worker.Models, Books: worker.Books, Identity: storetest.MailIdentity(), Log: slog.New(slog.DiscardHandler)}
	a.ok(c.Look(ctx))
	made, ok, err := a.Store.Models.CertificateOfTest(ctx, w.Organization, id)
	a.ok(err)
	if !ok {
		a.t.Fatal("the test has no certificate")
	}
	signed, err := worker.Models.SigningKey(ctx, w.North)
	a.ok(err)
	test, err := worker.Models.TestForWorker(ctx, id)
	a.ok(err)
	a.ok(worker.Machines.MarkNodesGone(ctx, test.ClusterID)) // another test has its room
	return made.Address, signed.ID
}
