package org

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// ListRequests shows managers what members ask for, and members their own.
func (h Handlers) ListRequests(c echo.Context) error {
	orgID, _ := where(c)
	l := request.ParseList(c, "cluster", "person", "need", "state", "created")
	q := request.ParseQuery(c)
	list, total, need, err := h.Overview.LaunchRequests(c.Request().Context(), orgID, overview.LaunchRequestFilter{
		Person: whose(c), State: q.Typed("state"), Search: q.Typed("search"), Sorting: l.Sorting, Page: l.Page(),
	})
	if err != nil {
		return err
	}
	p := web.RequestListProps{
		Layout: h.layout(c), List: page.List(l, total), NeedMCS: int64(need), MayDecide: mayManage(c), All: whose(c) == uuid.Nil,
		State: q.Typed("state"), Search: q.Typed("search"),
	}
	for _, r := range list {
		p.Requests = append(p.Requests, requestRow(c, r))
	}
	return page.Live(c, web.RequestList(p))
}

// ShowRequest shows one request with what a decision rests on.
func (h Handlers) ShowRequest(c echo.Context) error {
	p, err := h.requestProps(c, nil)
	if err != nil {
		return err
	}
	return page.Live(c, web.RequestShow(p))
}

// ApproveRequest launches what was asked for; what cannot be launched now stays waiting, with the reason.
func (h Handlers) ApproveRequest(c echo.Context) error {
	return h.decide(c, whose(c), func(orgID, personID uuid.UUID, r overview.LaunchRequestRow, _ *request.Form) (string, string, error) {
		cluster, err := h.Machines.ApproveRequest(c.Request().Context(), orgID, personID, r.ID)
		return clusterPath(cluster), approvedNotice(r), err
	})
}

// approvedNotice says what was done, and that it counts to the cap of who asked.
func approvedNotice(r overview.LaunchRequestRow) string {
	notice := "Approved: the launch is done, in the name of who asked."
	switch {
	case r.Group != "":
		notice = "Approved: the nodes are on their way, in the name of who asked."
	case r.Extend:
		notice = "Approved: the lease is longer."
	case r.Start:
		notice = "Approved: the start is done, in the name of who asked."
	}
	if r.Cap != nil {
		notice += " It counts to the cap of " + typed.Isolate(r.Capped) + "."
	}
	return notice
}

// DeclineRequest says no, with a reason.
func (h Handlers) DeclineRequest(c echo.Context) error {
	return h.decide(c, whose(c), func(orgID, personID uuid.UUID, asked overview.LaunchRequestRow, f *request.Form) (string, string, error) {
		reason := f.Text("reason", "a reason", 1, 500)
		if r := f.Refusal(); r != nil {
			return "", "", r
		}
		return "/org/requests", "Declined. Who asked is told the reason.", h.Machines.DeclineRequest(c.Request().Context(), orgID, personID, asked.ID, reason)
	})
}

// WithdrawRequest takes one's own request back.
func (h Handlers) WithdrawRequest(c echo.Context) error {
	_, own := where(c)
	return h.decide(c, own, func(orgID, personID uuid.UUID, asked overview.LaunchRequestRow, _ *request.Form) (string, string, error) {
		return "/org/requests", "The request is withdrawn.", h.Machines.WithdrawRequest(c.Request().Context(), orgID, personID, asked.ID)
	})
}

// decide runs a decision about a request of whose; what is refused shows the request again with the reason.
func (h Handlers) decide(c echo.Context, whose uuid.UUID, f func(orgID, personID uuid.UUID, asked overview.LaunchRequestRow, form *request.Form) (to, notice string, err error)) error {
	id, err := request.ID(c, "id", "request")
	if err != nil {
		return err
	}
	form, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	asked, err := h.Overview.LaunchRequest(c.Request().Context(), orgID, whose, id)
	if err != nil {
		return err
	}
	to, notice, err := f(orgID, personID, asked, form)
	if r, ok := refusal.As(err); ok {
		p, err := h.requestProps(c, r)
		if err != nil {
			return err
		}
		p.DeclineReason = form.Typed("reason")
		return page.Render(c, respond.Status(decidedStatus(r.Code)), web.RequestShow(p))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, to, notice)
}

