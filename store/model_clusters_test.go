package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func draftOf(w *storetest.World) store.VersionDraft {
	shape := provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}
	return store.VersionDraft{
		ModelClusterID: w.Model, Version: "2.0", ComputeMin: 1, ComputeMax: 4,
		Roles: []store.RoleDraft{
			{Role: provisioner.RoleHead, ImageID: w.Image, Shape: shape, UserData: "#cloud-config\n"},
			{Role: provisioner.RoleCompute, ImageID: w.Image, Shape: shape},
		},
		Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: "ready", TimeoutSeconds: 60},
	}
}

func TestModelClusters(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	_, err := w.DB.CreateModelCluster(ctx, w.Organization, w.Person, "trial")
	wantRefusal(t, err, "duplicate")
	_, err = w.DB.CreateModelCluster(ctx, w.Organization, w.Person, strings.Repeat("x", 81))
	wantRefusal(t, err, "invalid")
	must[uuid.UUID](t)(w.DB.CreateModelCluster(ctx, w.Organization, w.Person, "another"))
	m := must[store.ModelCluster](t)(w.DB.ModelCluster(ctx, w.Organization, w.Model))
	if m.Name != "trial" || len(m.Versions) != 1 || m.Versions[0].Version != "1.0" || m.Versions[0].LastTestID != nil {
		t.Errorf("model cluster %+v", m)
	}
	_, err = w.DB.ModelCluster(ctx, uuid.New(), w.Model)
	wantRefusal(t, err, "not_found")
}

func TestSaveAndPublishVersion(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	d := draftOf(w)
	d.ID = must[uuid.UUID](t)(w.DB.SaveVersion(ctx, w.Organization, w.Person, d))
	v := must[store.Version](t)(w.DB.Version(ctx, w.Organization, d.ID))
	if v.ModelClusterName != "trial" || v.State != store.VersionStateDraft || v.Revision != 1 || v.Gate != d.Gate || len(v.Roles) != 2 ||
		v.Roles[0].Role != provisioner.RoleHead || v.Roles[0].UserData != "#cloud-config\n" || v.Roles[0].Digest != storetest.Digest {
		t.Errorf("version %+v", v)
	}
	d.Revision, d.ComputeMax = 1, 5
	must[uuid.UUID](t)(w.DB.SaveVersion(ctx, w.Organization, w.Person, d))
	_, err := w.DB.SaveVersion(ctx, w.Organization, w.Person, d)
	wantRefusal(t, err, "stale_form")
	wantRefusal(t, w.DB.PublishVersion(ctx, w.Organization, w.Person, d.ID, 1), "stale_form")
	wantRefusal(t, w.DB.PublishVersion(ctx, uuid.New(), w.Person, d.ID, 2), "not_found")
	noError(t, w.DB.PublishVersion(ctx, w.Organization, w.Person, d.ID, 2))
	d.Revision = 2
	_, err = w.DB.SaveVersion(ctx, w.Organization, w.Person, d)
	wantRefusal(t, err, "published")
	if _, err := w.Pool.Exec(ctx, `UPDATE version_roles SET vcpus = 2 WHERE version_id = $1`, d.ID); err == nil {
		t.Error("the database lets a published version change")
	}
	list := must[[]store.PublishedVersion](t)(w.DB.PublishedVersions(ctx, w.Organization))
	if len(list) != 2 || list[0].Name != "trial 2.0" || list[0].ComputeMax != 5 {
		t.Errorf("published versions %+v", list)
	}
}

func TestPublishWantsReadyImagesThatFit(t *testing.T) {
	w := storetest.NewWorld(t)
	d := draftOf(w)
	id := must[uuid.UUID](t)(w.DB.SaveVersion(t.Context(), w.Organization, w.Person, d))
	w.Exec(t, `UPDATE images SET state = 'checking'`)
	wantRefusal(t, w.DB.PublishVersion(t.Context(), w.Organization, w.Person, id, 1), "image")
	w.Exec(t, `UPDATE images SET state = 'ready', virtual_size = 3::bigint << 30`)
	r := wantRefusal(t, w.DB.PublishVersion(t.Context(), w.Organization, w.Person, id, 1), "image")
	if !strings.Contains(r.Title, "3 GiB") || !strings.Contains(r.Title, "2 GiB") {
		t.Errorf("no numbers in %q", r.Title)
	}
}

func TestSaveVersionRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	other := must[uuid.UUID](t)(w.DB.CreateOrganization(t.Context(), uuid.Nil, "Other"))
	foreign := w.AddImage(t, other, w.Person)
	for _, c := range []struct {
		field  string
		change func(*store.VersionDraft)
	}{
		{"version", func(d *store.VersionDraft) { d.Version = "" }},
		{"compute_min", func(d *store.VersionDraft) { d.ComputeMin = -1 }},
		{"compute_max", func(d *store.VersionDraft) { d.ComputeMax = 0 }},
		{"compute_max", func(d *store.VersionDraft) { d.ComputeMax = 1 << 40 }},
		{"gate_kind", func(d *store.VersionDraft) { d.Gate.Kind = "prayer" }},
		{"gate_text", func(d *store.VersionDraft) { d.Gate.Text = "" }},
		{"gate_timeout", func(d *store.VersionDraft) { d.Gate.TimeoutSeconds = 1 }},
		{"head_image", func(d *store.VersionDraft) { d.Roles = d.Roles[1:] }},
		{"head_image", func(d *store.VersionDraft) { d.Roles[0].ImageID = foreign }},
		{"compute_image", func(d *store.VersionDraft) { d.Roles = d.Roles[:1] }},
		{"compute_vcpus", func(d *store.VersionDraft) { d.Roles[1].Shape.VCPUs = 0 }},
		{"compute_memory", func(d *store.VersionDraft) { d.Roles[1].Shape.MemoryMiB = -5 }},
		{"head_disk", func(d *store.VersionDraft) { d.Roles[0].Shape.DiskGiB = 1 << 40 }},
		{"head_user_data", func(d *store.VersionDraft) { d.Roles[0].UserData = strings.Repeat("x", 65537) }},
	} {
		d := draftOf(w)
		c.change(&d)
		_, err := w.DB.SaveVersion(t.Context(), w.Organization, w.Person, d)
		if r := wantRefusal(t, err, "invalid"); r.Fields[c.field] == "" {
			t.Errorf("%s: %v", c.field, r.Fields)
		}
	}
	d := draftOf(w)
	d.Version = "1.0"
	_, err := w.DB.SaveVersion(t.Context(), w.Organization, w.Person, d)
	wantRefusal(t, err, "duplicate")
	d = draftOf(w)
	_, err = w.DB.SaveVersion(t.Context(), other, w.Person, d)
	wantRefusal(t, err, "not_found")
	d.ID = uuid.New()
	_, err = w.DB.SaveVersion(t.Context(), w.Organization, w.Person, d)
	wantRefusal(t, err, "not_found")
}
