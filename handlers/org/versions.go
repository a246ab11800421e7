package org

import (
	"mime"
	"net/http"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/userdata"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// NewVersion shows the form of a new version: all of the newest one but its name, else sizes that suit a small cluster.
func (h Handlers) NewVersion(c echo.Context) error {
	m, err := h.modelCluster(c)
	if err != nil {
		return err
	}
	p := web.VersionFormProps{ModelID: m.ID, ModelName: m.Name}
	from := m.Versions
	if q := request.ParseQuery(c); q.Has("from") {
		from = slices.DeleteFunc(slices.Clone(m.Versions), func(v models.VersionRow) bool { return v.ID.String() != q.Typed("from") })
		if len(from) == 0 {
			return refusal.NotFound("version")
		}
	}
	if len(m.Versions) == 0 {
		p.Values = web.VersionValues{Version: "1", Head: web.GroupValues{
			VCPUs: "1", MemoryMiB: "256", DiskGiB: "2", GateKind: string(provisioner.GateAddress), GateTimeout: "120",
		}}
		p.Values.Groups = []web.GroupValues{anotherGroup(p.Values)}
		if from := request.ParseQuery(c).Typed("upload"); from != "" {
			return h.formOfOVA(c, p, from)
		}
		return h.formOrYAML(c, p, firstModel())
	}
	orgID, _ := where(c)
	last, err := h.Models.Version(c.Request().Context(), orgID, from[0].ID)
	if err != nil {
		return err
	}
	p.Values = versionValues(last)
	p.Values.Version = nextName(m)
	if from := request.ParseQuery(c).Typed("upload"); from != "" {
		return h.formOfOVA(c, p, from)
	}
	return h.formOrYAML(c, p, last.Model)
}

// formOfOVA shows a form filled with the machines of an OVA.
func (h Handlers) formOfOVA(c echo.Context, p web.VersionFormProps, upload string) error {
	images, err := h.allImages(c)
	if err != nil {
		return err
	}
	for _, machines := range ovas(images) {
		if machines[0].UploadID == upload {
			p.Values = ovaValues(p.Values, machines)
			return h.versionForm(c, http.StatusOK, p)
		}
	}
	return refusal.NotFound("upload")
}

// formOrYAML shows the way to edit a version that was asked for.
func (h Handlers) formOrYAML(c echo.Context, p web.VersionFormProps, m provisioner.Model) error {
	if !asYAML(c) {
		return h.versionForm(c, http.StatusOK, p)
	}
	p.Text = h.clusterYAML(m)
	return h.versionYAML(c, http.StatusOK, p)
}

// firstModel is what the form of a first version says.
func firstModel() provisioner.Model {
	g := provisioner.Group{Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}, Gate: provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120}}
	compute := g
	compute.Name, compute.Count = string(provisioner.RoleCompute), provisioner.Count{Least: 1, Most: 8}
	return provisioner.Model{Format: provisioner.ModelFormat, Head: g, Compute: []provisioner.Group{compute}}
}

// CreateVersion makes a draft.
func (h Handlers) CreateVersion(c echo.Context) error {
	m, err := h.modelCluster(c)
	if err != nil {
		return err
	}
	return h.saveVersion(c, web.VersionFormProps{ModelID: m.ID, ModelName: m.Name})
}

// EditVersion shows the form of a draft. A version that was published has none.
func (h Handlers) EditVersion(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	if v.State != models.VersionStateDraft {
		return c.Redirect(http.StatusSeeOther, versionPath(v.ID))
	}
	return h.formOrYAML(c, web.VersionFormProps{
		ModelID: v.ModelClusterID, ModelName: v.ModelClusterName, ID: v.ID, Values: versionValues(v),
		Form: ui.Form{Token: strconv.Itoa(v.Revision)},
	}, v.Model)
}

// UpdateVersion changes a draft, unless it was changed since the form was made.
func (h Handlers) UpdateVersion(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	return h.saveVersion(c, web.VersionFormProps{ModelID: v.ModelClusterID, ModelName: v.ModelClusterName, ID: v.ID})
}

