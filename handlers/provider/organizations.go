package provider

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListOrganizations shows who has hours, clusters or orders with the provider.
func (h Handlers) ListOrganizations(c echo.Context) error {
	l, q := request.ParseList(c, "name", "left", "used", "clusters", "month"), request.ParseQuery(c)
	f := overview.OrganizationFilter{Search: q.Typed("search"), Sorting: l.Sorting, Page: l.Page()}
	list, total, sum, err := h.Overview.ProviderOrganizations(c.Request().Context(), where(c), now(), f)
	if err != nil {
		return err
	}
	p := web.OrganizationListProps{Layout: h.layout(c), List: page.List(l, total), Search: f.Search, Sum: organizationRow(sum)}
	for _, x := range list {
		p.Organizations = append(p.Organizations, organizationRow(x))
	}
	return page.Render(c, http.StatusOK, web.OrganizationList(p))
}

func organizationRow(x overview.ProviderOrganization) web.OrganizationRow {
	return web.OrganizationRow{
		ID: x.ID, Name: x.Name, Suspended: x.Suspended, BoughtMCS: int64(x.Bought), HeldMCS: int64(x.SetAside), UsedMCS: int64(x.Used),
		LeftMCS: int64(x.Left), ExpiredMCS: int64(x.Expired), Clusters: x.Clusters, MonthMCS: int64(x.ThisMonth),
	}
}

// monthsShown is how many months of use a page charts.
const monthsShown = 12

// ShowOrganization shows one organization's hours, use and clusters with the provider.
func (h Handlers) ShowOrganization(c echo.Context) error {
	id, err := request.ID(c, "id", "organization")
	if err != nil {
		return err
	}
	ctx, providerID := c.Request().Context(), where(c)
	x, err := h.Overview.ProviderOrganization(ctx, providerID, id, now())
	if err != nil {
		return err
	}
	months, err := h.Overview.MonthlyUse(ctx, providerID, id, monthsShown, now())
	if err != nil {
		return err
	}
	p := web.OrganizationShowProps{
		MayGrant: request.Allowed(c, request.ProviderOrders),
		Layout:   h.layout(c), Row: organizationRow(x), Months: monthBars(months), MayOpenClusters: request.Allowed(c, request.ProviderHosts),
	}
	kept, err := h.Machines.KeptDisksAt(ctx, providerID, id)
	if err != nil {
		return err
	}
	p.Kept = keptText(kept)
	if p.MayOpenClusters {
		list, _, _, err := h.Machines.ProviderClusters(ctx, providerID, machines.ProviderClusterFilter{Organization: id})
		if err != nil {
			return err
		}
		for _, x := range list {
			p.Clusters = append(p.Clusters, clusterRow(x))
		}
	}
	return page.Render(c, http.StatusOK, web.OrganizationShow(p))
}

// keptText says what of an organization's disks lies on the hosts though nothing of it runs.
func keptText(k machines.KeptDisks) string {
	text := fmt.Sprintf("%d GiB of %s; %d GiB are promised to those that run, after their leases", k.Lying, ui.Plural(k.Clusters, "stopped cluster", "stopped clusters"), k.Promised)
	if k.GiB == nil {
		return text + ". You set no bound."
	}
	return text + fmt.Sprintf(". You keep at most %d GiB of one organization.", *k.GiB)
}

func monthBars(months []overview.MonthUse) []ui.Bar {
	bars := make([]ui.Bar, len(months))
	for i, m := range months {
		name := monthName(m.Month)
		bars[i] = ui.Bar{Label: name, Tick: strings.Split(name, " ")[0], Value: int64(m.Hours)}
	}
	return bars
}

// monthName says "Nov 2026" for the month "2026-11".
func monthName(month string) string {
	at, err := time.Parse("2006-01", month)
	if err != nil {
		return month
	}
	return at.Format("Jan 2006")
}
