package org

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/machines"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// ListClusters shows the organization's clusters, or with ?gone=1 those that are no more.
func (h Handlers) ListClusters(c echo.Context) error {
	orgID, _ := where(c)
	l, q := request.ParseList(c, "name", "pool", "nodes", "created", "lease", "ended", "used"), request.ParseQuery(c)
	f := machines.ClusterListFilter{Gone: q.Typed("gone") == "1", Search: q.Typed("search"), Sorting: l.Sorting, Page: l.Page()}
	if !f.Gone {
		f.State = q.Typed("state")
	}
	f.Pool, _ = uuid.Parse(q.Typed("pool"))
	f.Provider, _ = uuid.Parse(q.Typed("provider"))
	list, err := h.Machines.ListClusters(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	p := web.ClusterListProps{
		Layout: h.layout(c), List: page.List(l, list.Total), Clusters: clusterRows(list.Clusters), Gone: f.Gone, MayLaunch: mayWork(c),
		UsedMCS: int64(list.Used), Search: f.Search, State: f.State, Pool: q.Typed("pool"), Provider: q.Typed("provider"),
	}
	p.Pools, p.Providers = placeOptions(list.Places)
	if !f.Gone {
		kept, err := h.Machines.KeptDisks(c.Request().Context(), orgID)
		if err != nil {
			return err
		}
		p.Kept = keptDisks(kept)
	}
	return page.Live(c, web.ClusterList(p))
}

// placeOptions are the pools there are, and their providers, for filters.
func placeOptions(places []machines.PoolPlace) (pools, providers []ui.Option) {
	for _, p := range places {
		pools = append(pools, ui.Option{Value: p.PoolID.String(), Label: p.PoolName + ", " + p.ProviderName})
		provider := ui.Option{Value: p.ProviderID.String(), Label: p.ProviderName}
		if !slices.Contains(providers, provider) {
			providers = append(providers, provider)
		}
	}
	return pools, providers
}

// ShowCluster shows one cluster and its nodes.
func (h Handlers) ShowCluster(c echo.Context) error {
	d, err := h.cluster(c)
	if err != nil {
		return err
	}
	p := h.clusterProps(c, d, nil)
	if err := h.readBeside(c, d, &p); err != nil {
		return err
	}
	return page.Live(c, web.ClusterShow(p))
}

func (h Handlers) cluster(c echo.Context) (machines.ClusterDetail, error) {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return machines.ClusterDetail{}, err
	}
	orgID, _ := where(c)
	return h.Machines.Cluster(c.Request().Context(), orgID, id)
}

