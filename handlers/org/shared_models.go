package org

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/models"
	web "volary.dev/web/org"
)

// ListSharedModels shows what other organizations share with this one.
func (h Handlers) ListSharedModels(c echo.Context) error {
	orgID, _ := where(c)
	l, q := request.ParseList(c, "name", "owner", "size", "published"), request.ParseQuery(c)
	f := models.SharedModelFilter{Search: q.Typed("search"), Sorting: l.Sorting, Page: l.Page()}
	list, total, err := h.Models.ListSharedModels(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	p := web.SharedModelListProps{Layout: h.layout(c), List: page.List(l, total), Search: f.Search}
	for _, m := range list {
		p.Models = append(p.Models, web.SharedModelRow{
			ID: m.ID, Name: m.Name, Owner: m.Owner, Latest: m.Latest, Starter: m.Starter, Everyone: m.Everyone, Certified: m.Certified,
			Versions: m.Versions, Size: m.Size, Published: m.Published,
		})
	}
	return page.Render(c, http.StatusOK, web.SharedModelList(p))
}

// ShowSharedModel shows another's model cluster with what is published of it.
func (h Handlers) ShowSharedModel(c echo.Context) error {
	s, err := h.sharedModel(c)
	if err != nil {
		return err
	}
	return h.sharedModelShow(c, s, web.SharedModelShowProps{Typed: s.Name})
}

// CloneSharedModel makes a model cluster of the organization's own of a version of it.
func (h Handlers) CloneSharedModel(c echo.Context) error {
	s, err := h.sharedModel(c)
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.SharedModelShowProps{Typed: f.Typed("name"), Chosen: f.Typed("version")}
	name, version := f.Name("name", "a name", 1, 80), f.ID("version", "the version")
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.sharedModelShow(c, s, p)
	}
	orgID, personID := where(c)
	id, err := h.Models.CloneModel(c.Request().Context(), orgID, personID, version, name)
	if r, ok := respond.AsForm(err); ok {
		p.Form.Refusal = r
		return h.sharedModelShow(c, s, p)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, versionPath(id), "Cloned: this version is yours, with its images and certificates.")
}

func (h Handlers) sharedModel(c echo.Context) (models.SharedModelVersions, error) {
	id, err := request.ID(c, "id", "shared model cluster")
	if err != nil {
		return models.SharedModelVersions{}, err
	}
	orgID, _ := where(c)
	return h.Models.SharedModel(c.Request().Context(), orgID, id)
}

func (h Handlers) sharedModelShow(c echo.Context, s models.SharedModelVersions, p web.SharedModelShowProps) error {
	p.Layout, p.ID, p.Name, p.Owner, p.Starter, p.MayClone = h.layout(c), s.ID, s.Name, s.Owner, s.Starter, mayWork(c)
	for _, v := range s.Versions {
		shown := web.SharedVersion{ID: v.ID, Version: v.Version, Published: page.Time(v.PublishedAt), Digest: v.DocumentDigest, YAML: h.clusterYAML(v.Model)}
		seen := map[string]bool{}
		for _, g := range v.Groups {
			shown.Groups = append(shown.Groups, web.GroupShow{Name: g.Name, Count: g.Count, ImageName: g.Image.Name, Shape: g.Shape, Apart: g.Apart})
			if !seen[g.Digest] {
				seen[g.Digest] = true
				shown.Sizes = append(shown.Sizes, web.SharedImage{Name: g.Image.Name, Digest: g.Image.Digest, Size: g.ImageSize, VirtualSize: g.VirtualSize})
			}
		}
		for _, made := range s.Certificates[v.ID] {
			shown.Certificates = append(shown.Certificates, certificateLink(made))
		}
		p.Versions = append(p.Versions, shown)
	}
	return page.Render(c, page.StatusOf(p.Form), web.SharedModelShow(p))
}
