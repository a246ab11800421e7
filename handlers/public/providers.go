package public

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/overview"
	web "volary.dev/web/public"
)

// ShowProvider shows an active provider: who they are, what they sell, and what our records say of them.
func (h Handlers) ShowProvider(c echo.Context) error {
	id, err := request.ID(c, "id", "provider")
	if err != nil {
		return err
	}
	return h.provider(c, id, "/market/providers/"+id.String())
}

// provider shows a provider at an address of ours, which its form and headings lead back to.
func (h Handlers) provider(c echo.Context, id uuid.UUID, path string) error {
	profile, err := h.Overview.ProviderProfile(c.Request().Context(), id)
	if err != nil {
		return err
	}
	f := request.ParseQuery(c)
	l := request.ParseList(c, marketSorts()...)
	l.Path = path
	p := web.ProviderProps{Layout: h.layout(c), Values: typedNeed(f), List: page.List(l, 0), Alone: path == marketPath}
	describe(&p, profile)
	need := readNeed(p.Values, f)
	p.Offers.Now = p.Layout.Now
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		return page.Render(c, respond.Status(p.Form.Refusal.Code), web.Provider(p))
	}
	filter := overview.MarketFilter{Provider: id, Sorting: l.Sorting, Page: l.Page()}
	m, err := h.Overview.Market(c.Request().Context(), organizationOf(c), need, filter)
	if err != nil {
		return err
	}
	p.List = page.List(l, m.Total)
	p.Offers = offers(c, m, need, p.Values)
	p.Offers.Zone = p.Layout.Zone
	return page.Render(c, http.StatusOK, web.Provider(p))
}

func describe(p *web.ProviderProps, profile overview.ProviderProfile) {
	p.Name, p.LegalName, p.About, p.Terms, p.Support = profile.Name, profile.LegalName, profile.About, profile.Terms, profile.SupportContact
	p.Certificates = profile.Certificates
	p.Record = web.Record{
		Days: overview.RecordDays, Launches: profile.Record.Launches, Ready: profile.Record.Ready, Median: profile.Record.Median, P95: profile.Record.P95,
	}
	for _, x := range profile.Pools {
		p.Pools = append(p.Pools, web.Pool{
			Name: x.Name, Location: x.Location, Policy: x.Policy, Masquerade: x.Masquerade, Wiped: x.WipeDisks,
			TestVCPUs: x.TestVCPUs, MaxLease: x.MaxLeaseHours, VCPUs: x.VCPUs, Hosts: x.Hosts, Made: x.Made,
		})
	}
	if profile.Lowest != nil {
		p.Price = profile.Lowest.String()
	}
	for _, s := range profile.Shapes {
		p.Shapes = append(p.Shapes, web.Shape{Name: s.Name, Size: s.Size(), RateMCS: int64(s.Rate), Hour: s.Hour})
	}
}
