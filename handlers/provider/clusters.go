package provider

import (
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/machines"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListClusters shows what runs on the provider's pools.
func (h Handlers) ListClusters(c echo.Context) error {
	ctx, providerID := c.Request().Context(), where(c)
	l, q := request.ParseList(c, "name", "organization", "pool", "nodes", "lease", "ended", "used"), request.ParseQuery(c)
	f := machines.ProviderClusterFilter{Search: q.Typed("search"), State: q.Typed("state"), Kind: q.Typed("kind"), Sorting: l.Sorting, Page: l.Page()}
	f.Organization, _ = uuid.Parse(q.Typed("organization"))
	f.Pool, _ = uuid.Parse(q.Typed("pool"))
	list, total, used, err := h.Machines.ProviderClusters(ctx, providerID, f)
	if err != nil {
		return err
	}
	p := web.ClusterListProps{
		Layout: h.layout(c), List: page.List(l, total), UsedMCS: int64(used), Search: f.Search, State: f.State, Kind: f.Kind,
		Pool: q.Typed("pool"), Organization: q.Typed("organization"),
	}
	if p.Pools, err = h.pools(c); err != nil {
		return err
	}
	if p.Organizations, err = h.organizationOptions(c); err != nil {
		return err
	}
	for _, x := range list {
		p.Clusters = append(p.Clusters, clusterRow(x))
	}
	return page.Live(c, web.ClusterList(p))
}

func clusterRow(x machines.ClusterRow) web.ClusterRow {
	return web.ClusterRow{
		ID: x.ID, Name: x.Name, Organization: x.OrganizationName, OrganizationID: x.OrganizationID, Pool: x.PoolName, State: x.State, Reason: x.Reason,
		Nodes: x.Nodes, Created: x.CreatedAt, LeaseEnds: page.Time(x.LeaseEndsAt), Endless: x.Endless, Ended: page.Time(x.EndedAt),
		Test: x.Test, UsedMCS: int64(x.Used),
	}
}

// organizationOptions are those of the provider, for a choice of one.
func (h Handlers) organizationOptions(c echo.Context) ([]ui.Option, error) {
	names, err := h.Overview.OrganizationNames(c.Request().Context(), where(c))
	list := make([]ui.Option, len(names))
	for i, x := range names {
		list[i] = ui.Option{Value: x.ID.String(), Label: x.Name}
	}
	return list, err
}

// ShowCluster shows one cluster as staff may see it: its state, nodes and hosts.
func (h Handlers) ShowCluster(c echo.Context) error {
	p, err := h.clusterProps(c)
	if err != nil {
		return err
	}
	return page.Live(c, web.ClusterShow(p))
}

// PauseCluster has a cluster stand, with a reason that its organization reads.
func (h Handlers) PauseCluster(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	typed := clusterForm{pause: f.Typed("pause_reason")}
	reason := f.Text("pause_reason", "the reason", 5, 500)
	if r := f.Refusal(); r != nil {
		return h.clusterAgain(c, typed, r)
	}
	err = h.Machines.PauseCluster(c.Request().Context(), who(c), where(c), id, reason)
	if r, ok := respond.AsForm(err); ok {
		return h.clusterAgain(c, typed, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "The pause is asked for. Its organization was written to, with the reason.")
}

// ResumeCluster lets a paused cluster go on.
func (h Handlers) ResumeCluster(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	err = h.Machines.ResumeCluster(c.Request().Context(), who(c), where(c), id)
	if r, ok := respond.AsForm(err); ok {
		return h.clusterAgain(c, clusterForm{}, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "The cluster goes on. Its organization was written to.")
}

// EndCluster ends a cluster with a reason that its organization reads.
func (h Handlers) EndCluster(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	typed := clusterForm{end: f.Typed("reason")}
	reason := f.Text("reason", "the reason", 5, 500)
	if r := f.Refusal(); r != nil {
		return h.clusterAgain(c, typed, r)
	}
	err = h.Machines.EndCluster(c.Request().Context(), who(c), where(c), id, reason)
	if r, ok := respond.AsForm(err); ok {
		return h.clusterAgain(c, typed, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "The end is asked for. Its organization was written to, with the reason.")
}

// AllowCluster lets the organization start an ended cluster again.
func (h Handlers) AllowCluster(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	err = h.Machines.AllowCluster(c.Request().Context(), who(c), where(c), id)
	if r, ok := respond.AsForm(err); ok {
		return h.clusterAgain(c, clusterForm{}, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "Its organization may start the cluster again. Until it does, it stays stopped.")
}

// clusterForm is what was typed as reasons.
type clusterForm struct{ pause, end string }

// clusterAgain shows the cluster with what was refused and the reason as typed.
func (h Handlers) clusterAgain(c echo.Context, typed clusterForm, r *refusal.Error) error {
	p, err := h.clusterProps(c)
	if err != nil {
		return err
	}
	p.Typed, p.TypedPause, p.Form.Refusal = typed.end, typed.pause, r
	return page.Render(c, respond.Status(r.Code), web.ClusterShow(p))
}

func (h Handlers) clusterProps(c echo.Context) (web.ClusterShowProps, error) {
	d, err := h.cluster(c)
	if err != nil {
		return web.ClusterShowProps{}, err
	}
	consent, err := h.Machines.ConsentForProvider(c.Request().Context(), where(c), d.ID)
	if err != nil {
		return web.ClusterShowProps{}, err
	}
	p := web.ClusterShowProps{
		Layout: h.layout(c), Row: clusterRow(d.ClusterRow), ReasonDetail: d.ReasonDetail, Person: d.PersonName, PoolID: d.PoolID,
		Ready: page.Time(d.ReadyAt), Ended: page.Time(d.EndedAt), GateDeadline: page.Time(d.GateDeadline), HeldMCS: int64(d.Held), RateMCS: int64(d.RatePerHour),
		Barred: page.Time(d.BarredAt), BarredWhy: d.BarredWhy, DisksUntil: page.Time(d.DisksUntil), KeptDays: int(machines.DisksKept / (24 * time.Hour)),
		Paused: page.Time(d.PausedAt), PausedWhy: d.PausedWhy, PausedUntil: page.Time(d.PausedUntil), PauseDays: int(machines.PausedFor / (24 * time.Hour)),
	}
	p.AtEnd, p.KeptUntil = leaseEndText(d), page.Time(d.KeptUntil)
	p.MayPause = d.Desired == provisioner.DesiredRunning && !d.Test
	p.MayResume = d.Desired == provisioner.DesiredPaused
	for _, n := range d.NodeRows {
		if n.State == provisioner.NodePausing {
			p.StillRun++
		}
	}
	p.MayEnd = d.Desired != provisioner.DesiredGone && d.BarredAt == nil
	p.MayAllow = d.Desired != provisioner.DesiredGone && d.BarredAt != nil
	p.MayConsole = consent != nil && request.Allowed(c, request.ProviderConsole)
	if consent != nil {
		p.ConsentBy, p.ConsentUntil = consent.PersonName, consent.UntilAt
	}
	nodesShown(c, d, &p)
	return p, nil
}

// leaseEndText says what a running cluster's lease does at its end.
func leaseEndText(d machines.ClusterDetail) string {
	if d.Test || d.Desired != provisioner.DesiredRunning && d.Desired != provisioner.DesiredPaused {
		return ""
	}
	text := "then it is stopped, and its disks are kept for " + ui.Plural(d.KeepDays, "day", "days")
	if d.AtEnd == machines.AtEndDelete {
		text = "then it is deleted"
	}
	if d.UntilStopped {
		return "it extends itself by the hour; " + text
	}
	return text
}

// nodesShown fills the list of nodes: of the largest clusters a page shows some.
func nodesShown(c echo.Context, d machines.ClusterDetail, p *web.ClusterShowProps) {
	l, q := request.ParseList(c, "name", "state", "host", "shape", "seen"), request.ParseQuery(c)
	l.Path = clusterPath(d.ID) // also where a refused form is shown
	p.Search, p.NodeState = q.Typed("search"), q.Typed("state")
	keep := func(n machines.NodeRow) bool {
		return page.Finds(p.Search, n.Name, n.HostName) && (p.NodeState == "" || string(n.State) == p.NodeState)
	}
	rows, total := page.Rows(d.NodeRows, l, keep, map[string]func(a, b machines.NodeRow) int{
		"name": page.By(func(n machines.NodeRow) string { return n.Name }), "state": page.By(func(n machines.NodeRow) string { return string(n.State) }),
		"host": page.By(func(n machines.NodeRow) string { return n.HostName }), "shape": page.By(func(n machines.NodeRow) string { return n.ShapeName }),
		"seen": func(a, b machines.NodeRow) int { return page.Time(a.SeenAt).Compare(page.Time(b.SeenAt)) },
	})
	for _, n := range rows {
		p.Nodes = append(p.Nodes, web.NodeRow{
			ID: n.ID, Name: n.Name, State: n.State, Reason: n.Reason, ReasonDetail: n.ReasonDetail, Moved: n.Moved, Host: n.HostName, HostID: n.HostID,
			ShapeName: n.ShapeName, Shape: n.Shape, Seen: page.Time(n.SeenAt),
		})
	}
	p.NodeList = page.List(l, total)
}

func (h Handlers) cluster(c echo.Context) (machines.ClusterDetail, error) {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return machines.ClusterDetail{}, err
	}
	return h.Machines.ProviderCluster(c.Request().Context(), where(c), id)
}

func clusterPath(id uuid.UUID) string { return "/provider/clusters/" + id.String() }