// StopCluster powers a cluster's nodes off.
func (h Handlers) StopCluster(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	err = h.Machines.StopCluster(c.Request().Context(), orgID, personID, id)
	if r, ok := respond.AsForm(err); ok {
		return h.clusterAgain(c, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "The stop is asked for. Disks, names and addresses stay.")
}

// StartCluster starts a stopped cluster for a new lease; a member's start above the cap becomes a request.
func (h Handlers) StartCluster(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	d, err := h.cluster(c)
	if err != nil {
		return err
	}
	lease, terms := readLease(f, zoneOf(d))
	if r := f.Refusal(); r != nil {
		return h.clusterAgain(c, r)
	}
	orgID, personID := where(c)
	if f.Has("lease") {
		err = h.Machines.StartUntil(c.Request().Context(), orgID, personID, id, lease, terms)
	} else {
		err = h.Machines.StartCluster(c.Request().Context(), orgID, personID, id, lease)
	}
	if r, ok := respond.AsForm(err); ok && r.Code == "cap" {
		var asked uuid.UUID
		if asked, err = h.Machines.RequestStart(c.Request().Context(), orgID, personID, id, lease, terms); err == nil {
			return h.asked(c, asked)
		}
	}
	if r, ok := respond.AsForm(err); ok {
		return h.clusterAgain(c, renamed(r, launchFields(f)))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "The start is accepted: with the disks, names and addresses that the nodes had.")
}

// ExtendCluster lengthens the lease of a cluster that starts or runs; a member's extension above the cap becomes a request.
func (h Handlers) ExtendCluster(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	if f.Sent("extend_until") {
		return h.extendUntil(c, id, f)
	}
	add := int64(f.Hours("extend_hours", "the extension") / time.Second)
	if r := f.Refusal(); r != nil {
		return h.clusterAgain(c, r)
	}
	orgID, personID := where(c)
	err = h.Machines.ExtendLease(c.Request().Context(), orgID, personID, id, add)
	return h.extended(c, id, add, err, "extend_hours")
}

// extendUntil extends up to a date, by the clocks of the provider.
func (h Handlers) extendUntil(c echo.Context, id uuid.UUID, f *request.Form) error {
	d, err := h.cluster(c)
	if err != nil {
		return err
	}
	until := f.UntilIn("extend_until", "the lease's end", zoneOf(d))
	if r := f.Refusal(); r != nil {
		return h.clusterAgain(c, r)
	}
	orgID, personID := where(c)
	add, err := h.Machines.ExtendLeaseUntil(c.Request().Context(), orgID, personID, id, until)
	return h.extended(c, id, add, err, "extend_until")
}

// extended answers an extension by so many seconds, or its refusal beside the field that it was asked in.
func (h Handlers) extended(c echo.Context, id uuid.UUID, add int64, err error, field string) error {
	orgID, personID := where(c)
	if r, ok := respond.AsForm(err); ok && r.Code == "cap" {
		var asked uuid.UUID
		if asked, err = h.Machines.RequestExtension(c.Request().Context(), orgID, personID, id, add); err == nil {
			return h.asked(c, asked)
		}
	}
	if r, ok := respond.AsForm(err); ok {
		return h.clusterAgain(c, renamed(r, map[string]string{"lease": field}))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "The lease is longer by "+ui.Duration(time.Duration(add)*time.Second)+", and the hours for it are set aside.")
}

// readBeside fills in what the cluster's row does not have.
func (h Handlers) readBeside(c echo.Context, d machines.ClusterDetail, p *web.ClusterShowProps) (err error) {
	if err := h.readCap(c, p); err != nil {
		return err
	}
	if err := h.readLogin(c, d, p); err != nil {
		return err
	}
	if p.Staff, err = h.staffLooks(c, d); err != nil {
		return err
	}
	return h.readTasks(c, p)
}

// readCap fills in what the reader may take without asking, where the page offers something that takes hours.
func (h Handlers) readCap(c echo.Context, p *web.ClusterShowProps) error {
	if !p.MayExtend && !p.MayStart {
		return nil
	}
	orgID, personID := where(c)
	limit, err := h.Machines.CapOf(c.Request().Context(), orgID, personID)
	p.Cap = capProps(limit)
	return err
}

// clusterAgain shows the cluster with what was refused and the hours as typed.
func (h Handlers) clusterAgain(c echo.Context, r *refusal.Error) error {
	d, err := h.cluster(c)
	if err != nil {
		return err
	}
	p := h.clusterProps(c, d, aboveForm(r))
	if err := h.readBeside(c, d, &p); err != nil {
		return err
	}
	return page.Render(c, respond.Status(r.Code), web.ClusterShow(p))
}

// ConfirmDeleteCluster says what deleting does before it is done.
func (h Handlers) ConfirmDeleteCluster(c echo.Context) error {
	d, err := h.cluster(c)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.ClusterDelete(h.deleteProps(c, d, nil)))
}

// DeleteCluster removes everything of a cluster from its hosts. It works from every state and with an empty wallet.
func (h Handlers) DeleteCluster(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	err = h.Machines.DeleteCluster(c.Request().Context(), orgID, personID, id)
	if r, ok := respond.AsForm(err); ok {
		d, err := h.cluster(c)
		if err != nil {
			return err
		}
		return page.Render(c, respond.Status(r.Code), web.ClusterDelete(h.deleteProps(c, d, r)))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "The deletion is asked for. What was set aside and not used comes back.")
}

func (h Handlers) deleteProps(c echo.Context, d machines.ClusterDetail, r *refusal.Error) web.ClusterDeleteProps {
	return web.ClusterDeleteProps{
		Layout: h.layout(c), Form: ui.Form{Refusal: r}, ID: d.ID, Name: d.Name, State: d.State,
		Nodes: len(d.NodeRows), HeldMCS: int64(d.Held), UsedMCS: int64(d.Used),
	}
}

