package provider

import (
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

// ListHosts shows the provider's hosts and what of them is taken.
func (h Handlers) ListHosts(c echo.Context) error {
	hosts, err := h.Store.Hosts(c.Request().Context(), where(c))
	if err != nil {
		return err
	}
	p := web.HostListProps{Layout: h.layout(c)}
	for _, x := range hosts {
		p.Hosts = append(p.Hosts, web.HostRow{
			ID: x.ID, Name: x.Name, Pool: x.PoolName, State: x.State, Reason: x.StateReason, Acceleration: x.Acceleration,
			VCPUs: x.Capacity.VCPUs, VCPUsTaken: x.Used.VCPUs, MemoryMiB: x.Capacity.MemoryMiB, MemoryTakenMiB: x.Used.MemoryMiB,
			DiskGiB: x.Capacity.DiskGiB, DiskTakenGiB: x.Used.DiskGiB, Nodes: x.Nodes, Seen: orZero(x.RoundAt),
		})
	}
	return page.Render(c, http.StatusOK, web.HostList(p))
}

// ShowHost shows one host, what its check found and what it carries.
func (h Handlers) ShowHost(c echo.Context) error {
	id, err := request.ID(c, "id", "host")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	x, err := h.Store.Host(ctx, where(c), id)
	if err != nil {
		return err
	}
	nodes, err := h.Store.HostNodes(ctx, where(c), id)
	if err != nil {
		return err
	}
	p := hostProps(x)
	p.Layout = h.layout(c)
	for _, n := range nodes {
		p.Nodes = append(p.Nodes, web.HostNode{
			ID: n.ID, Organization: n.OrganizationName, Cluster: n.ClusterName, Name: n.Name, State: n.State, Shape: n.Shape,
		})
	}
	return page.Render(c, http.StatusOK, web.HostShow(p))
}

func hostProps(x store.Host) web.HostShowProps {
	p := web.HostShowProps{
		ID: x.ID, Name: x.Name, Pool: x.PoolName, State: x.State, Reason: x.StateReason, Address: x.Address,
		Underlay: x.Underlay.String(), Acceleration: x.Acceleration,
		VCPUs: x.Capacity.VCPUs, VCPUsTaken: x.Used.VCPUs, MemoryMiB: x.Capacity.MemoryMiB, MemoryTakenMiB: x.Used.MemoryMiB,
		DiskGiB: x.Capacity.DiskGiB, DiskTakenGiB: x.Used.DiskGiB, Seen: orZero(x.RoundAt),
		CheckState: x.CheckState, Checked: orZero(x.CheckedAt),
	}
	for _, check := range x.CheckReport {
		p.Checks = append(p.Checks, hostCheck(check))
	}
	return p
}

func hostCheck(c provisioner.HostCheck) ui.Check {
	check := ui.Check{Name: c.Name, State: "passed", Detail: c.Detail, Took: time.Duration(c.Seconds * float64(time.Second))}
	if !c.Passed {
		check.State = "failed"
	}
	return check
}
