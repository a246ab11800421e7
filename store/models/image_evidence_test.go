package models_test

import (
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// TestRecordedConsoles finds what an organization's newest test kept of an image: the head's console, and whether its agent answered.
func TestRecordedConsoles(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	images := []uuid.UUID{w.Image, uuid.New()}
	tested := func(report string) uuid.UUID {
		t.Helper()
		id := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(ctx, w.Organization, w.Person, w.Version, w.PoolID))
		storetest.NoError(t, w.DB.Models.FinishAcceptanceTest(ctx, id, false, provisioner.Report{}))
		w.Exec(t, `UPDATE acceptance_tests SET report = $2 WHERE id = $1`, id, report)
		test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.TestForWorker(ctx, id))
		storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, test.ClusterID))
		return id
	}
	if none, err := w.DB.Models.RecordedConsoles(ctx, w.Organization, images); err != nil || len(none) != 0 {
		t.Errorf("before any test: %+v, %v", none, err)
	}
	first := tested(`{"guest_agent": "none", "nodes": [{"name": "compute-001", "console": "of compute"}, {"name": "head", "console": "head login:"}]}`)
	tested(`{"nodes": null}`)
	consoles := storetest.Must[map[uuid.UUID]models.RecordedConsole](t)(w.DB.Models.RecordedConsoles(ctx, w.Organization, images))
	if c := consoles[w.Image]; len(consoles) != 1 || c.TestID != first || c.Node != "head" || c.Text != "head login:" || c.At.IsZero() {
		t.Errorf("recorded %+v", consoles)
	}
	if without := storetest.Must[map[uuid.UUID]bool](t)(w.DB.Models.AgentlessImages(ctx, w.Organization, images)); len(without) != 1 || !without[w.Image] {
		t.Errorf("without an agent: %v", without)
	}
	if others, err := w.DB.Models.RecordedConsoles(ctx, uuid.New(), images); err != nil || len(others) != 0 {
		t.Errorf("another organization sees %+v, %v", others, err)
	}
	last := tested(`{"guest_agent": "answers", "nodes": [{"name": "compute-001", "console": "slurmd up"}, {"name": "head", "console": ""}]}`)
	consoles = storetest.Must[map[uuid.UUID]models.RecordedConsole](t)(w.DB.Models.RecordedConsoles(ctx, w.Organization, images))
	if c := consoles[w.Image]; c.TestID != last || c.Node != "compute-001" {
		t.Errorf("recorded %+v", consoles)
	}
	if without := storetest.Must[map[uuid.UUID]bool](t)(w.DB.Models.AgentlessImages(ctx, w.Organization, images)); len(without) != 0 {
		t.Errorf("without an agent: %v", without)
	}
}
