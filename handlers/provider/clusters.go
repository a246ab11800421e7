package provider

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	web "volary.dev/web/provider"
)

// clustersShown is how many clusters the list holds: those that are not gone, the newest first.
const clustersShown = 1000

// ListClusters shows what runs on the provider's pools.
func (h Handlers) ListClusters(c echo.Context) error {
	f := store.ClusterFilter{Page: store.Page{Limit: clustersShown}}
	list, err := h.Store.ProviderClusters(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p := web.ClusterListProps{Layout: h.layout(c)}
	for _, x := range list {
		p.Clusters = append(p.Clusters, web.ClusterRow{
			ID: x.ID, Name: x.Name, Organization: x.OrganizationName, Pool: x.PoolName, State: x.State, Reason: x.Reason,
			Nodes: x.Nodes, Created: x.CreatedAt, LeaseEnds: orZero(x.LeaseEndsAt),
			Test: x.Test, UsedMCS: int64(x.Used),
		})
	}
	return page.Render(c, http.StatusOK, web.ClusterList(p))
}
