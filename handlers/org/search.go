package org

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/overview"
	web "volary.dev/web/org"
)

// Search finds what the organization has by a part of its name, as far as the reader may open it.
func (h Handlers) Search(c echo.Context) error {
	orgID, _ := where(c)
	typed := page.SearchTyped(c.QueryParams())
	may := overview.OrganizationSearch{Work: request.AllowedToRead(c, request.OrgWork), Papers: request.AllowedToRead(c, request.OrgOrder)}
	what := "members"
	if may.Papers {
		what += ", orders, invoices"
	}
	if may.Work {
		what += ", clusters, models, images and uploads"
	}
	found, err := h.Overview.SearchOrganization(c.Request().Context(), orgID, may, typed)
	if err != nil {
		return err
	}
	l := h.layout(c)
	l.Found = typed
	return page.Render(c, http.StatusOK, web.Search(web.SearchProps{Layout: l, Search: page.Search(found, "/org", typed, what, l.Zone)}))
}
