package provider

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	web "volary.dev/web/provider"
)

// ShowLog shows what was done for and to the provider: those who run its machines see what is about these.
func (h Handlers) ShowLog(c echo.Context) error {
	f, p := page.LogFilter(c)
	l := h.layout(c)
	if p.Form.Refusal != nil {
		return page.Render(c, http.StatusUnprocessableEntity, web.Log(web.LogProps{Layout: l, Log: p}))
	}
	read := h.Core.ProviderMachinesLog
	if readsAll(c) {
		read = h.Core.ProviderLog
	}
	rows, total, err := read(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p = page.Log(p, rows, total, logPath, func(x store.LogRow) string { return x.OrganizationName })
	props := web.LogProps{Layout: l, Log: p, Machines: !readsAll(c)}
	if f.Of != uuid.Nil {
		props.Of = f.Of.String()
	}
	return page.Render(c, http.StatusOK, web.Log(props))
}

// readsAll tells whether the session reads the log's other parts, too: those of prices, hours and staff.
func readsAll(c echo.Context) bool { return request.AllowedToRead(c, request.ProviderOwn) }

// ExportLog gives the log as lines of JSON.
func (h Handlers) ExportLog(c echo.Context) error {
	return page.ExportLog(c, h.Core, store.LogOwner{Provider: where(c), Machines: !readsAll(c)})
}

// logPath is where staff find what the log speaks of. A host that was removed since has no page.
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
