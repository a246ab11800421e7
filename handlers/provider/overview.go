package provider

import (
	"fmt"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// monthsOnOverview is how many months of use the overview charts.
const monthsOnOverview = 6

// ShowOverview is the first page of a provider: what needs a decision, what is left to the first sale, its pools and
// their use.
func (h Handlers) ShowOverview(c echo.Context) error {
	ctx, providerID := c.Request().Context(), where(c)
	o, err := h.Overview.ProviderOverview(ctx, providerID)
	if err != nil {
		return err
	}
	months, err := h.Overview.MonthlyUse(ctx, providerID, [16]byte{}, monthsOnOverview, now())
	if err != nil {
		return err
	}
	p := web.OverviewProps{Layout: h.layout(c), Months: monthBars(months), Requests: o.Requests}
	if n := len(months); n > 0 {
		p.Month, p.UsedMCS = monthName(months[n-1].Month), int64(months[n-1].Hours)
	}
	if p.Pools, err = h.pools(c); err != nil {
		return err
	}
	for _, x := range p.Pools {
		p.Clusters += x.Clusters
	}
	if p.Attention, err = h.attention(c, o); err != nil {
		return err
	}
	if !o.ReadyToSell() {
		p.Steps = steps(c, o)
	}
	return page.Live(c, web.Overview(p))
}

func (h Handlers) pools(c echo.Context) ([]web.PoolRow, error) {
	pools, _, err := h.Machines.ProviderPools(c.Request().Context(), where(c), machines.PoolFilter{Page: store.Page{Limit: everyPool}})
	var rows []web.PoolRow
	for _, x := range pools {
		rows = append(rows, poolRow(x))
	}
	return rows, err
}

// attention is what needs a look now, of what the person may do something about.
func (h Handlers) attention(c echo.Context, o overview.ProviderOverview) (list []web.Attention, err error) {
	if o.WaitingOrders > 0 && request.Allowed(c, request.ProviderOrders) {
		list = append(list, web.Attention{
			Tone: ui.ToneWait, Text: ui.Plural(o.WaitingOrders, "order waits", "orders wait") + " for a decision", Label: "Decide", Where: "/provider/orders?state=waiting",
		})
	}
	if !request.Allowed(c, request.ProviderHosts) { // whoever may not open hosts is not sent there
		return list, nil
	}
	hosts, _, err := h.Machines.HostList(c.Request().Context(), where(c), machines.HostFilter{State: "unfit", Page: store.Page{Limit: mostHosts + 1}})
	if err != nil {
		return nil, err
	}
	for i, x := range hosts {
		if i == mostHosts {
			list = append(list, web.Attention{Tone: ui.ToneBad, Text: "More hosts cannot carry nodes", Label: "Open them", Where: "/provider/hosts?state=unfit"})
			break
		}
		list = append(list, hostTrouble(x))
	}
	if o.Troubled > 0 {
		list = append(list, web.Attention{
			Tone: ui.ToneWarn, Text: ui.Plural(o.Troubled, "cluster has", "clusters have") + " nodes that failed or were lost", Label: "Open clusters", Where: "/provider/clusters",
		})
	}
	if o.FailedJobs > 0 {
		list = append(list, web.Attention{
			Tone: ui.ToneBad, Text: ui.Plural(o.FailedJobs, "background job", "background jobs") + " failed for good", Label: "Open jobs", Where: "/provider/jobs?state=discarded",
		})
	}
	return list, nil
}

// mostHosts is how many hosts that cannot carry nodes are named one by one.
const mostHosts = 8

func hostTrouble(x machines.Host) web.Attention {
	a := web.Attention{Tone: ui.ToneBad, Text: fmt.Sprintf("%s takes no nodes: %s", typed.Isolate(x.Name), x.WhyUnfit()), Label: "Open " + x.Name, Where: hostPath(x.ID)}
	switch {
	case x.EnrolledAt == nil:
		a.Tone, a.Text = ui.ToneWait, typed.Isolate(x.Name)+" waits for enrolment"
	case x.CheckState == "running":
		a.Tone, a.Text = ui.ToneBusy, x.Name+" is being checked"
	}
	return a
}

// steps are the checklist to the first sale; each leads to its page for those who may open it.
func steps(c echo.Context, o overview.ProviderOverview) []web.Step {
	may := func(p request.Permission, where string) string {
		if request.Allowed(c, p) {
			return where
		}
		return ""
	}
	return []web.Step{
		{Title: "A pool", Text: "Hosts that share a network between them, and what groups may do there.", Done: o.HasPool, Label: "New pool", Where: may(request.ProviderHosts, "/provider/pools/new")},
		{Title: "A host that passed its check", Text: "A machine with libvirt: guests are booted on it and a packet is sent between two of them.", Done: o.HasHost, Label: "Add a host", Where: may(request.ProviderHosts, "/provider/hosts/new")},
		{Title: "A shape", Text: "A size of node with its rate in compute hours.", Done: o.HasShape, Label: "New shape", Where: may(request.ProviderHosts, "/provider/shapes/new")},
		{Title: "A price", Text: "An offer of compute hours that is sold now.", Done: o.HasPrice, Label: "Offers", Where: may(request.ProviderPrices, "/provider/offers")},
		{Title: "A test share", Text: "vCPUs kept for acceptance tests, which are free: groups test before they buy.", Done: o.HasTestShare, Label: "Pools", Where: may(request.ProviderHosts, "/provider/pools")},
	}
}
