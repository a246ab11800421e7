package org

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// CompareVersion shows a version beside any other of its model cluster: the one before it where none is asked for.
func (h Handlers) CompareVersion(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	orgID, _ := where(c)
	m, err := h.Models.ModelCluster(c.Request().Context(), orgID, v.ModelClusterID)
	if err != nil {
		return err
	}
	p := web.VersionCompareProps{Layout: h.layout(c), ModelID: m.ID, ModelName: m.Name, ID: v.ID, Version: v.Version}
	for _, row := range m.Versions {
		if row.ID != v.ID {
			p.Others = append(p.Others, ui.Option{Value: row.ID.String(), Label: row.Version})
		}
	}
	before, err := h.otherVersion(c, v, p.Others)
	if err != nil {
		return err
	}
	if before.ID != uuid.Nil {
		p.With = before.ID.String()
		p.Changes = changesFrom(before, versionValues(v), imageNames(nil, before, v))
	}
	return page.Render(c, http.StatusOK, web.VersionCompare(p))
}

// otherVersion is the one that a version is to be compared with; none where it is the only one.
func (h Handlers) otherVersion(c echo.Context, v models.Version, others []ui.Option) (models.Version, error) {
	ctx := c.Request().Context()
	orgID, _ := where(c)
	with := request.ParseQuery(c).Typed("with")
	if with == "" {
		before, ok, err := h.Models.VersionBefore(ctx, orgID, v)
		if err != nil || ok || len(others) == 0 {
			return before, err
		}
		with = others[len(others)-1].Value // it is the first one: the next
	}
	for _, o := range others {
		if o.Value == with {
			return h.Models.Version(ctx, orgID, uuid.MustParse(o.Value))
		}
	}
	return models.Version{}, refusal.NotFound("version")
}
