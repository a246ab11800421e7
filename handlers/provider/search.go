package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/overview"
	web "volary.dev/web/provider"
)

// Search finds what the provider has by a part of its name, as far as the reader may open it.
func (h Handlers) Search(c echo.Context) error {
	typed := page.SearchTyped(c.QueryParams())
	may := overview.ProviderSearch{
		Hosts: request.AllowedToRead(c, request.ProviderHosts), Papers: request.AllowedToRead(c, request.ProviderOrders),
		Staff: request.AllowedToRead(c, request.ProviderOwn),
	}
	what := "organizations"
	if may.Staff {
		what += ", staff"
	}
	if may.Papers {
		what += ", orders, invoices"
	}
	if may.Hosts {
		what += ", clusters, hosts and pools"
	}
	found, err := h.Overview.SearchProvider(c.Request().Context(), where(c), may, typed)
	if err != nil {
		return err
	}
	l := h.layout(c)
	l.Found = typed
	return page.Render(c, http.StatusOK, web.Search(web.SearchProps{Layout: l, Search: page.Search(found, "/provider", typed, what, l.Zone)}))
}
