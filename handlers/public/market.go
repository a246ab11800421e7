package public

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner"
	"volary.dev/store/overview"
	"volary.dev/web/layout"
	web "volary.dev/web/public"
)

// marketDefaults are what the form is filled with where the query says nothing.
func marketDefaults() web.MarketValues {
	return web.MarketValues{Nodes: "4", VCPUs: "1", Memory: "2", Disk: "10", Hours: "24"}
}

// ShowMarket compares what providers sell for the need in the query; where there is one alone it shows that one.
func (h Handlers) ShowMarket(c echo.Context) error {
	f := request.ParseQuery(c)
	l := request.ParseList(c, marketSorts()...)
	l.Path = marketPath // also where / shows it
	p := web.MarketProps{Layout: h.layout(c), Values: typedNeed(f), List: page.List(l, 0)}
	need := readNeed(p.Values, f)
	filter := overview.MarketFilter{Location: f.Typed("location"), MostPer: mostPrice(f), Sorting: l.Sorting, Page: l.Page()}
	if p.Form.Refusal = f.Refusal(); p.Form.Refusal != nil {
		p.Offers.Now = p.Layout.Now
		return page.Render(c, respond.Status(p.Form.Refusal.Code), web.Market(p))
	}
	m, err := h.Overview.Market(c.Request().Context(), organizationOf(c), need, filter)
	if err != nil {
		return err
	}
	if len(m.Providers) == 1 { // nothing to compare
		return h.provider(c, m.Providers[0], marketPath)
	}
	p.List, p.Locations, p.Lacking = page.List(l, m.Total), m.Locations, m.Lacking
	p.Offers = offers(c, m, need, p.Values)
	p.Offers.Zone = p.Layout.Zone
	return page.Render(c, http.StatusOK, web.Market(p))
}

func marketSorts() []string { return []string{"provider", "price", "cost", "free", "start"} }

// layout is the frame of a page that everybody may see: who is signed in keeps the navigation of where they work.
func (h Handlers) layout(c echo.Context) layout.Props {
	area := layout.AreaPublic
	switch s := request.Session(c); {
	case s == nil:
	case s.OrganizationID != nil:
		area = layout.AreaOrg
	case s.ProviderID != nil:
		area = layout.AreaProvider
	}
	return h.Frame.Layout(c, area)
}

// organizationOf is whose hours are shown; uuid.Nil where the session works for none.
func organizationOf(c echo.Context) uuid.UUID {
	if s := request.Session(c); s != nil && s.OrganizationID != nil {
		return *s.OrganizationID
	}
	return uuid.Nil
}

// typedNeed is the query's need as typed; what is missing or empty takes its default.
func typedNeed(f *request.Form) web.MarketValues {
	d := marketDefaults()
	return web.MarketValues{
		Nodes: cmp.Or(f.Typed("nodes"), d.Nodes), VCPUs: cmp.Or(f.Typed("vcpus"), d.VCPUs), Memory: cmp.Or(f.Typed("memory"), d.Memory),
		Disk: cmp.Or(f.Typed("disk"), d.Disk), Hours: cmp.Or(f.Typed("hours"), d.Hours),
		Location: f.Typed("location"), Price: f.Typed("price"),
	}
}

const marketPath = "/market"

const (
	leaseLeast = 6 * time.Minute
	leaseMost  = 8760 * time.Hour
)

// readNeed reads the need with its defaults; what is wrong is said at f's fields.
func readNeed(v web.MarketValues, f *request.Form) overview.MarketNeed {
	filled := request.Filled(url.Values{
		"nodes": {v.Nodes}, "vcpus": {v.VCPUs}, "memory": {v.Memory}, "disk": {v.Disk}, "hours": {v.Hours},
	}, f)
	return overview.MarketNeed{
		Nodes: filled.Int("nodes", "the number of nodes", 1, 1000),
		Shape: provisioner.Shape{
			VCPUs: filled.Int("vcpus", "the number of vCPUs", 1, 1024), MemoryMiB: gibibytes(filled), DiskGiB: filled.Int("disk", "the disk", 1, 65536),
		},
		LeaseSeconds: int64(filled.Duration("hours", "the time", leaseLeast, leaseMost) / time.Second),
	}
}

