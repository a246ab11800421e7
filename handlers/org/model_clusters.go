package org

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// ListModelClusters shows the organization's model clusters.
func (h Handlers) ListModelClusters(c echo.Context) error {
	orgID, _ := where(c)
	l, q := request.ParseList(c, "name", "versions", "created"), request.ParseQuery(c)
	f := models.ModelClusterFilter{Search: q.Typed("search"), Test: q.Typed("test"), Sorting: l.Sorting, Page: l.Page()}
	list, total, err := h.Models.ListModelClusters(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	p := web.ModelClusterListProps{Layout: h.layout(c), List: page.List(l, total), MayEdit: mayWork(c), Search: f.Search, Test: f.Test}
	for _, m := range list {
		p.Models = append(p.Models, web.ModelClusterRow{
			ID: m.ID, Name: m.Name, Versions: m.Versions, Withdrawn: m.Withdrawn, Created: m.CreatedAt, LatestVersion: m.LatestVersion,
			LatestState: string(m.LatestState), LastTest: m.LastTest,
		})
	}
	return page.Render(c, http.StatusOK, web.ModelClusterList(p))
}

// NewModelCluster shows the form of a new model cluster.
func (h Handlers) NewModelCluster(c echo.Context) error {
	return page.Render(c, http.StatusOK, web.ModelClusterNew(web.ModelClusterNewProps{Layout: h.layout(c)}))
}

// CreateModelCluster names a model cluster; its first version is described next.
func (h Handlers) CreateModelCluster(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	name := f.Name("name", "a name", 1, 80)
	if r := f.Refusal(); r != nil {
		return h.modelClusterAgain(c, f, r)
	}
	orgID, personID := where(c)
	id, err := h.Models.CreateModelCluster(c.Request().Context(), orgID, personID, name)
	if r, ok := respond.AsForm(err); ok {
		return h.modelClusterAgain(c, f, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/models/"+id.String()+"/versions/new", "")
}

func (h Handlers) modelClusterAgain(c echo.Context, f *request.Form, r *refusal.Error) error {
	return page.Render(c, respond.Status(r.Code), web.ModelClusterNew(web.ModelClusterNewProps{
		Layout: h.layout(c), Form: ui.Form{Refusal: r}, Name: f.Typed("name"),
	}))
}

// ShowModelCluster shows a model cluster's versions, and with whom it is shared.
func (h Handlers) ShowModelCluster(c echo.Context) error {
	m, err := h.modelCluster(c)
	if err != nil {
		return err
	}
	return h.modelClusterShow(c, m, web.ModelShares{})
}

func (h Handlers) modelCluster(c echo.Context) (models.ModelCluster, error) {
	id, err := request.ID(c, "id", "model cluster")
	if err != nil {
		return models.ModelCluster{}, err
	}
	orgID, _ := where(c)
	return h.Models.ModelCluster(c.Request().Context(), orgID, id)
}
