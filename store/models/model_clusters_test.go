package models_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

func TestModelClusters(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	_, err := w.DB.Models.CreateModelCluster(ctx, w.Organization, w.Person, "trial")
	storetest.WantRefusal(t, err, "duplicate")
	_, err = w.DB.Models.CreateModelCluster(ctx, w.Organization, w.Person, strings.Repeat("x", 81))
	storetest.WantRefusal(t, err, "invalid")
	storetest.Must[uuid.UUID](t)(w.DB.Models.CreateModelCluster(ctx, w.Organization, w.Person, "another"))
	m := storetest.Must[models.ModelCluster](t)(w.DB.Models.ModelCluster(ctx, w.Organization, w.Model))
	if m.Name != "trial" || len(m.Versions) != 1 || m.Versions[0].Version != "1.0" || m.Versions[0].LastTestID != nil {
		t.Errorf("model cluster %+v", m)
	}
	_, err = w.DB.Models.ModelCluster(ctx, uuid.New(), w.Model)
	storetest.WantRefusal(t, err, "not_found")
}

func TestSaveAndPublishVersion(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	d := storetest.DraftOf(w)
	for _, user := range []string{"-oProxyCommand=reboot", "Ada", "a b", "root;x", strings.Repeat("a", 33), "ädä"} {
		d.Model.SignInUser = user
		_, err := w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, d)
		if r := storetest.WantRefusal(t, err, "invalid"); !strings.Contains(r.Fields["sign_in_user"], "begins with a letter") {
			t.Errorf("%q: %v", user, r.Fields)
		}
	}
	d.Model.SignInUser = "almalinux"
	d.ID = storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, d))
	v := storetest.Must[models.Version](t)(w.DB.Models.Version(ctx, w.Organization, d.ID))
	if v.ModelClusterName != "trial" || v.State != models.VersionStateDraft || v.Revision != 1 || v.Model.SignInUser != "almalinux" || len(v.Groups) != 2 ||
		v.Groups[0].Name != provisioner.HeadName || v.Groups[0].UserData != "#cloud-config\n" || v.Groups[0].Digest != storetest.Digest ||
		v.Groups[1].Name != "compute" || v.Groups[1].Gate != d.Model.Head.Gate || v.Groups[1].Image != (provisioner.ImageRef{Name: "sample.qcow2", Digest: storetest.Digest}) {
		t.Errorf("version %+v", v)
	}
	d.Revision, d.Model.Compute[0].Count.Most, d.Model.SignInUser = 1, 5, ""
	storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, d))
	_, err := w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, d)
	storetest.WantRefusal(t, err, "stale_form")
	storetest.WantRefusal(t, w.DB.Models.PublishVersion(ctx, w.Organization, w.Person, d.ID, 1), "stale_form")
	storetest.WantRefusal(t, w.DB.Models.PublishVersion(ctx, uuid.New(), w.Person, d.ID, 2), "not_found")
	storetest.NoError(t, w.DB.Models.PublishVersion(ctx, w.Organization, w.Person, d.ID, 2))
	d.Revision = 2
	_, err = w.DB.Models.SaveVersion(ctx, w.Organization, w.Person, d)
	storetest.WantRefusal(t, err, "published")
	for _, change := range []string{`UPDATE version_roles SET most = 2 WHERE version_id = $1`, `UPDATE model_versions SET document = replace(document, 'ready', 'reads') WHERE id = $1`} {
		if _, err := w.Pool.Exec(ctx, change, d.ID); err == nil || !strings.Contains(err.Error(), "publish") {
			t.Errorf("the database lets a published version change: %v", err)
		}
	}
	list := storetest.Must[[]models.PublishedVersion](t)(w.DB.Models.PublishedVersions(ctx, w.Organization))
	if len(list) != 2 || list[0].Name != "trial 2.0" || len(list[0].Groups) != 1 || list[0].Groups[0] != (models.CountedGroup{Name: "compute", Least: 1, Most: 5}) {
		t.Errorf("published versions %+v", list)
	}
}

