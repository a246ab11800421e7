package org

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/machines"
	web "volary.dev/web/org"
	"volary.dev/web/sales"
	"volary.dev/web/ui"
)

// NewScale shows how many nodes each compute group has and what one more or fewer means; ?group= chooses whose form is shown.
func (h Handlers) NewScale(c echo.Context) error {
	f := request.ParseQuery(c)
	return h.scalePage(c, http.StatusOK, f, nil)
}

// ScaleCluster adds nodes to a group of a running cluster, or takes some out of it; a member's above the cap becomes a request.
func (h Handlers) ScaleCluster(c echo.Context) error {
	id, err := request.ID(c, "id", "cluster")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	r := machines.ScaleRequest{
		Group: f.Text("group", "a group", 1, 40), Count: f.Int("count", "the number of nodes", 0, mostScaled), Nodes: chosenNodes(f),
	}
	if refused := f.Refusal(); refused != nil {
		return h.scalePage(c, respond.Status(refused.Code), f, refused)
	}
	orgID, personID := where(c)
	done, err := h.Machines.ScaleCluster(c.Request().Context(), orgID, personID, id, r)
	if refused, ok := respond.AsForm(err); ok && refused.Code == "cap" {
		var asked uuid.UUID
		if asked, err = h.Machines.RequestScale(c.Request().Context(), orgID, personID, id, r); err == nil {
			return h.asked(c, asked)
		}
	}
	if refused, ok := respond.AsForm(err); ok {
		return h.scalePage(c, respond.Status(refused.Code), f, refused)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, clusterPath(id), scaledWords(done))
}

// mostScaled is the largest number that a form is read for; what a model allows is less.
const mostScaled = 10_000

// chosenNodes are the nodes whose boxes are ticked. What names none is no node of the cluster, which the store says.
func chosenNodes(f *request.Form) (ids []uuid.UUID) {
	for _, name := range f.Named(nodePrefix, mostScaled) {
		id, _ := uuid.Parse(name)
		ids = append(ids, id)
	}
	return ids
}

const nodePrefix = "node."

func scaledWords(done machines.Scaled) string {
	added, leaving := ui.Plural(len(done.Added), "node is", "nodes are"), ui.Plural(len(done.Leaving), "node is", "nodes are")
	switch {
	case len(done.Added) > 0:
		return fmt.Sprintf("%s on the way up, and %s are set aside until the lease ends.", added, ui.ComputeHours(int64(done.Held)))
	case done.Drains:
		return leaving + " on the way out: the head is told to drain first."
	default:
		return leaving + " on the way out. What is set aside for the rest of the lease comes back when the machines are off."
	}
}

// scalePage shows the form of the group that f names, else of the first, with what was typed and refused.
func (h Handlers) scalePage(c echo.Context, status int, f *request.Form, r *refusal.Error) error {
	d, err := h.cluster(c)
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	form, err := h.Machines.ScaleForm(c.Request().Context(), orgID, personID, d.ID)
	if err != nil {
		return err
	}
	p := web.ClusterScaleProps{
		Layout: h.layout(c), Form: ui.Form{Refusal: r}, ID: d.ID, Name: d.Name, State: d.State, Not: form.Refusal, Group: f.Typed("group"), Count: f.Typed("count"),
		LeaseEnds: page.Time(form.LeaseEnds), LeaseLeft: form.LeaseLeft, LeftMCS: int64(form.Left), Drains: form.Drains, Cap: capProps(form.Cap), MayScale: mayWork(c),
	}
	if form.Price != nil {
		p.Price = form.Price.String()
	}
	chosen := chosenNodes(f)
	for _, g := range form.Groups {
		group := web.ScaleGroup{Name: g.Name, Now: len(g.Nodes), Least: g.Least, Most: g.Most}
		if g.Shape != nil {
			group.Shape = fmt.Sprintf("%s: %s, %s", g.Shape.Name, ui.Plural(g.Shape.VCPUs, "vCPU", "vCPUs"), ui.MiB(g.Shape.MemoryMiB))
			group.RateMCS, group.NeedMCS = int64(g.Shape.Rate), int64(g.Need)
		}
		if g.Shape != nil && form.Price != nil {
			group.Cost = sales.Amount(g.Cost)
		}
		for _, n := range g.Nodes {
			group.Nodes = append(group.Nodes, web.ScaleNode{
				ID: n.ID, Name: n.Name, State: n.State, RateMCS: int64(n.Rate), BackMCS: int64(n.Back), Chosen: slices.Contains(chosen, n.ID),
			})
		}
		p.Groups = append(p.Groups, group)
		if p.Count == "" && (p.Group == g.Name || p.Group == "" && len(p.Groups) == 1) {
			p.Count = strconv.Itoa(group.Now)
		}
	}
	return page.Render(c, status, web.ClusterScale(p))
}

// scaleGroups are the groups that the cluster's page offers to scale: those of one that runs and has nothing on its way.
func scaleGroups(d machines.ClusterDetail, may bool) (names []string) {
	if !may || d.State != provisioner.ClusterReady && d.State != provisioner.ClusterDegraded || d.LeaseEndsAt == nil || !time.Now().Before(*d.LeaseEndsAt) {
		return nil
	}
	if d.Scaling.Drain != nil || d.Scaling.Batch != nil && d.Scaling.Batch.EndedAt == nil {
		return nil
	}
	for _, g := range d.Model.Compute {
		names = append(names, g.Name)
	}
	return names
}

// scalingProps is what of the cluster's nodes comes and goes. Of a cluster that is to stop nothing is said: it has nothing on its way.
func scalingProps(d machines.ClusterDetail, may bool) (s web.Scaling) {
	if d.Desired != provisioner.DesiredRunning && d.Desired != provisioner.DesiredPaused {
		return s
	}
	if b := d.Scaling.Batch; b != nil {
		s.Group, s.Coming, s.Met, s.GateDeadline, s.HeldMCS = b.Group, b.Nodes, b.Ready, page.Time(b.GateDeadline), int64(b.Held)
		s.NotGrown, s.Why = page.Time(b.EndedAt), ui.ReasonSentence(b.Reason, b.ReasonDetail)
	}
	if e := d.Scaling.Drain; e != nil {
		s.Drain, s.Leaving, s.Until, s.Problem = e.ID, e.Nodes, e.Until, e.Problem
		s.MayAnswer = may && d.Desired == provisioner.DesiredRunning
	}
	return s
}
