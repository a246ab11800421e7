package provider

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ShowOverview is the first page of a provider: what needs a look, and its pools.
func (h Handlers) ShowOverview(c echo.Context) error {
	ctx, providerID := c.Request().Context(), where(c)
	month, err := h.Store.CurrentMonth(ctx, providerID, time.Now())
	if err != nil {
		return err
	}
	totals, err := h.Store.UsageTotals(ctx, providerID, month)
	if err != nil {
		return err
	}
	p := web.OverviewProps{Layout: h.layout(c), Month: month.String()}
	for _, t := range totals {
		p.UsedMCS += int64(t.Hours)
	}
	if p.Pools, err = h.pools(c); err != nil {
		return err
	}
	for _, x := range p.Pools {
		p.Clusters += x.Clusters
	}
	if request.Allowed(c, request.ProviderHosts) { // whoever may not open hosts is not sent there
		hosts, err := h.Store.Hosts(ctx, providerID)
		if err != nil {
			return err
		}
		p.Attention = attention(hosts)
	}
	return page.Render(c, http.StatusOK, web.Overview(p))
}

func (h Handlers) pools(c echo.Context) ([]web.PoolRow, error) {
	pools, _, err := h.Store.ProviderPools(c.Request().Context(), where(c), store.PoolFilter{Page: store.Page{Limit: everyPool}})
	var rows []web.PoolRow
	for _, x := range pools {
		rows = append(rows, poolRow(x))
	}
	return rows, err
}

func attention(hosts []store.Host) []web.Attention {
	var list []web.Attention
	for _, x := range hosts {
		if x.State != provisioner.HostDown {
			continue
		}
		list = append(list, web.Attention{
			Tone: ui.ToneBad, Text: fmt.Sprintf("%s is down: %s", x.Name, x.StateReason),
			Label: "Open " + x.Name, Where: "/provider/hosts/" + x.ID.String(),
		})
	}
	return list
}
