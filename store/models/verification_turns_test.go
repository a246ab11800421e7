package models_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

func TestVerificationTurns(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	storetest.NoError(t, w.DB.Models.CreateUpload(ctx, w.Organization, w.Person, hexID(1), "disk", 1))
	// Two jobs that run, whatever they are.
	var ids []int64
	for range 2 {
		var id int64
		storetest.NoError(t, w.Pool.QueryRow(ctx, `INSERT INTO river_job (kind, max_attempts, args, state, attempted_at, attempt, queue)
			VALUES ('verify_upload', 3, jsonb_build_object('upload_id', $1::uuid), 'running', now(), 1, 'verify') RETURNING id`, hexID(1)).Scan(&id))
		ids = append(ids, id)
	}
	take := func(org uuid.UUID, job int64) bool {
		return storetest.Must[bool](t)(w.DB.Models.TakeVerificationTurn(ctx, org, job))
	}
	for range 2 {
		if !take(w.Organization, ids[0]) {
			t.Error("the first one that asks has the turn, however often it asks")
		}
	}
	if take(w.Organization, ids[1]) {
		t.Error("two have the turn")
	}
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(ctx, uuid.Nil, "Birds"))
	if !take(other, ids[1]) {
		t.Error("another organization waits")
	}
	w.Exec(t, `UPDATE river_job SET state = 'available' WHERE id = $1`, ids[0])
	if !take(w.Organization, ids[1]) {
		t.Error("the turn of a job that does not run is not free")
	}
	w.Exec(t, `UPDATE river_job SET state = 'scheduled', scheduled_at = now() + interval '1 hour' WHERE id = $1`, ids[0])
	storetest.NoError(t, w.DB.Models.EndVerificationTurn(ctx, w.Organization, ids[0]))
	var waiting int
	due := func() int {
		storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT count(*) FROM river_job WHERE state = 'available' AND scheduled_at <= now() AND id = $1`, ids[0]).Scan(&waiting))
		return waiting
	}
	if due() != 0 {
		t.Error("a turn that the job does not have was ended")
	}
	storetest.NoError(t, w.DB.Models.EndVerificationTurn(ctx, w.Organization, ids[1]))
	if due() != 1 {
		t.Error("the next job was not taken up")
	}
}

func TestVerificationTurnAtOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	var mu sync.Mutex
	var all sync.WaitGroup
	taken := 0
	for range 8 {
		var id int64
		storetest.NoError(t, w.Pool.QueryRow(t.Context(), `INSERT INTO river_job (kind, max_attempts, args, state, attempted_at, attempt, queue)
			VALUES ('verify_upload', 3, '{}', 'running', now(), 1, 'verify') RETURNING id`).Scan(&id))
		all.Go(func() {
			ok, err := w.DB.Models.TakeVerificationTurn(t.Context(), w.Organization, id)
			mu.Lock()
			defer mu.Unlock()
			if ok {
				taken++
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if taken != 1 {
		t.Errorf("%d jobs have the turn", taken)
	}
}

func TestLargestDisk(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	largest := func() models.LargestDisk { return storetest.Must[models.LargestDisk](t)(w.DB.Models.LargestDisk(ctx)) }
	if d := largest(); d != (models.LargestDisk{GiB: 2, Shape: "small", Provider: "North"}) {
		t.Errorf("%+v", d)
	}
	big := storetest.Must[uuid.UUID](t)(w.DB.Machines.CreateShape(ctx, uuid.Nil, w.Provider, machines.NewShape{Name: "big", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 40}}))
	if d := largest(); d.GiB != 40 || d.Shape != "big" {
		t.Errorf("%+v", d)
	}
	w.Exec(t, `UPDATE shapes SET retired_at = now() WHERE id = $1`, big)
	if d := largest(); d.GiB != 2 {
		t.Errorf("retired: %+v", d)
	}
	w.Exec(t, `UPDATE providers SET state = 'suspended'`)
	if d := largest(); d.GiB != 0 {
		t.Errorf("suspended: %+v", d)
	}
}

func TestUploadWaits(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	reason := func() string {
		return storetest.Must[models.Upload](t)(w.DB.Models.Upload(ctx, w.Organization, hexID(1))).Reason
	}
	storetest.NoError(t, w.DB.Models.CreateUpload(ctx, w.Organization, w.Person, hexID(1), "disk", 1))
	storetest.NoError(t, w.DB.Models.RecordUploadWaits(ctx, hexID(1), "for room"))
	if reason() != "" {
		t.Error("an upload that arrives waits for its check")
	}
	storetest.NoError(t, w.DB.Models.FinishUpload(ctx, w.Person, hexID(1)))
	storetest.NoError(t, w.DB.Models.RecordUploadWaits(ctx, hexID(1), "for room"))
	if reason() != "for room" {
		t.Errorf("it waits: %q", reason())
	}
	storetest.NoError(t, w.DB.Models.RecordUploadChecks(ctx, hexID(1), nil))
	if reason() != "" {
		t.Errorf("it is checked: %q", reason())
	}
}
