package org

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

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
)

// asYAML asks for a version's editor instead of its form, in the address of either.
func asYAML(c echo.Context) bool { return request.ParseQuery(c).Typed("as") == "yaml" }

// clusterYAML is a model's file, with the address of its schema for editors.
func (h Handlers) clusterYAML(m provisioner.Model) string {
	return manifest.SchemaLine(h.PublicURL) + string(manifest.WriteYAML(m))
}

// saveYAML makes or changes a draft as its file says, or shows the form of it.
func (h Handlers) saveYAML(c echo.Context, f *request.Form, p web.VersionFormProps) error {
	p.Values = web.VersionValues{Version: f.Typed("version")}
	p.Form.Token = f.Typed("token")
	p.Text = userdata.Clean(f.Typed("yaml"))
	file, d, err := h.yamlDraft(c, f, p)
	var faults manifest.Faults
	if errors.As(err, &faults) {
		p.Form.Refusal = f.Refusal() // of the name
		return h.faultyYAML(c, p, faults)
	}
	if err != nil {
		return err
	}
	if len(d.Model.Compute) > manifest.MostGroups { // of which no form is made
		return h.faultyYAML(c, p, file.Place(map[string]string{"compute": manifest.Check(d.Model)["compute"]}))
	}
	if f.Has("as_form") {
		p.Values = versionValues(modelOf(d))
		p.Text = ""
		return h.versionForm(c, http.StatusOK, p)
	}
	if r, ok := refusal.As(d.Check()); ok {
		f.Also(r)
	}
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal == nil {
		orgID, personID := where(c)
		id, err := h.Models.SaveVersion(c.Request().Context(), orgID, personID, d)
		if err == nil {
			return h.Frame.Done(c, versionPath(id), "The draft is saved.")
		}
		r, ok := respond.AsForm(err)
		if !ok {
			return err
		}
		p.Form.Refusal = r
	}
	return h.faultyYAML(c, p, file.Place(ofDocument(p.Form.Refusal)))
}

// ofDocument are a refusal's sentences that belong into the file: all but the version's name, which has a field.
func ofDocument(r *refusal.Error) map[string]string {
	wrong := maps.Clone(r.Fields)
	delete(wrong, "version")
	return wrong
}

// yamlDraft reads a file as a draft, with the organization's images by what the file calls them. Its error is a manifest.Faults where the file is at fault.
func (h Handlers) yamlDraft(c echo.Context, f *request.Form, p web.VersionFormProps) (*manifest.File, models.VersionDraft, error) {
	d := models.VersionDraft{ID: p.ID, ModelClusterID: p.ModelID, Version: f.Text("version", "the version", 1, 40)}
	if p.Form.Token != "" {
		d.Revision = f.Int("token", "the draft's revision", 1, 1<<30)
	}
	file, err := manifest.ParseYAML([]byte(p.Text))
	if err != nil {
		return nil, d, err
	}
	d.Model = file.Model
	images, err := h.allImages(c)
	if err != nil {
		return nil, d, err
	}
	wrong := map[string]string{}
	if d.Model.Format != provisioner.ModelFormat {
		wrong["volary"] = manifest.Check(d.Model)["volary"] // the store writes its own
	}
	d.Images = findImages(&d.Model, images, wrong)
	if len(wrong) == 0 {
		return file, d, nil
	}
	// What else is wrong is told with it, at once.
	if r, ok := refusal.As(d.Check()); ok {
		for path, sentence := range ofDocument(r) {
			if _, has := wrong[path]; !has && !strings.Contains(path, ".image") {
				wrong[path] = sentence
			}
		}
	}
	return nil, d, file.Place(wrong)
}

// modelOf is a draft that is not kept yet as the form takes it.
func modelOf(d models.VersionDraft) models.Version {
	v := models.Version{ID: d.ID, ModelClusterID: d.ModelClusterID, Version: d.Version, Model: d.Model}
	for i, g := range d.Model.Groups() {
		v.Groups = append(v.Groups, models.VersionGroup{Group: g, ImageID: d.Images[i]})
	}
	return v
}

