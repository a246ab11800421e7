package provider

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/machines"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListHosts shows the provider's hosts and what of them is taken.
func (h Handlers) ListHosts(c echo.Context) error {
	ctx, providerID := c.Request().Context(), where(c)
	l, q := request.ParseList(c, "name", "pool", "state", "vcpus", "memory", "nodes", "seen"), request.ParseQuery(c)
	f := machines.HostFilter{Search: q.Typed("search"), State: q.Typed("state"), Sorting: l.Sorting, Page: l.Page()}
	f.Pool, _ = uuid.Parse(q.Typed("pool"))
	hosts, total, err := h.Machines.HostList(ctx, providerID, f)
	if err != nil {
		return err
	}
	pools, _, err := h.Machines.ProviderPools(ctx, providerID, machines.PoolFilter{Page: store.Page{Limit: everyPool}})
	if err != nil {
		return err
	}
	smallest, err := h.smallestShape(c)
	if err != nil {
		return err
	}
	p := web.HostListProps{Layout: h.layout(c), List: page.List(l, total), Search: f.Search, Pool: q.Typed("pool"), State: f.State}
	for _, x := range pools {
		p.Pools = append(p.Pools, poolRow(x))
	}
	for _, x := range hosts {
		row := hostRow(x)
		row.Unused = whyUnused(x, smallest)
		p.Hosts = append(p.Hosts, row)
	}
	return page.Live(c, web.HostList(p))
}

func hostRow(x machines.Host) web.HostRow {
	return web.HostRow{
		ID: x.ID, Name: x.Name, Pool: x.PoolName, State: x.State, Reason: x.StateReason, HostSeen: seen(x), Acceleration: x.Acceleration,
		VCPUs: x.Capacity.VCPUs, VCPUsTaken: x.Used.VCPUs, MemoryMiB: x.Capacity.MemoryMiB, MemoryTakenMiB: x.Used.MemoryMiB,
		DiskGiB: x.Capacity.DiskGiB, DiskTakenGiB: x.DiskTaken(), Nodes: x.Nodes, Seen: page.Time(x.RoundAt), Enrolled: x.EnrolledAt != nil,
	}
}

// smallestShape is the shape that fits where none other does, nil where there is none.
func (h Handlers) smallestShape(c echo.Context) (*machines.Shape, error) {
	shapes, err := h.Machines.Shapes(c.Request().Context(), where(c))
	if err != nil || len(shapes) == 0 {
		return nil, err
	}
	return &shapes[0], nil
}

// ShowHost shows one host, what its check found and what it carries.
func (h Handlers) ShowHost(c echo.Context) error {
	id, err := request.ID(c, "id", "host")
	if err != nil {
		return err
	}
	p, err := h.hostShow(c, id)
	if err != nil {
		return err
	}
	return page.Live(c, web.HostShow(p))
}

// shownSilences is how many of a host's silences its page shows.
const shownSilences = 10

// seen is what is seen of a host; empty where no round ever asked it.
func seen(x machines.Host) provisioner.HostSeen {
	if x.RoundAt == nil && x.MissedRounds == 0 {
		return ""
	}
	return x.Seen
}

// hostNodesShown fills the list of what is on a host.
func hostNodesShown(c echo.Context, nodes []machines.HostNode, p *web.HostShowProps) {
	l, q := request.ParseList(c, "name", "state", "cluster", "organization", "vcpus", "memory"), request.ParseQuery(c)
	l.Path = hostPath(p.ID) // also where a refused form is shown
	p.Search, p.NodeState = q.Typed("search"), q.Typed("state")
	keep := func(n machines.HostNode) bool {
		return page.Finds(p.Search, n.Name, n.ClusterName, n.OrganizationName) && (p.NodeState == "" || string(n.State) == p.NodeState)
	}
	rows, total := page.Rows(nodes, l, keep, map[string]func(a, b machines.HostNode) int{
		"name": page.By(func(n machines.HostNode) string { return n.Name }), "state": page.By(func(n machines.HostNode) string { return string(n.State) }),
		"cluster": page.By(func(n machines.HostNode) string { return n.ClusterName }), "organization": page.By(func(n machines.HostNode) string { return n.OrganizationName }),
		"vcpus": page.By(func(n machines.HostNode) int { return n.Shape.VCPUs }), "memory": page.By(func(n machines.HostNode) int { return n.Shape.MemoryMiB }),
	})
	for _, n := range rows {
		p.Shown = append(p.Shown, web.HostNode{
			ID: n.ID, Organization: n.OrganizationName, Cluster: n.ClusterName, ClusterID: n.ClusterID, Name: n.Name, State: n.State, Shape: n.Shape,
		})
	}
	p.NodeList = page.List(l, total)
}