func (h Handlers) saveVersion(c echo.Context, p web.VersionFormProps) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	if f.Sent("yaml") {
		return h.saveYAML(c, f, p)
	}
	p.Values = typedVersion(f)
	p.Form.Token = f.Typed("token")
	hidden, err := typedKept(f, len(p.Values.Groups))
	if err != nil {
		return err
	}
	again := regroup(f, &p.Values, &hidden) || f.Has("try_gates")
	keep(&p.Values, hidden)
	if again {
		return h.versionForm(c, http.StatusOK, p)
	}
	d := versionDraft(f, p, hidden)
	if f.Has("as_yaml") {
		return h.showYAML(c, f, p, d)
	}
	if r, ok := refusal.As(d.Check()); ok {
		f.Also(onTheForm(r, p.Values))
	}
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.versionForm(c, respond.Status(p.Form.Refusal.Code), p)
	}
	orgID, personID := where(c)
	id, err := h.Models.SaveVersion(c.Request().Context(), orgID, personID, d)
	if r, ok := respond.AsForm(err); ok {
		p.Form.Refusal = onTheForm(r, p.Values)
		return h.versionForm(c, respond.Status(r.Code), p)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, versionPath(id), "The draft is saved.")
}

// ShowVersion shows a version and its tests.
func (h Handlers) ShowVersion(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	p, err := h.versionProps(c, v)
	if err != nil {
		return err
	}
	return page.Live(c, web.VersionShow(p))
}

// DownloadVersion sends a version's cluster.yaml.
func (h Handlers) DownloadVersion(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": "cluster.yaml"}))
	return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", []byte(h.clusterYAML(v.Model)))
}