// showYAML shows what a form says as a file. A field that cannot be read has no place in one, and is marked in the form; an image may be missing.
func (h Handlers) showYAML(c echo.Context, f *request.Form, p web.VersionFormProps, d models.VersionDraft) error {
	if r := f.Refusal(); r != nil {
		wrong := *r
		wrong.Fields = maps.Clone(r.Fields)
		maps.DeleteFunc(wrong.Fields, func(name, _ string) bool { return name == "version" || strings.HasSuffix(name, "_image") })
		if len(wrong.Fields) > 0 {
			wrong.Next = "Correct the marked fields before the version is shown as YAML."
			p.Form.Refusal = &wrong
			return h.versionForm(c, respond.Status(wrong.Code), p)
		}
	}
	var err error
	if p.Text, err = h.formYAML(c, d); err != nil {
		return err
	}
	return h.versionYAML(c, http.StatusOK, p)
}

// formYAML is what a form says as a file.
func (h Handlers) formYAML(c echo.Context, d models.VersionDraft) (string, error) {
	images, err := h.allImages(c)
	if err != nil {
		return "", err
	}
	m := d.Model
	m.Format, m.Compute = provisioner.ModelFormat, slices.Clone(m.Compute)
	named := func(id uuid.UUID) provisioner.ImageRef {
		for _, i := range images {
			if i.ID == id {
				return provisioner.ImageRef{Name: i.Name, Digest: i.GuestDigest}
			}
		}
		return provisioner.ImageRef{}
	}
	m.Head.Image = named(d.Images[0])
	for i := range m.Compute {
		m.Compute[i].Image = named(d.Images[i+1])
	}
	return h.clusterYAML(m), nil
}

// versionYAML shows the editor of a version's file.
func (h Handlers) versionYAML(c echo.Context, status int, p web.VersionFormProps) error {
	p.Layout, p.Variables = h.layout(c), variables()
	return page.Render(c, status, web.VersionYAML(p))
}

// mostTold are faults on one page: who has more mends these first.
const mostTold = 20

// mostShown is how many characters of a line are shown.
const mostShown = 200

// around is a line as it is shown: of a long one what is about the column.
func around(line string, column int) string {
	runes := []rune(line)
	if len(runes) <= mostShown {
		return line
	}
	from := max(0, min(column-1-mostShown/2, len(runes)-mostShown))
	cut := string(runes[from : from+mostShown])
	if from > 0 {
		cut = "…" + cut
	}
	if from+mostShown < len(runes) {
		cut += "…"
	}
	return cut
}

// faultyYAML shows the editor with each fault at its line.
func (h Handlers) faultyYAML(c echo.Context, p web.VersionFormProps, faults manifest.Faults) error {
	lines := strings.Split(p.Text, "\n")
	for _, f := range faults[:min(len(faults), mostTold)] {
		p.Faults = append(p.Faults, web.YAMLFault{Line: f.Line, Column: f.Column, Path: f.Path, Says: f.Says, Text: around(lines[min(f.Line, len(lines))-1], f.Column)})
	}
	p.FaultsLeft = len(faults) - len(p.Faults)
	status := http.StatusUnprocessableEntity
	if r := p.Form.Refusal; r != nil {
		status = respond.Status(r.Code)
		if len(p.Faults) > 0 {
			p.Form.Refusal = &refusal.Error{Code: r.Code, Title: "Some lines of the file need another look.", Next: "Correct them and send the file again.", Fields: r.Fields, Detail: r.Detail}
		}
	} else {
		p.Form.Refusal = &refusal.Error{Code: "invalid", Title: "Some lines of the file need another look.", Next: "Correct them and send the file again."}
	}
	return h.versionYAML(c, status, p)
}
