package models_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// threeGroups is a draft of a head and two groups that differ in all that they can.
func threeGroups(w *storetest.World, other uuid.UUID) models.VersionDraft {
	d := storetest.DraftOf(w)
	gpu := d.Model.Compute[0]
	gpu.Name, gpu.Count, gpu.Shape, gpu.UserData = "gpu", provisioner.Count{Most: 2}, provisioner.Shape{VCPUs: 8, MemoryMiB: 4096, DiskGiB: 9}, "#!/bin/sh\n"
	gpu.Gate = provisioner.Gate{Kind: provisioner.GateAddress, Text: "typed before", TimeoutSeconds: 600}
	d.Model.Compute, d.Images = append(d.Model.Compute, gpu), append(d.Images, other)
	d.Model.Commands.Queue = []string{"squeue", "-h"}
	return d
}

// What is saved is a document, whole each time, and what is beside it is its projection; publishing it writes its digest into the log, and from then on
// nothing changes it.
func TestAVersionIsADocument(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	other := w.AddImageOf(t, w.Organization, w.Person, strings.Repeat("e", 64), 77)
	d := threeGroups(w, other)
	d.ID = storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, d))
	read := func() models.Version {
		t.Helper()
		storetest.WantProjections(t, w.Pool)
		return storetest.Must[models.Version](t)(w.DB.Models.Version(ctx, w.Organization, d.ID))
	}
	v := read()
	if wrong := manifest.Check(v.Model); wrong != nil {
		t.Errorf("what was saved is wrong: %v", wrong)
	}
	gpu, ok := v.Group("gpu")
	want := provisioner.ImageRef{Name: "sample.qcow2", Digest: strings.Repeat("e", 64)}
	if !ok || len(v.Groups) != 3 || gpu.ImageID != other || gpu.Digest != want.Digest || gpu.ImageSize != 77 || gpu.Starts != provisioner.FirmwareBIOS || gpu.Image != want ||
		gpu.Gate.Text != "" || v.Model.Commands.Queue[0] != "squeue" || v.DocumentDigest != manifest.Digest(manifest.Canonical(v.Model)) {
		t.Errorf("read %+v", v)
	}
	if d.Model.Compute[1].Gate.Text == "" || d.Model.Compute[1].Image != (provisioner.ImageRef{}) {
		t.Error("the draft that was given is changed")
	}
	d.Revision, d.Model.Compute, d.Images = 1, d.Model.Compute[1:], []uuid.UUID{w.Image, other}
	storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, d))
	less := read()
	if len(less.Groups) != 2 || less.Groups[1].Name != "gpu" || less.DocumentDigest == v.DocumentDigest {
		t.Errorf("with a group less: %+v", less)
	}
	list, _, err := w.DB.Models.ListVersions(ctx, w.Organization, w.Model, models.VersionFilter{})
	if err != nil || list[0].ComputeMin != 0 || list[0].ComputeMax != 2 {
		t.Errorf("listed as %+v, %v", list, err)
	}
	d.Revision = 2
	d.Model.Compute[0].DataDisks = []provisioner.DataDisk{{Name: "scratch", SizeGiB: 1}}
	_, err = w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, d)
	if r := storetest.WantRefusal(t, err, "invalid"); !strings.Contains(r.Fields["compute[0].data_disks"], "cannot do that yet") {
		t.Errorf("%v", r.Fields)
	}

	storetest.NoError(t, w.DB.Models.PublishVersion(ctx, w.Organization, w.Person, d.ID, 2))
	var logged string
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT detail->>'document_digest' FROM audit WHERE verb = 'publish version' AND subject_id = $1`, d.ID).Scan(&logged))
	if logged != less.DocumentDigest {
		t.Errorf("the log says %q", logged)
	}
	w.Exec(t, `UPDATE images SET name = 'renamed' WHERE id = $1`, other)
	if after := read(); after.Groups[1].Image.Name != "sample.qcow2" || after.DocumentDigest != less.DocumentDigest {
		t.Errorf("an image's new name is in a published version: %+v", after.Groups[1].Image)
	}
	if _, err := w.Pool.Exec(ctx, `UPDATE model_versions SET document_digest = repeat('0', 64) WHERE id = $1`, w.Version); err == nil {
		t.Error("the database takes a digest for a published version")
	}
}

// A draft's digest is of its document, or the database does not take it.
func TestTheDatabaseHoldsTheDigest(t *testing.T) {
	w := storetest.NewWorld(t)
	id := storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, storetest.DraftOf(w)))
	if _, err := w.Pool.Exec(t.Context(), `UPDATE model_versions SET document = document || ' ' WHERE id = $1`, id); err == nil || !strings.Contains(err.Error(), "document_digest") {
		t.Errorf("a document of another digest: %v", err)
	}
}

// An image from before it was looked at what a guest reads of it may stand in a draft; who publishes that is told.
func TestAnImageThatADocumentCannotName(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE images SET guest_digest = '' WHERE id = $1`, w.Image)
	d := storetest.DraftOf(w)
	id := storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d))
	r := storetest.WantRefusal(t, w.DB.Models.PublishVersion(t.Context(), w.Organization, w.Person, id, 1), "image_digest")
	if !strings.Contains(r.Title, "sample.qcow2") || !strings.Contains(r.Next, "Upload its file again") {
		t.Errorf("%+v", r)
	}
}

// A document has a bound that all groups together meet.
func TestADocumentIsBounded(t *testing.T) {
	w := storetest.NewWorld(t)
	d := storetest.DraftOf(w)
	d.Model.Compute[0].UserData = "#!/bin/sh\n" + strings.Repeat("#", 60<<10)
	for i := range 4 {
		g := d.Model.Compute[0]
		g.Name = "more" + strings.Repeat("e", i)
		d.Model.Compute, d.Images = append(d.Model.Compute, g), append(d.Images, w.Image)
	}
	_, err := w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d)
	if r := storetest.WantRefusal(t, err, "too_large"); !strings.Contains(r.Title, "256 KiB") {
		t.Errorf("%+v", r)
	}
}