// clusterProps also decides which buttons make sense now; the commands decide again.
func (h Handlers) clusterProps(c echo.Context, d machines.ClusterDetail, r *refusal.Error) web.ClusterShowProps {
	p := web.ClusterShowProps{
		Layout: h.layout(c), Form: ui.Form{Refusal: r},
		ID: d.ID, Name: d.Name, State: d.State, Reason: d.Reason, ReasonDetail: d.ReasonDetail,
		Version: web.VersionLink{ID: d.VersionID, ModelName: d.ModelName, Version: d.Version},
		Pool:    d.PoolName, Provider: d.ProviderName, Person: d.PersonName,
		Created: d.CreatedAt, Ready: page.Time(d.ReadyAt), GateDeadline: page.Time(d.GateDeadline),
		LeaseEnds: page.Time(d.LeaseEndsAt), Ended: page.Time(d.EndedAt),
		Lease: time.Duration(d.LeaseSeconds) * time.Second, LeaseHours: typedHours(c, "lease_hours", d.LeaseSeconds), ExtendHours: typedHours(c, "extend_hours", 3600),
		Terms:   leaseProps(c, d),
		HeldMCS: int64(d.Held), UsedMCS: int64(d.Used), BookedMCS: int64(d.Booked), Cost: costText(d.Cost, d.Currency), Proven: page.Time(d.ProvenAt),
		Free: d.Test, SSH: signIn(d),
		References: web.References{PurchaseOrder: d.PurchaseOrder, CostCentre: d.CostCentre, GrantNumber: d.GrantNumber},
	}
	p.KeysLeftOut, p.EndedKeys = keysLeftOut(d.KeysLeftOut), endedKeys(d.EndedKeys, d.Untold, p.Layout)
	for _, l := range d.AbsentLogins {
		p.AbsentLogins = append(p.AbsentLogins, web.AbsentLogin(l))
	}
	p.Barred, p.BarredWhy, p.DisksUntil = page.Time(d.BarredAt), d.BarredWhy, page.Time(d.DisksUntil)
	p.Paused, p.PausedWhy, p.PausedUntil, p.Support = page.Time(d.PausedAt), d.PausedWhy, page.Time(d.PausedUntil), d.Support
	if d.Subnet.IsValid() {
		p.Subnet = d.Subnet.String()
	}
	for _, n := range d.NodeRows {
		p.RateMCS += int64(n.Rate)
		p.Nodes = append(p.Nodes, nodeRow(d.Model, n))
	}
	nodesShown(c, d, &p)
	may := mayWork(c)
	p.MayConsole = may && d.Desired != provisioner.DesiredPaused
	p.MayStop = may && !d.Test && d.Desired == provisioner.DesiredRunning
	p.MayExtend = p.MayStop && (d.LeaseEndsAt == nil || time.Now().Before(*d.LeaseEndsAt))
	p.MayStart = may && !d.Test && d.Desired == provisioner.DesiredStopped && d.State == provisioner.ClusterStopped && d.BarredAt == nil
	p.Scaling, p.ScaleGroups = scalingProps(d, may), scaleGroups(d, p.MayStop)
	p.MayDelete = may && d.Desired != provisioner.DesiredGone && d.Desired != provisioner.DesiredPaused
	return p
}

// mostNamed is how many people a sentence names.
const mostNamed = 8

// keysLeftOut says whose keys do not open the cluster's nodes.
func keysLeftOut(out []machines.KeysLeftOut) string {
	if len(out) == 0 {
		return ""
	}
	var names []string
	for n, o := range out {
		if n == mostNamed {
			names = append(names, fmt.Sprintf("%d other people", len(out)-n))
			break
		}
		names = append(names, fmt.Sprintf("%s (%d)", typed.Isolate(o.Person), o.Keys))
	}
	return fmt.Sprintf("A node takes at most %d SSH keys, and %d MiB of them; the newest are in. Left out were older keys of %s. "+
		"A launch takes them once their owners, or others, have deleted keys that they do not use any more.",
		provisioner.MaxSeedKeys, provisioner.MaxSeedKeyBytes>>20, strings.Join(names, ", "))
}

// nodesShown fills the list of nodes: of the largest clusters a page shows some.
func nodesShown(c echo.Context, d machines.ClusterDetail, p *web.ClusterShowProps) {
	l, q := request.ParseList(c, "name", "state", "host", "address", "ready"), request.ParseQuery(c)
	l.Path = clusterPath(d.ID) // also where a refused form is shown
	p.Search, p.NodeState = q.Typed("search"), q.Typed("state")
	keep := func(n machines.NodeRow) bool {
		return page.Finds(p.Search, n.Name, n.HostName) && (p.NodeState == "" || string(n.State) == p.NodeState)
	}
	rows, total := page.Rows(d.NodeRows, l, keep, map[string]func(a, b machines.NodeRow) int{
		"name": page.By(func(n machines.NodeRow) string { return n.Name }), "state": page.By(func(n machines.NodeRow) string { return string(n.State) }),
		"host": page.By(func(n machines.NodeRow) string { return n.HostName }), "ready": page.By(func(n machines.NodeRow) time.Duration { return nodeRow(d.Model, n).TimeToReady }),
		"address": func(a, b machines.NodeRow) int { return a.Address.Compare(b.Address) },
	})
	for _, n := range rows {
		p.Shown = append(p.Shown, nodeRow(d.Model, n))
	}
	p.NodeList = page.List(l, total)
}

