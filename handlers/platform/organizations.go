package platform

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"volary.dev/handlers/respond"
	"volary.dev/store/overview"
	"volary.dev/store/people"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	web "volary.dev/web/platform"
	"volary.dev/web/ui"
)

// ListOrganizations shows all organizations.
func (h Handlers) ListOrganizations(c echo.Context) error {
	l, q := request.ParseList(c, "name", "members", "clusters", "created"), request.ParseQuery(c)
	list, total, err := h.Overview.PlatformOrganizations(c.Request().Context(), overview.PlatformFilter{
		Text: q.Typed("q"), State: choice(q.Typed("state"), "active", "suspended"), Sorting: l.Sorting, Page: l.Page(),
	})
	if err != nil {
		return err
	}
	p := web.OrganizationListProps{Layout: h.layout(c), List: page.List(l, total), Text: q.Typed("q"), State: q.Typed("state")}
	for _, o := range list {
		p.Organizations = append(p.Organizations, organizationRow(o))
	}
	return page.Render(c, http.StatusOK, web.OrganizationList(p))
}

// choice keeps a filter's value that the page offers; anything else filters nothing.
func choice(typed string, values ...string) string {
	for _, v := range values {
		if typed == v {
			return v
		}
	}
	return ""
}

func organizationRow(o overview.PlatformOrganization) web.OrganizationRow {
	return web.OrganizationRow{
		ID: o.ID, Name: o.Name, Created: o.CreatedAt, Suspended: page.Time(o.SuspendedAt), Reason: o.SuspendedReason,
		Members: o.Members, Clusters: o.Clusters, Running: o.Running,
	}
}

// ShowOrganization shows one, who answers for it, and the form that suspends it.
func (h Handlers) ShowOrganization(c echo.Context) error {
	id, err := request.ID(c, "id", "organization")
	if err != nil {
		return err
	}
	return h.organizationPage(c, id, web.OrganizationShowProps{})
}

// SuspendOrganization suspends one with a reason.
func (h Handlers) SuspendOrganization(c echo.Context) error {
	id, err := request.ID(c, "id", "organization")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.OrganizationShowProps{Typed: f.Typed("reason")}
	reason := f.Text("reason", "the reason", 5, 500)
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return h.organizationPage(c, id, p)
	}
	err = h.People.SuspendOrganization(c.Request().Context(), by(c), id, reason)
	if r, ok := respond.AsForm(err); ok {
		p.Form.Refusal = r
		return h.organizationPage(c, id, p)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/platform/organizations/"+id.String(), "The organization is suspended. The stop of its clusters is asked for, and its owners were written to.")
}

// LiftOrganization ends a suspension.
func (h Handlers) LiftOrganization(c echo.Context) error {
	return h.change(c, "organization", h.People.LiftOrganization, h.organizationRefused, "/platform/organizations/", "The suspension is lifted. Clusters stay stopped until someone starts them.")
}

// SetQuota gives one a quota of its own, or the platform's again.
func (h Handlers) SetQuota(c echo.Context) error {
	id, err := request.ID(c, "id", "organization")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.OrganizationShowProps{OwnQuota: f.Typed("quota")}
	var quota *int64
	if strings.TrimSpace(p.OwnQuota) != "" {
		bytes := f.Int64("quota", "the quota", 0, people.MostQuota>>30) << 30
		quota = &bytes
	}
	if p.QuotaForm.Refusal = f.Refusal(); p.QuotaForm.Refusal != nil {
		return h.organizationPage(c, id, p)
	}
	err = h.People.SetQuota(c.Request().Context(), by(c), id, quota)
	if r, ok := respond.AsForm(err); ok {
		p.QuotaForm.Refusal = r
		return h.organizationPage(c, id, p)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/platform/organizations/"+id.String(), "The quota is set. It counts from the next upload on.")
}

// SetStarters says whether what an organization shares with everyone are starter models.
func (h Handlers) SetStarters(c echo.Context) error {
	id, err := request.ID(c, "id", "organization")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	starters := f.Choice("starters", "the choice", "yes", "no") == "yes"
	var p web.OrganizationShowProps
	if p.StartersForm.Refusal = f.Refusal(); p.StartersForm.Refusal != nil {
		return h.organizationPage(c, id, p)
	}
	if err := h.People.SetStarters(c.Request().Context(), by(c), id, starters); err != nil {
		return err
	}
	notice := "What it shares with everyone are starter models from now on."
	if !starters {
		notice = "What it shares with everyone are no starter models any more; it stays shared."
	}
	return h.Frame.Done(c, "/platform/organizations/"+id.String(), notice)
}

// change does what has no form but a button.
func (h Handlers) change(
	c echo.Context, what string, do func(ctx context.Context, by, id uuid.UUID) error, refused func(echo.Context, uuid.UUID, error) (bool, error), back, notice string,
) error {
	id, err := request.ID(c, "id", what)
	if err != nil {
		return err
	}
	if err := do(c.Request().Context(), by(c), id); err != nil {
		if shown, showErr := refused(c, id, err); shown {
			return showErr
		}
		return err
	}
	return h.Frame.Done(c, back+id.String(), notice)
}

func (h Handlers) organizationRefused(c echo.Context, id uuid.UUID, err error) (bool, error) {
	r, ok := respond.AsForm(err)
	if !ok {
		return false, nil
	}
	p := web.OrganizationShowProps{}
	p.Form.Refusal = r
	return true, h.organizationPage(c, id, p)
}

func (h Handlers) organizationPage(c echo.Context, id uuid.UUID, p web.OrganizationShowProps) error {
	ctx := c.Request().Context()
	o, err := h.Overview.PlatformOrganization(ctx, id)
	if err != nil {
		return err
	}
	l, q := request.ParseList(c, "name", "email", "role", "since"), request.ParseQuery(c)
	l.Path, p.Text = "/platform/organizations/"+id.String(), q.Typed("q")
	members, total, err := h.People.Members(ctx, id, people.MemberFilter{Text: p.Text, Sorting: l.Sorting, Page: l.Page()})
	if err != nil {
		return err
	}
	quota, err := h.Models.Quota(ctx, id)
	if err != nil {
		return err
	}
	p.Quota = ui.QuotaProps{Allowed: quota.Allowed, Stored: quota.Stored, Arriving: quota.Arriving, Checking: quota.Checking}
	p.CommonQuota = h.Core.Quota()
	if quota.Own && p.QuotaForm.Refusal == nil {
		p.OwnQuota = strconv.FormatInt(quota.Allowed>>30, 10)
	}
	if p.Starters, err = h.People.Starters(ctx, id); err != nil {
		return err
	}
	p.Layout, p.Organization, p.List = h.layout(c), organizationRow(o), page.List(l, total)
	for _, m := range members {
		p.Members = append(p.Members, web.MemberRow{ID: m.PersonID, Name: m.Name, Email: m.Email, Role: string(m.Role), Since: m.Since})
	}
	return page.Render(c, page.StatusOf(p.Form, p.QuotaForm, p.StartersForm), web.OrganizationShow(p))
}
