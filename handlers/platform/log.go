package platform

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	web "volary.dev/web/platform"
)

// ShowLog shows what was done anywhere, also what concerns neither an organization nor a provider.
func (h Handlers) ShowLog(c echo.Context) error {
	f, p := page.LogFilter(c)
	q := request.ParseQuery(c)
	f.Place, f.Nowhere = q.Typed("place"), q.Typed("of") == "nobody"
	l := h.layout(c)
	props := web.LogProps{Layout: l, Log: p, Place: f.Place, Nowhere: f.Nowhere}
	if p.Form.Refusal != nil {
		return page.Render(c, http.StatusUnprocessableEntity, web.Log(props))
	}
	rows, total, err := h.Core.PlatformLog(c.Request().Context(), f)
	if err != nil {
		return err
	}
	props.Log = page.Log(p, rows, total, logPath, func(x store.LogRow) string {
		if x.OrganizationName != "" && x.ProviderName != "" {
			return x.OrganizationName + ", " + x.ProviderName
		}
		return x.OrganizationName + x.ProviderName
	})
	return page.Render(c, http.StatusOK, web.Log(props))
}

// ExportLog gives the whole log as lines of JSON.
func (h Handlers) ExportLog(c echo.Context) error {
	return page.ExportLog(c, h.Core, store.LogOwner{})
}

// logPath is where the platform's admins find what the log speaks of.
func logPath(subject string, id uuid.UUID) string {
	switch subject {
	case "organization":
		return "/platform/organizations/" + id.String()
	case "provider":
		return "/platform/providers/" + id.String()
	case "person":
		return "/platform/people/" + id.String()
	default:
		return ""
	}
}
