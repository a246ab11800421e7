package provider

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	web "volary.dev/web/provider"
)

// ShowLog shows what was done for and to the provider.
func (h Handlers) ShowLog(c echo.Context) error {
	f, p := page.LogFilter(c)
	l := h.layout(c)
	if p.Form.Refusal != nil {
		return page.Render(c, http.StatusUnprocessableEntity, web.Log(web.LogProps{Layout: l, Log: p}))
	}
	rows, total, err := h.Core.ProviderLog(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p = page.Log(p, rows, total, logPath, func(x store.LogRow) string { return x.OrganizationName })
	return page.Render(c, http.StatusOK, web.Log(web.LogProps{Layout: l, Log: p}))
}

// ExportLog gives the log as lines of JSON.
func (h Handlers) ExportLog(c echo.Context) error {
	return page.ExportLog(c, h.Core, store.LogOwner{Provider: where(c)})
}

// logPath is where staff find what the log speaks of. Hosts may be removed since.
func logPath(subject string, id uuid.UUID) string {
	switch subject {
	case "cluster":
		return clusterPath(id)
	case "pool":
		return poolPath(id)
	case "order":
		return orderPath(id)
	default:
		return ""
	}
}
