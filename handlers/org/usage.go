package org

import (
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store/books"
	web "volary.dev/web/org"
	"volary.dev/web/sales"
)

// ShowUsage shows use and cost by cluster. Purchases and ledger are the wallet's.
func (h Handlers) ShowUsage(c echo.Context) error {
	orgID, _ := where(c)
	l, q := request.ParseList(c, "name", "provider", "nodes", "created", "aside", "used", "cost"), request.ParseQuery(c)
	f := books.UsageFilter{Search: q.Typed("search"), Sorting: l.Sorting, Page: l.Page()}
	f.Provider, _ = uuid.Parse(q.Typed("provider"))
	list, sum, err := h.Books.ListUsage(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	p := web.UsageProps{
		Layout: h.layout(c), List: page.List(l, sum.Count), Clusters: clusterUsage(list), UsedMCS: int64(sum.Used), HeldMCS: int64(sum.SetAside),
		Cost: costsText(sum.Costs), Search: f.Search, Provider: q.Typed("provider"),
	}
	if p.Hours, err = h.hours(c); err != nil {
		return err
	}
	places, err := h.Machines.PoolPlaces(c.Request().Context())
	if err != nil {
		return err
	}
	_, p.Providers = placeOptions(places)
	return page.Live(c, web.Usage(p))
}

func clusterUsage(list []books.ClusterUseRow) []web.ClusterUsage {
	rows := make([]web.ClusterUsage, 0, len(list))
	for _, u := range list {
		rows = append(rows, web.ClusterUsage{
			ID: u.ClusterID, Name: u.Name, Provider: u.ProviderName, Nodes: u.Nodes, Created: u.CreatedAt, Ended: page.Time(u.EndedAt),
			UsedMCS: int64(u.Used), HeldMCS: int64(u.SetAside), Cost: costText(u.Cost, u.Currency),
			References: web.References{PurchaseOrder: u.PurchaseOrder, CostCentre: u.CostCentre, GrantNumber: u.GrantNumber},
		})
	}
	return rows
}

// ShowClusterUsage shows what one cluster used, run by run: each node from its gate to its last proof of life.
func (h Handlers) ShowClusterUsage(c echo.Context) error {
	orgID, _ := where(c)
	d, err := h.cluster(c)
	if err != nil {
		return err
	}
	l, q := request.ParseList(c, "node", "from", "until", "rate", "used"), request.ParseQuery(c)
	f := books.RunFilter{Node: q.Typed("search"), Sorting: l.Sorting, Page: l.Page()}
	runs, sum, err := h.Books.ListRuns(c.Request().Context(), orgID, d.ID, f)
	if err != nil {
		return err
	}
	p := web.ClusterUsageProps{
		Layout: h.layout(c), List: page.List(l, sum.Count), Search: f.Node, ID: d.ID, Name: d.Name, Provider: d.ProviderName, HeldMCS: int64(d.Held),
		UsedMCS: int64(sum.All), ListedMCS: int64(sum.Used), Cost: costText(sum.Cost, sum.Currency), MayOpen: mayWork(c),
		References: web.References{PurchaseOrder: d.PurchaseOrder, CostCentre: d.CostCentre, GrantNumber: d.GrantNumber},
	}
	for _, r := range runs {
		p.Runs = append(p.Runs, web.RunRow{
			Node: r.NodeName, Rate: int64(r.Rate), Began: r.StartedAt, Ended: r.EndedAt, Open: r.Open, UsedMCS: int64(r.Used), Cost: costText(r.Cost, r.Currency),
		})
	}
	return page.Live(c, web.ClusterUsageShow(p))
}

// hours sums what the organization has with all providers.
func (h Handlers) hours(c echo.Context) (web.HoursSummary, error) {
	orgID, _ := where(c)
	cards, err := h.Books.Wallet(c.Request().Context(), orgID)
	var sum web.HoursSummary
	for _, w := range cards {
		sum.Bought += int64(w.Bought)
		sum.Used += int64(w.Used)
		sum.Held += int64(w.SetAside)
		sum.Left += int64(w.Left)
		sum.Expired += int64(w.Expired)
	}
	return sum, err
}

// costText shows what booked use cost; empty where no lot with a price paid.
func costText(minor *int64, currency billing.Currency) string {
	if minor == nil {
		return ""
	}
	return sales.Amount(billing.Money{Minor: *minor, Currency: currency})
}

// costsText is a sum in each currency.
func costsText(costs []billing.Money) string {
	texts := make([]string, len(costs))
	for i, m := range costs {
		texts[i] = sales.Amount(m)
	}
	return strings.Join(texts, ", ")
}
