package provider

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ShowOverview is the first page of a provider: what needs a look, and its pools.
func (h Handlers) ShowOverview(c echo.Context) error {
	ctx, providerID := c.Request().Context(), where(c)
	pools, err := h.Store.Pools(ctx)
	if err != nil {
		return err
	}
	hosts, err := h.Store.Hosts(ctx, providerID)
	if err != nil {
		return err
	}
	clusters, err := h.Store.ProviderClusters(ctx, providerID, store.ClusterFilter{Page: store.Page{Limit: clustersShown}})
	if err != nil {
		return err
	}
	p := web.OverviewProps{Layout: h.layout(c), Clusters: len(clusters), Attention: attention(hosts)}
	for _, x := range pools {
		if x.ProviderID == providerID {
			p.Pools = append(p.Pools, web.PoolRow{
				Name: x.Name, Hosts: x.Hosts, HostsActive: x.ActiveHosts, VCPUs: x.VCPUs, VCPUsTaken: x.VCPUs - x.FreeVCPUs,
				MemoryMiB: x.MemoryMiB, MemoryTakenMiB: x.MemoryMiB - x.FreeMemoryMiB, TestVCPUs: x.TestVCPUs, Prefix: x.Prefix.String(),
			})
		}
	}
	return page.Render(c, http.StatusOK, web.Overview(p))
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