// decidedStatus: the request was found, so what its launch lacks (its pool's provider does not sell any more) is no
// page that is missing.
func decidedStatus(code string) string {
	if code == "not_found" {
		return "conflict"
	}
	return code
}

func (h Handlers) requestProps(c echo.Context, refusal *refusal.Error) (web.RequestShowProps, error) {
	p := web.RequestShowProps{Layout: h.layout(c), Form: ui.Form{Refusal: refusal}, MayDecide: mayManage(c)}
	id, err := request.ID(c, "id", "request")
	if err != nil {
		return p, err
	}
	orgID, _ := where(c)
	r, err := h.Overview.LaunchRequest(c.Request().Context(), orgID, whose(c), id)
	p.Request = requestRow(c, r)
	return p, err
}

// whose narrows a member to their own requests; uuid.Nil is everyone's.
func whose(c echo.Context) uuid.UUID {
	if request.AllowedToRead(c, request.OrgManage) {
		return uuid.Nil
	}
	_, personID := where(c)
	return personID
}

func mayManage(c echo.Context) bool { return request.Allowed(c, request.OrgManage) }

// countsText names the nodes of a request: "1 head, 2 compute, 1 gpu".
func countsText(r overview.LaunchRequestRow) string {
	words := []string{"1 head"}
	for _, group := range slices.Sorted(maps.Keys(r.Counts)) {
		if n := r.Counts[group]; n > 0 && group != machines.OnlyGroup {
			words = append(words, ui.Count(n)+" "+group)
		}
	}
	if len(words) == 1 {
		words = append(words, ui.Count(r.Nodes-1)+" compute")
	}
	return strings.Join(words, ", ")
}

func requestRow(c echo.Context, r overview.LaunchRequestRow) web.RequestRow {
	_, personID := where(c)
	row := web.RequestRow{
		ID: r.ID, Own: r.PersonID == personID, Person: r.PersonName, Start: r.Start, Extend: r.Extend, Group: r.Group, Count: r.Count, Name: r.Name,
		Version: web.VersionLink{ID: r.VersionID, ModelName: r.ModelName, Version: r.Version}, Pool: r.PoolName, Provider: r.ProviderName,
		Nodes: r.Nodes, Counts: countsText(r), Lease: time.Duration(r.LeaseSeconds) * time.Second, Ends: requestEnds(r.Terms), NeedMCS: int64(r.Need), State: r.State, Reason: r.Reason,
		DecidedBy: r.DecidedBy, Decided: page.Time(r.DecidedAt), Created: r.CreatedAt, LeftMCS: int64(r.Left), When: string(r.When), At: r.At, Capped: r.Capped,
		References: web.References{PurchaseOrder: r.PurchaseOrder, CostCentre: r.CostCentre, GrantNumber: r.GrantNumber},
	}
	for _, short := range r.Short {
		row.Short = append(row.Short, short.String())
	}
	if r.ClusterID != nil {
		row.Cluster = *r.ClusterID
	}
	if r.Cap != nil {
		row.Cap = capProps(r.Cap)
	}
	return row
}

// requestEnds says how the lease that is asked for ends, where that is not after its hours.
func requestEnds(t machines.LeaseTerms) web.RequestEnd {
	return web.RequestEnd{Until: page.Time(t.Until), UntilStopped: t.UntilStopped, Delete: t.AtEnd == machines.AtEndDelete, KeepDays: t.KeepDays}
}

// asked is the answer to a launch or start above the cap: the managers are asked for it.
func (h Handlers) asked(c echo.Context, id uuid.UUID) error {
	return h.Frame.Done(c, requestPath(id), "Your cap does not allow this alone. Your managers are asked for it and have been told.")
}

func requestPath(id uuid.UUID) string { return "/org/requests/" + id.String() }
