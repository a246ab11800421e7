package org

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	web "volary.dev/web/org"
)

// ShowHome is the first page of an organization.
func (h Handlers) ShowHome(c echo.Context) error {
	orgID, _ := where(c)
	clusters, err := h.Store.Clusters(c.Request().Context(), orgID, store.ClusterFilter{})
	if err != nil {
		return err
	}
	hours, err := h.hours(c)
	if err != nil {
		return err
	}
	return page.Live(c, web.Home(web.HomeProps{Layout: h.layout(c), Clusters: clusterRows(clusters), Hours: hours, MayLaunch: mayWork(c)}))
}

// hours sums what the organization has with all providers.
func (h Handlers) hours(c echo.Context) (web.HoursSummary, error) {
	orgID, _ := where(c)
	cards, err := h.Store.Wallet(c.Request().Context(), orgID)
	var sum web.HoursSummary
	for _, w := range cards {
		sum.Bought += int64(w.Bought)
		sum.Used += int64(w.Used)
		sum.Held += int64(w.SetAside)
		sum.Left += int64(w.Left)
		sum.Expired += int64(w.Expired)
	}
	return sum, err
}