func nodeRow(m provisioner.Model, n machines.NodeRow) web.NodeRow {
	row := web.NodeRow{
		ID: n.ID, Name: n.Name, Role: n.Role, Group: n.Group, State: n.State, Reason: n.Reason, ReasonDetail: n.ReasonDetail, Moved: n.Moved,
		Host: n.HostName, Address: n.Address.String(), Shape: n.Shape, Seen: page.Time(n.SeenAt), Going: n.Going,
	}
	if n.StartedAt != nil && n.ReadyAt != nil && n.ReadyAt.After(*n.StartedAt) {
		row.TimeToReady = n.ReadyAt.Sub(*n.StartedAt)
	}
	if g, ok := m.Group(n.Group); ok && n.State == provisioner.NodeStarting && !n.GateMet {
		row.Waits = g.Gate.Awaits()
	}
	return row
}

func clusterRows(list []machines.ClusterRow) []web.ClusterRow {
	rows := make([]web.ClusterRow, 0, len(list))
	for _, r := range list {
		rows = append(rows, web.ClusterRow{
			ID: r.ID, Name: r.Name, State: r.State, Reason: r.Reason, ReasonDetail: r.ReasonDetail,
			Version: r.ModelName + " " + r.Version, Pool: r.PoolName, Nodes: r.Nodes, NodesReady: r.ReadyNodes,
			LeaseEnds: page.Time(r.LeaseEndsAt), Endless: r.Endless, Created: r.CreatedAt, Ended: page.Time(r.EndedAt), UsedMCS: int64(r.Used),
		})
	}
	return rows
}

// typedHours is what a refused form had in a field, else the seconds to begin with, as hours.
func typedHours(c echo.Context, field string, seconds int64) string {
	if c.Request().PostForm.Has(field) {
		return c.Request().PostForm.Get(field)
	}
	return typed.Text((seconds*1_000_000+3599)/3600, 6) // rounded up, so that the same seconds are read again
}

func clusterPath(id uuid.UUID) string { return "/org/clusters/" + id.String() }

// NewCluster shows the launch form; with enough chosen in the query also what it would cost and where it would run.
// The query fills the form, and links of other pages rely on it: name, version (id), pool (id), compute_count (or count.GROUP of each
// of several groups), lease (hours, until, stopped), lease_hours, lease_until, at_end (keep, delete), keep_days, purchase_order, cost_centre, grant_number. Whatever is missing is left to choose.
func (h Handlers) NewCluster(c echo.Context) error {
	f := request.ParseQuery(c)
	orgID, personID := where(c)
	form, err := h.Machines.LaunchForm(c.Request().Context(), orgID, personID)
	if err != nil {
		return err
	}
	suggest(f, form)
	p := h.launchForm(c, f, form)
	if p.Values.Version == "" || p.Values.Pool == "" {
		return page.Live(c, web.ClusterNew(p))
	}
	zone, err := h.launchZone(c, f)
	if err != nil {
		return err
	}
	r, refusal := launchRequest(f, false, zone)
	groups, _ := groupsOf(f, form)
	r.Counts = ofGroups(r.Counts, groups)
	if refusal == nil {
		if p.Quote, refusal, err = h.quote(c, f, r); err != nil {
			return err
		}
	}
	// A quote that cannot be made shows why in its own place; the fields are marked when the page is loaded whole.
	if refusal != nil {
		p.Form.Refusal = refusal
		p.Quote = &web.Quote{Refusal: refusal}
	}
	return page.Live(c, web.ClusterNew(p))
}

// CreateCluster launches: every node gets a host, or nothing is made and the form comes back with the reason of
// each host. A member's launch above the cap becomes a request.
func (h Handlers) CreateCluster(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	zone, err := h.launchZone(c, f)
	if err != nil {
		return err
	}
	r, refusal := launchRequest(f, true, zone)
	if refusal != nil {
		return h.launchUnread(c, f, r, refusal)
	}
	orgID, personID := where(c)
	id, err := h.Machines.LaunchCluster(c.Request().Context(), orgID, personID, r)
	if refusal, ok := respond.AsForm(err); ok && refusal.Code == "cap" {
		if id, err = h.Machines.RequestLaunch(c.Request().Context(), orgID, personID, r); err == nil {
			return h.asked(c, id)
		}
	}
	var refused *machines.LaunchRefused
	if errors.As(err, &refused) {
		return h.launchAgain(c, f, refused)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), "Every node has a host. What becomes of it stands here.")
}