// PublishVersion freezes a version.
func (h Handlers) PublishVersion(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	revision := f.Int("token", "the draft's revision", 1, 1<<30)
	if r := f.Refusal(); r != nil {
		return h.versionAgain(c, v, r)
	}
	orgID, personID := where(c)
	err = h.Models.PublishVersion(c.Request().Context(), orgID, personID, v.ID, revision)
	if r, ok := respond.AsForm(err); ok {
		return h.versionAgain(c, v, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, versionPath(v.ID), "Published: this version never changes any more.")
}

// versionAgain shows a version with what was refused of it.
func (h Handlers) versionAgain(c echo.Context, v models.Version, r *refusal.Error) error {
	p, err := h.versionProps(c, v)
	if err != nil {
		return err
	}
	p.Form.Refusal = r
	return page.Render(c, respond.Status(r.Code), web.VersionShow(p))
}

func (h Handlers) version(c echo.Context) (models.Version, error) {
	id, err := request.ID(c, "id", "version")
	if err != nil {
		return models.Version{}, err
	}
	orgID, _ := where(c)
	return h.Models.Version(c.Request().Context(), orgID, id)
}

func (h Handlers) versionForm(c echo.Context, status int, p web.VersionFormProps) error {
	images, err := h.allImages(c)
	if err != nil {
		return err
	}
	if p.Suggested, err = h.signInSuggestions(c, images, p.Values.Head.Image); err != nil {
		return err
	}
	p.Images = imageOptions(images)
	if p.ID == uuid.Nil {
		p.OVAs = ovaOptions(ovas(images))
	}
	p.Layout, p.Variables = h.layout(c), variables()
	p.MayAdd = len(p.Values.Groups) < manifest.MostGroups
	p.Values.Head.Warnings = userdata.Warnings(userdata.Clean(p.Values.Head.UserData))
	for i := range p.Values.Groups {
		if g := &p.Values.Groups[i]; !g.SameUserData {
			g.Warnings = userdata.Warnings(userdata.Clean(g.UserData))
		}
	}
	orgID, _ := where(c)
	if err := h.tryGates(c.Request().Context(), orgID, &p.Values); err != nil {
		return err
	}
	if p.Changes, err = h.formChanges(c.Request().Context(), orgID, p); err != nil {
		return err
	}
	return page.Render(c, status, web.VersionForm(p))
}

func (h Handlers) versionProps(c echo.Context, v models.Version) (web.VersionShowProps, error) {
	orgID, _ := where(c)
	may := mayWork(c)
	published, draft := v.State == models.VersionStatePublished, v.State == models.VersionStateDraft
	p := web.VersionShowProps{
		Layout: h.layout(c), Form: ui.Form{Token: strconv.Itoa(v.Revision)},
		ModelID: v.ModelClusterID, ID: v.ID, ModelName: v.ModelClusterName, Version: v.Version, State: string(v.State),
		Created: v.CreatedAt, Published: page.Time(v.PublishedAt), SignInUser: v.Model.SignInUser, Accounts: v.Model.Accounts, Digest: v.DocumentDigest,
		YAML: h.clusterYAML(v.Model), MayClone: may, MayEdit: may && draft, MayPublish: may && draft, MayTest: may && published, MayLaunch: may && published, MayWithdraw: may && published,
	}
	warnings, err := h.gateWarnings(c.Request().Context(), orgID, v)
	if err != nil {
		return p, err
	}
	for i, g := range v.Groups {
		p.Groups = append(p.Groups, web.GroupShow{
			Name: g.Name, Count: g.Count, ImageID: g.ImageID, ImageName: g.Image.Name, Digest: g.Digest, Shape: g.Shape, Apart: g.Apart, UserData: g.UserData, Example: example(v, g.Group), Gate: g.Gate, GateWarning: warnings[g.Name],
			Warnings: userdata.Warnings(g.UserData), Same: i > 0 && g.UserData != "" && g.UserData == v.Groups[0].UserData,
		})
	}
	p.Checks = v.Model.Checks
	if p.Withdrawn, err = h.withdrawn(c, v); err != nil {
		return p, err
	}
	if p.Changes, err = h.changesOf(c.Request().Context(), orgID, v); err != nil {
		return p, err
	}
	l, q := request.ParseList(c, "created", "state", "pool", "took"), request.ParseQuery(c)
	l.Path = versionPath(v.ID) // also where a refused form is shown
	f := models.TestFilter{State: models.TestState(q.Typed("state")), Sorting: l.Sorting, Page: l.Page()}
	tests, total, err := h.Models.AcceptanceTests(c.Request().Context(), orgID, v.ID, f)
	if err != nil {
		return p, err
	}
	p.TestList, p.TestState = page.List(l, total), string(f.State)
	for _, t := range tests {
		p.Tests = append(p.Tests, web.TestRow{
			ID: t.ID, State: string(t.State), Pool: t.PoolName, Person: t.PersonName, Created: t.CreatedAt, Begun: page.Time(t.BegunAt), Ended: page.Time(t.EndedAt), Place: t.Place,
		})
	}
	if err := h.versionCertificates(c, v, &p); err != nil {
		return p, err
	}
	p.MayExport = v.Exportable() == nil
	places, err := h.Machines.OpenPlaces(c.Request().Context())
	if err != nil {
		return p, err
	}
	p.TestPools, _ = placeOptions(places)
	return p, nil
}

// versionCertificates fills in the version's own certificates, and those that came with its bundle.
func (h Handlers) versionCertificates(c echo.Context, v models.Version, p *web.VersionShowProps) error {
	orgID, _ := where(c)
	certificates, err := h.Models.CertificatesOfVersion(c.Request().Context(), orgID, v.ID)
	if err != nil {
		return err
	}
	for _, made := range certificates {
		p.Certificates = append(p.Certificates, certificateLink(made))
	}
	foreign, err := h.Models.ForeignCertificates(c.Request().Context(), orgID, v.ID)
	for _, f := range foreign {
		p.Foreign = append(p.Foreign, foreignCertificate(f, v.DocumentDigest))
	}
	return err
}

// variables are those of user-data with what they mean.
func variables() (list []ui.Option) {
	for _, v := range userdata.Variables() {
		list = append(list, ui.Option{Value: v.Name, Label: v.Means})
	}
	return list
}

// example is a group's user-data as its first node gets it in a cluster that is as large as can be; empty where nothing is filled in.
func example(v models.Version, g provisioner.Group) string {
	if !userdata.Uses(g.UserData) {
		return ""
	}
	name, address := provisioner.HeadName, "10.128.0.10"
	if g.Name != provisioner.HeadName {
		name, address = provisioner.NodeName(g.Name, 1), "10.128.0.11"
	}
	text, _ := userdata.Fill(g.UserData, userdata.Values{
		userdata.HeadAddress: "10.128.0.10", userdata.NodeName: name, userdata.NodeAddress: address, userdata.GroupName: g.Name,
		userdata.Domain: provisioner.ClusterDomain("example"), userdata.ComputeCount: strconv.Itoa(v.Model.ComputeNodes().Most),
	})
	return text
}

func versionPath(id uuid.UUID) string { return "/org/versions/" + id.String() }
