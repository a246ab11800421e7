package org

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/models"
	web "volary.dev/web/org"
)

// ShareModelCluster lets another organization, or everyone, read and clone what is published of a model cluster.
func (h Handlers) ShareModelCluster(c echo.Context) error {
	m, err := h.modelCluster(c)
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	shares, with := web.ModelShares{Typed: f.Typed("organization")}, ""
	if !f.Has("everyone") {
		with = f.Name("organization", "the organization", 2, 80)
	}
	if shares.Form.Refusal = f.Refusal(); shares.Form.Refusal != nil {
		return h.modelClusterShow(c, m, shares)
	}
	orgID, personID := where(c)
	err = h.Models.ShareModel(c.Request().Context(), orgID, personID, m.ID, with)
	if r, ok := respond.AsForm(err); ok {
		shares.Form.Refusal = r
		return h.modelClusterShow(c, m, shares)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/models/"+m.ID.String(), "It is shared. What is published of it can be read and cloned there.")
}

// UnshareModelCluster takes a share back. Clones stay.
func (h Handlers) UnshareModelCluster(c echo.Context) error {
	m, err := h.modelCluster(c)
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	with := uuid.Nil
	if f.Typed("with") != "everyone" {
		with = f.ID("with", "the organization")
	}
	var shares web.ModelShares
	if shares.Form.Refusal = f.Refusal(); shares.Form.Refusal != nil {
		return h.modelClusterShow(c, m, shares)
	}
	orgID, personID := where(c)
	err = h.Models.WithdrawShare(c.Request().Context(), orgID, personID, m.ID, with)
	if r, ok := respond.AsForm(err); ok {
		shares.Form.Refusal = r
		return h.modelClusterShow(c, m, shares)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/models/"+m.ID.String(), "The share is withdrawn. Clones that were made stay.")
}

// modelClusterShow shows a model cluster; shares has what was refused and typed of its sharing.
func (h Handlers) modelClusterShow(c echo.Context, m models.ModelCluster, shares web.ModelShares) error {
	orgID, _ := where(c)
	ctx := c.Request().Context()
	l, q := request.ParseList(c, "version", "state", "compute", "created", "published"), request.ParseQuery(c)
	l.Path = "/org/models/" + m.ID.String()
	f := models.VersionFilter{State: q.Typed("state"), Sorting: l.Sorting, Page: l.Page()}
	list, total, err := h.Models.ListVersions(ctx, orgID, m.ID, f)
	if err != nil {
		return err
	}
	p := web.ModelClusterShowProps{Layout: h.layout(c), List: page.List(l, total), ID: m.ID, Name: m.Name, MayEdit: mayWork(c), State: f.State, Shares: shares}
	for _, v := range list {
		p.Versions = append(p.Versions, web.VersionRow{
			ID: v.ID, Version: v.Version, State: string(v.State), ComputeMin: v.ComputeMin, ComputeMax: v.ComputeMax,
			LastTest: v.LastTest, Created: v.CreatedAt, Published: page.Time(v.PublishedAt),
		})
	}
	shared, err := h.Models.ModelShares(ctx, orgID, m.ID)
	if err != nil {
		return err
	}
	p.Shares.Starters, p.Shares.Clones, p.Shares.MayShare = shared.Starters, shared.Clones, request.Allowed(c, request.OrgManage)
	for _, s := range shared.List {
		p.Shares.List = append(p.Shares.List, web.ModelShare{With: s.With, Name: s.Name, Person: s.Person, At: s.At})
	}
	origin, ok, err := h.Models.OriginOfModel(ctx, orgID, m.ID)
	if err != nil {
		return err
	}
	if ok {
		p.Origin = &web.ModelOrigin{Bundle: origin.Version == uuid.Nil, Whose: origin.Whose, Model: origin.Model, Version: origin.Label}
	}
	return page.Render(c, page.StatusOf(shares.Form), web.ModelClusterShow(p))
}
