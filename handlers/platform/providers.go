package platform

import (
	"context"
	"net/http"

	"volary.dev/handlers/respond"
	"volary.dev/store/overview"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	web "volary.dev/web/platform"
)

// ListProviders shows every provider, those that wait for a decision first.
func (h Handlers) ListProviders(c echo.Context) error {
	l, q := request.ParseList(c, "name", "state", "hosts", "clusters", "created"), request.ParseQuery(c)
	f := overview.PlatformProviderFilter{
		Search: q.Typed("search"), State: choice(q.Typed("state"), "applied", "active", "rejected", "suspended"), Sorting: l.Sorting, Page: l.Page(),
	}
	list, total, err := h.Overview.PlatformProviders(c.Request().Context(), f)
	if err != nil {
		return err
	}
	p := web.ProviderListProps{Layout: h.layout(c), List: page.List(l, total), Search: f.Search, State: f.State}
	for _, x := range list {
		p.Providers = append(p.Providers, providerRow(x))
	}
	return page.Render(c, http.StatusOK, web.ProviderList(p))
}

func providerRow(x overview.PlatformProvider) web.ProviderRow {
	return web.ProviderRow{
		ID: x.ID, Name: x.Name, State: x.State, Reason: x.StateReason, Applicant: x.ApplicantName, Created: x.CreatedAt,
		Pools: x.Pools, Hosts: x.Hosts, Clusters: x.Clusters, Organizations: x.Organizations, Staff: x.Staff, UsedMCS: int64(x.Used),
	}
}

// ShowProvider shows what a provider says of itself, and the forms that decide about it.
func (h Handlers) ShowProvider(c echo.Context) error {
	id, err := request.ID(c, "id", "provider")
	if err != nil {
		return err
	}
	return h.providerPage(c, id, web.ProviderShowProps{})
}

func (h Handlers) providerPage(c echo.Context, id uuid.UUID, p web.ProviderShowProps) error {
	x, err := h.Overview.PlatformProvider(c.Request().Context(), id)
	if err != nil {
		return err
	}
	p.Layout, p.Row = h.layout(c), providerRow(x)
	p.LegalName, p.TaxID, p.Currency, p.InvoicePrefix, p.AccountingZone = x.LegalName, x.TaxID, x.Currency, x.InvoicePrefix, x.AccountingZone
	p.SupportContact, p.About, p.Terms, p.ApplicantEmail = x.SupportContact, x.About, x.Terms, x.ApplicantEmail
	p.Applied, p.Decided, p.DecidedBy = page.Time(x.AppliedAt), page.Time(x.DecidedAt), x.DecidedByName
	return page.Render(c, page.StatusOf(p.Form), web.ProviderShow(p))
}

// ApproveProvider takes a provider on.
func (h Handlers) ApproveProvider(c echo.Context) error {
	return h.change(c, "provider", h.People.ApproveProvider, h.providerRefused, "/platform/providers/", "The provider is approved. Its admin was written to, and finds what is left to the first sale.")
}

// LiftProvider ends a suspension.
func (h Handlers) LiftProvider(c echo.Context) error {
	return h.change(c, "provider", h.People.LiftProvider, h.providerRefused, "/platform/providers/", "The suspension is lifted.")
}

func (h Handlers) providerRefused(c echo.Context, id uuid.UUID, err error) (bool, error) {
	r, ok := respond.AsForm(err)
	if !ok {
		return false, nil
	}
	p := web.ProviderShowProps{}
	p.Form.Refusal = r
	return true, h.providerPage(c, id, p)
}

// RejectProvider turns an application down with a reason.
func (h Handlers) RejectProvider(c echo.Context) error {
	return h.decideWithReason(c, h.People.RejectProvider, "The application is turned down. The applicant was written to and may correct it.")
}

// SuspendProvider takes a provider from the market with a reason.
func (h Handlers) SuspendProvider(c echo.Context) error {
	return h.decideWithReason(c, h.People.SuspendProvider, "The provider is suspended. What runs goes on to the end of its lease; nothing new begins.")
}

func (h Handlers) decideWithReason(c echo.Context, do func(ctx context.Context, by, id uuid.UUID, reason string) error, notice string) error {
	id, err := request.ID(c, "id", "provider")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	err = do(c.Request().Context(), by(c), id, f.Typed("reason"))
	if r, ok := respond.AsForm(err); ok {
		p := web.ProviderShowProps{Typed: f.Typed("reason")}
		p.Form.Refusal = r
		return h.providerPage(c, id, p)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/platform/providers/"+id.String(), notice)
}