func (h Handlers) hostProps(x machines.Host) web.HostShowProps {
	p := web.HostShowProps{
		ID: x.ID, Name: x.Name, Pool: x.PoolName, PoolID: x.PoolID, State: x.State, Reason: x.StateReason, HostSeen: seen(x), Address: x.Address,
		Underlay: x.Underlay.String(), Acceleration: x.Acceleration, OfferedVCPUs: x.OfferedVCPUs, CPUModel: x.CPUModel, Processors: x.Processors, UEFI: x.UEFI,
		VCPUs: x.Capacity.VCPUs, VCPUsTaken: x.Used.VCPUs, MemoryMiB: x.Capacity.MemoryMiB, MemoryTakenMiB: x.Used.MemoryMiB,
		DiskGiB: x.Capacity.DiskGiB, DiskTakenGiB: x.DiskTaken(), ImageBytes: x.ImageBytes, SpareBytes: x.SpareBytes, Seen: page.Time(x.RoundAt),
		ImagesSeen: page.Time(x.ImagesAt), ImagesKeptDays: keptDays,
		CheckState: x.CheckState, Checked: page.Time(x.CheckedAt),
		Enrolled: page.Time(x.EnrolledAt), CodeUntil: page.Time(x.CodeUntil), CodeSeen: x.CodeSeen, Mistaken: x.Mistaken == provisioner.ErrAnotherMachine.Error(),
	}
	if x.FreeBytes != nil {
		p.FreeBytes = *x.FreeBytes
	}
	p.Twin = x.Mistaken != "" && !p.Mistaken
	if x.Code != "" {
		p.EnrolLine = provisioner.EnrolLine(x.Address, x.Code, h.SimulatedFolder)
	}
	for _, name := range slices.Sorted(maps.Keys(x.Labels)) {
		p.Labels = append(p.Labels, fmt.Sprintf("%s=%s", name, x.Labels[name]))
	}
	for _, check := range x.CheckReport {
		p.Checks = append(p.Checks, hostCheck(check))
	}
	return p
}

func hostCheck(c provisioner.HostCheck) ui.Check {
	return ui.Check{Name: c.Name, State: string(c.State), Detail: c.Detail, Took: time.Duration(c.Seconds * float64(time.Second))}
}

// ConfirmRemoveHost says what removing does before it is done.
func (h Handlers) ConfirmRemoveHost(c echo.Context) error {
	id, err := request.ID(c, "id", "host")
	if err != nil {
		return err
	}
	p, err := h.hostShow(c, id)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.HostRemove(p))
}

func poolRow(x machines.PoolRow) web.PoolRow {
	return web.PoolRow{
		ID: x.ID, Name: x.Name, Location: x.Location, Hosts: x.Hosts, HostsActive: x.ActiveHosts, Clusters: x.Clusters, VCPUs: x.VCPUs,
		ClusterVCPUs: x.ClusterVCPUs, TestsVCPUs: x.TestsVCPUs, TestVCPUs: x.TestVCPUs, MemoryMiB: x.MemoryMiB, MemoryTakenMiB: x.UsedMiB,
		DiskGiB: x.DiskGiB, DiskTakenGiB: x.DiskTaken(), SpareBytes: x.SpareBytes, HostsWaiting: x.WaitingHosts, Prefix: x.Prefix.String(),
	}
}