func TestVersionBefore(t *testing.T) {
	w := storetest.NewWorld(t)
	d := storetest.DraftOf(w)
	d.ID = storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d))
	for _, c := range []struct {
		of   models.Version
		want uuid.UUID
	}{
		{models.Version{ModelClusterID: w.Model}, d.ID},
		{models.Version{ModelClusterID: w.Model, ID: d.ID}, w.Version},
		{models.Version{ModelClusterID: w.Model, ID: w.Version}, uuid.Nil},
		{models.Version{ModelClusterID: uuid.New()}, uuid.Nil},
	} {
		before, ok, err := w.DB.Models.VersionBefore(t.Context(), w.Organization, c.of)
		if err != nil || before.ID != c.want || ok != (c.want != uuid.Nil) {
			t.Errorf("before %s: %s, %t, %v; want %s", c.of.ID, before.ID, ok, err, c.want)
		}
	}
	if _, ok, err := w.DB.Models.VersionBefore(t.Context(), uuid.New(), models.Version{ModelClusterID: w.Model}); ok || err != nil {
		t.Errorf("another organization sees the version: %v", err)
	}
}

func TestPublishWantsImagesThatFit(t *testing.T) {
	w := storetest.NewWorld(t)
	d := storetest.DraftOf(w)
	id := storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d))
	w.Exec(t, `UPDATE images SET virtual_size = 3::bigint << 30`)
	r := storetest.WantRefusal(t, w.DB.Models.PublishVersion(t.Context(), w.Organization, w.Person, id, 1), "image")
	if !strings.Contains(r.Title, "3 GiB") || !strings.Contains(r.Title, "2 GiB") {
		t.Errorf("no numbers in %q", r.Title)
	}
}

func TestSaveVersionRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Other"))
	foreign := w.AddImage(t, other, w.Person)
	for _, c := range []struct {
		field  string
		change func(*models.VersionDraft)
	}{
		{"version", func(d *models.VersionDraft) { d.Version = "" }},
		{"compute[0].count.least", func(d *models.VersionDraft) { d.Model.Compute[0].Count.Least = -1 }},
		{"head.gate.kind", func(d *models.VersionDraft) { d.Model.Head.Gate.Kind = "prayer" }},
		{"head.image", func(d *models.VersionDraft) { d.Images = nil }},
		{"head.image", func(d *models.VersionDraft) { d.Images = []uuid.UUID{foreign, w.Image} }},
		{"compute[0].image", func(d *models.VersionDraft) { d.Images = d.Images[:1] }},
		{"compute[0].image", func(d *models.VersionDraft) { d.Images[1] = uuid.New() }},
		{"compute[0].user_data", func(d *models.VersionDraft) { d.Model.Compute[0].UserData = "  #!/bin/sh\n" }},
		{"compute[0].data_disks", func(d *models.VersionDraft) {
			d.Model.Compute[0].DataDisks = []provisioner.DataDisk{{Name: "scratch", SizeGiB: 1}}
		}},
		{"head.firmware", func(d *models.VersionDraft) { d.Model.Head.Firmware = provisioner.FirmwareUEFI }},
	} {
		d := storetest.DraftOf(w)
		c.change(&d)
		_, err := w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d)
		if r := storetest.WantRefusal(t, err, "invalid"); r.Fields[c.field] == "" {
			t.Errorf("%s: %v", c.field, r.Fields)
		}
	}
	d := storetest.DraftOf(w)
	d.Version = "1.0"
	_, err := w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d)
	storetest.WantRefusal(t, err, "duplicate")
	d = storetest.DraftOf(w)
	_, err = w.DB.Models.SaveVersion(t.Context(), other, w.Person, d)
	storetest.WantRefusal(t, err, "not_found")
	d.ID = uuid.New()
	_, err = w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d)
	storetest.WantRefusal(t, err, "not_found")
}

// A draft of before the rule is refused where it is published, and what an editor left before the text is taken away.
func TestWhatIsPublishedCanStart(t *testing.T) {
	w := storetest.NewWorld(t)
	d := storetest.DraftOf(w)
	d.Model.Head.UserData = "\ufeff#!/bin/sh\r\necho\r\n"
	d.ID = storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, d))
	v := storetest.Must[models.Version](t)(w.DB.Models.Version(t.Context(), w.Organization, d.ID))
	if got := v.Groups[0].UserData; got != "#!/bin/sh\necho\n" {
		t.Errorf("kept as %q", got)
	}
	storetest.RewriteDocuments(t, w.Pool, func(m *provisioner.Model) { m.Compute[0].UserData = "echo" })
	err := w.DB.Models.PublishVersion(t.Context(), w.Organization, w.Person, d.ID, v.Revision)
	if r := storetest.WantRefusal(t, err, "user_data"); !strings.Contains(r.Title, "compute") || !strings.Contains(r.Title, "#!/bin/sh") {
		t.Errorf("%q", r.Title)
	}
}
