package org

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	trade "volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
	web "volary.dev/web/org"
	"volary.dev/web/sales"
	"volary.dev/web/ui"
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
			Node: r.NodeName, Rate: int64(r.Rate), Began: r.StartedAt, Ended: r.EndedAt, Open: r.Open, Proofs: r.Proofs, Gap: r.Gap, UsedMCS: int64(r.Used), Cost: costText(r.Cost, r.Currency),
		})
	}
	return page.Live(c, web.ClusterUsageShow(p))
}

// ShowPeopleUsage shows a month's use by who launched it: everybody's to those who read it, to others their own.
func (h Handlers) ShowPeopleUsage(c echo.Context) error {
	ctx := c.Request().Context()
	l, q := request.ParseList(c, "person", "provider", "clusters", "runs", "used", "cost"), request.ParseQuery(c)
	p := web.PeopleUsageProps{
		Layout: h.layout(c), Month: q.Typed("month"), Search: q.Typed("search"), Provider: q.Typed("provider"), Own: usageOf(c) != uuid.Nil,
	}
	f, wrong, err := h.groupFilter(c, &p)
	if err != nil {
		return err
	}
	if wrong != nil {
		p.List, p.Form.Refusal = page.List(l, 0), wrong
		return page.Render(c, respond.Status(wrong.Code), web.PeopleUsage(p))
	}
	places, err := h.Machines.PoolPlaces(ctx)
	if err != nil {
		return err
	}
	_, p.Providers = placeOptions(places)
	orgID, _ := where(c)
	use, err := h.Books.GroupUsage(ctx, orgID, f)
	if err != nil {
		return err
	}
	for _, part := range use.Parts {
		p.Parts = append(p.Parts, monthPart(part))
	}
	fillPeople(&p, use.People(), l)
	return page.Render(c, http.StatusOK, web.PeopleUsage(p))
}

func monthPart(p billing.GroupPart) ui.MonthPart {
	zone := p.Zone
	return ui.MonthPart{
		Party: p.ProviderName, From: p.Period.From.In(zone), Until: p.Period.To.In(zone), Zone: zone.String(),
		Over: !p.Made.Before(p.Period.To), Settled: p.Settled.In(zone),
	}
}

// fillPeople fills in the page of the list that the query asks for, and the sums of all that it leaves.
func fillPeople(p *web.PeopleUsageProps, people []billing.PersonUse, l request.List) {
	people = slices.DeleteFunc(people, func(u billing.PersonUse) bool { return !page.Finds(p.Search, u.PersonName) })
	costs := map[billing.Currency]int64{}
	for _, u := range people {
		p.UsedMCS += int64(u.Hours)
		p.Runs += u.Runs
		if u.Cost.Currency != "" {
			costs[u.Cost.Currency] += u.Cost.Minor
		}
	}
	sums := make([]billing.Money, 0, len(costs))
	for _, currency := range slices.Sorted(maps.Keys(costs)) {
		sums = append(sums, billing.Money{Minor: costs[currency], Currency: currency})
	}
	p.Cost = costsText(sums)
	shown, total := page.Rows(people, l, func(billing.PersonUse) bool { return true }, map[string]func(a, b billing.PersonUse) int{
		"person":   page.By(func(u billing.PersonUse) string { return u.PersonName }),
		"provider": page.By(func(u billing.PersonUse) string { return u.Part.ProviderName }),
		"clusters": page.By(func(u billing.PersonUse) int { return u.Clusters }), "runs": page.By(func(u billing.PersonUse) int { return u.Runs }),
		"used": page.By(func(u billing.PersonUse) billing.Hours { return u.Hours }), "cost": page.By(func(u billing.PersonUse) int64 { return u.Cost.Minor }),
	})
	p.List = page.List(l, total)
	for _, u := range shown {
		row := web.PersonUsage{Name: u.PersonName, Provider: u.Part.ProviderName, Clusters: u.Clusters, Runs: u.Runs, UsedMCS: int64(u.Hours)}
		if u.Cost.Currency != "" {
			row.Cost = sales.Amount(billing.Money(u.Cost))
		}
		p.People = append(p.People, row)
	}
}

// usageOf is whose use the session may see by month: everybody's is uuid.Nil.
func usageOf(c echo.Context) uuid.UUID {
	if request.AllowedToRead(c, request.OrgUsage) {
		return uuid.Nil
	}
	_, personID := where(c)
	return personID
}

// groupFilter reads which part of a month is asked for, else the whole of the present one. What is no month is refused.
func (h Handlers) groupFilter(c echo.Context, p *web.PeopleUsageProps) (books.GroupFilter, *refusal.Error, error) {
	orgID, _ := where(c)
	q := request.ParseQuery(c)
	first, last, err := h.Books.MonthsOfGroup(c.Request().Context(), orgID, time.Now())
	if err != nil {
		return books.GroupFilter{}, nil, err
	}
	f := books.GroupFilter{Month: last, Person: usageOf(c)}
	if q.Has("month") {
		f.Month = trade.Month(q)
		if r := q.Refusal(); r != nil {
			return f, r, nil
		}
	}
	f.Provider, _ = uuid.Parse(q.Typed("provider"))
	p.Month = f.Month.String()
	if first.Before(f.Month) {
		p.Before = f.Month.Previous().String()
	}
	if f.Month.Before(last) {
		p.After = f.Month.Next().String()
	}
	return f, nil, nil
}

// ExportUsage gives a table of a month's use as CSV.
func (h Handlers) ExportUsage(c echo.Context) error { return h.exportUsage(c, trade.DownloadCSV) }

// ExportUsageWorkbook gives the month's use as a workbook.
func (h Handlers) ExportUsageWorkbook(c echo.Context) error {
	return h.exportUsage(c, trade.DownloadWorkbook)
}

// ExportUsageLines gives a table of a month's use as JSON Lines.
func (h Handlers) ExportUsageLines(c echo.Context) error {
	return h.exportUsage(c, trade.DownloadJSONLines)
}

func (h Handlers) exportUsage(c echo.Context, send func(echo.Context, trade.File) error) error {
	f, wrong, err := h.groupFilter(c, &web.PeopleUsageProps{})
	if err != nil {
		return err
	}
	if wrong != nil {
		return wrong
	}
	orgID, _ := where(c)
	name := "usage-"
	if f.Person != uuid.Nil {
		name = "own-usage-"
	}
	return send(c, trade.File{
		Name: name + f.Month.String() + "-" + billing.Provisional, Tables: billing.GroupTables(),
		Fill: func(b billing.Book) error { return h.Books.ExportGroupUsage(c.Request().Context(), orgID, f, b) },
	})
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