// NewHost shows the form for another host.
func (h Handlers) NewHost(c echo.Context) error {
	return h.hostForm(c, http.StatusOK, web.HostNewProps{Pool: c.QueryParam("pool"), Scheme: string(provisioner.SchemeTLS)})
}

// CreateHost adds a host; its page then shows the line to paste on its machine, and the check as it goes.
func (h Handlers) CreateHost(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.HostNewProps{
		Enrolment: f.Typed("enrolment"), Name: f.Typed("name"), Pool: f.Typed("pool"), Scheme: f.Typed("scheme"), Address: f.Typed("address"), Port: f.Typed("port"),
		Underlay: f.Typed("underlay"), VCPUs: f.Typed("vcpus"), Labels: f.Typed("labels"),
	}
	pool, host := h.typedHost(f)
	f.Also(host.Check())
	if r := f.Refusal(); r != nil {
		return h.hostAgain(c, p, r)
	}
	id, err := h.Machines.AddHost(c.Request().Context(), who(c), where(c), pool, host)
	if r, ok := respond.AsForm(err); ok {
		return h.hostAgain(c, p, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, hostPath(id), "The host is added, and waits for its enrolment.")
}

// RenewHostCode gives a host another code to wait for.
func (h Handlers) RenewHostCode(c echo.Context) error {
	return h.changeHost(c, "The host waits for a new code.", func(ctx context.Context, id uuid.UUID, _ *request.Form) error {
		return h.Machines.RenewHostCode(ctx, who(c), where(c), id)
	})
}

// CheckHost asks for another check.
func (h Handlers) CheckHost(c echo.Context) error {
	return h.changeHost(c, "The check begins.", func(ctx context.Context, id uuid.UUID, _ *request.Form) error {
		return h.Machines.CheckHost(ctx, who(c), where(c), id)
	})
}

// CordonHost lets a host keep its nodes and take no new ones.
func (h Handlers) CordonHost(c echo.Context) error {
	return h.changeHost(c, "The host is cordoned: it keeps its nodes and takes no new ones.", func(ctx context.Context, id uuid.UUID, f *request.Form) error {
		return h.Machines.CordonHost(ctx, who(c), where(c), id, f.Typed("reason"))
	})
}

// DrainHost begins to empty a host.
func (h Handlers) DrainHost(c echo.Context) error {
	return h.changeHost(c, "The host takes nothing new. It is empty when the clusters below have ended.", func(ctx context.Context, id uuid.UUID, f *request.Form) error {
		return h.Machines.DrainHost(ctx, who(c), where(c), id, f.Typed("reason"))
	})
}

// ActivateHost lets a host take nodes again.
func (h Handlers) ActivateHost(c echo.Context) error {
	return h.changeHost(c, "The host takes nodes again.", func(ctx context.Context, id uuid.UUID, _ *request.Form) error {
		return h.Machines.ActivateHost(ctx, who(c), where(c), id)
	})
}

// changeHost does one thing to the path's host, and shows the host again with what was refused.
func (h Handlers) changeHost(c echo.Context, done string, do func(context.Context, uuid.UUID, *request.Form) error) error {
	id, err := request.ID(c, "id", "host")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	err = do(c.Request().Context(), id, f)
	if r, ok := respond.AsForm(err); ok {
		p, err := h.hostShow(c, id)
		if err != nil {
			return err
		}
		p.Form, p.TypedReason = ui.Form{Refusal: r}, f.Typed("reason")
		return page.Render(c, respond.Status(r.Code), web.HostShow(p))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, hostPath(id), done)
}

// RemoveHost takes a host out of its pool.
func (h Handlers) RemoveHost(c echo.Context) error {
	id, err := request.ID(c, "id", "host")
	if err != nil {
		return err
	}
	err = h.Machines.RemoveHost(c.Request().Context(), who(c), where(c), id)
	if r, ok := respond.AsForm(err); ok {
		p, err := h.hostShow(c, id)
		if err != nil {
			return err
		}
		p.Form = ui.Form{Refusal: r}
		return page.Render(c, respond.Status(r.Code), web.HostShow(p))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/provider/hosts", "The host is removed.")
}
