package org

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	"volary.dev/store/models"
	web "volary.dev/web/org"
)

// ShowLog shows what was done in and to the organization, looks of a provider's staff among it.
func (h Handlers) ShowLog(c echo.Context) error {
	f, p := page.LogFilter(c)
	l := h.layout(c)
	if p.Form.Refusal != nil {
		return page.Render(c, http.StatusUnprocessableEntity, web.Log(web.LogProps{Layout: l, Log: p}))
	}
	orgID, _ := where(c)
	rows, total, err := h.Core.OrganizationLog(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	p = page.Log(p, rows, total, logPath, func(x store.LogRow) string { return x.ProviderName })
	return page.Render(c, http.StatusOK, web.Log(web.LogProps{Layout: l, Log: p}))
}

// ExportLog gives the log as lines of JSON.
func (h Handlers) ExportLog(c echo.Context) error {
	orgID, _ := where(c)
	return page.ExportLog(c, h.Core, store.LogOwner{Organization: orgID})
}

// logPath is where members find what the log speaks of.
func logPath(subject string, id uuid.UUID) string {
	switch subject {
	case "cluster":
		return clusterPath(id)
	case "image":
		return "/org/images/" + id.String()
	case "upload":
		return "/org/uploads/" + models.UploadOf(id)
	case "model_cluster":
		return "/org/models/" + id.String()
	case "version":
		return "/org/versions/" + id.String()
	case "order":
		return orderPath(id)
	case "request":
		return requestPath(id)
	case "acceptance_test":
		return "/org/tests/" + id.String()
	default:
		return ""
	}
}