// gibibytes reads memory in GiB, with a fraction, as MiB.
func gibibytes(f *request.Form) int {
	return int(f.Decimal("memory", "the memory", 4, 625, 163_840_000) * 1024 / 10_000)
}

func mostPrice(f *request.Form) *int64 {
	if !f.Has("price") {
		return nil
	}
	price, err := billing.ParseUnitPrice(f.Typed("price"), "EUR") // six decimals, whatever the currency
	if err != nil {
		f.Wrong("price", "The price has to be a number such as 0.05, of one compute hour. This is "+err.Error()+".")
		return nil
	}
	return &price.Millionths
}

func offers(c echo.Context, m overview.Market, need overview.MarketNeed, v web.MarketValues) web.Offers {
	o := web.Offers{Now: m.Now, Owner: organizationOf(c) != uuid.Nil}
	currencies := map[billing.Currency]bool{}
	for _, r := range m.Rows {
		if r.Price != nil {
			currencies[r.Price.Currency] = true
		}
		o.Rows = append(o.Rows, offerRow(c, r, need, v))
	}
	o.Mixed = len(currencies) > 1
	return o
}

func offerRow(c echo.Context, r overview.MarketRow, need overview.MarketNeed, v web.MarketValues) web.OfferRow {
	row := web.OfferRow{
		ProviderID: r.ProviderID, Provider: r.ProviderName, Pool: r.PoolName, Location: r.Location, Certified: r.Certified, Offer: r.OfferName,
		Node: r.Shape.Name, Shape: r.Shape.Size(), Made: r.Made, NeedMCS: int64(r.Need), OwnedMCS: int64(r.Owned), ToBuyMCS: int64(r.ToBuy),
		LeastMCS: int64(r.LeastHours), FreeVCPUs: r.FreeVCPUs, VCPUs: r.VCPUs, FreeMiB: r.FreeMiB,
		When: string(r.When), Start: r.Start, TooLong: r.MaxLease > 0, BestPrice: r.Lowest,
	}
	for _, short := range r.Short {
		row.Short = append(row.Short, short.String())
	}
	if r.Price != nil {
		row.Price, row.CostPerHour, row.Cost = r.Price.String(), r.Price.Hour(billing.Rate(r.RatePerHour/3600)), r.Cost.String()
	}
	if r.Startable() && mayLaunch(c) {
		row.Launch = launchAddress(r, need.Nodes, v.Hours)
	}
	if r.OfferID != uuid.Nil && request.Allowed(c, request.OrgOrder) {
		row.Order = orderAddress(r)
	}
	return row
}

// orderAddress is the order's form filled with what is still to buy, at least what the offer wants; where nothing is,
// with what the lease takes.
func orderAddress(r overview.MarketRow) string {
	hours := max(cmp.Or(r.ToBuy, r.Need), r.LeastHours)
	// Hours have up to five decimals: more than a need has is bought, never less.
	return "/org/orders/new?" + url.Values{"offer": {r.OfferID.String()}, "hours": {sales.HoursText(hours)}}.Encode()
}

// mayLaunch is also true for who is not signed in: the way to the launch form leads over signing in.
func mayLaunch(c echo.Context) bool {
	return request.Session(c) == nil || request.Allowed(c, request.OrgWork)
}

// launchAddress is the launch form filled with the need; a version and a name are left to choose.
func launchAddress(r overview.MarketRow, nodes int, hours string) string {
	return "/org/clusters/new?" + url.Values{
		"pool": {r.PoolID.String()}, "compute_count": {fmt.Sprint(max(nodes-1, 0))}, "lease_hours": {hours},
	}.Encode()
}
