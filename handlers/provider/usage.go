package provider

import (
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	web "volary.dev/web/provider"
	words "volary.dev/web/sales"
	"volary.dev/web/ui"
)

// mostUnbilled is how many lines of hosts and reasons the page shows.
const mostUnbilled = 50

// organizationUse is a line of a month's totals, with what it is ordered by.
type organizationUse struct {
	web.OrganizationUsage
	cost int64 // in minor units of the provider's currency
}

// ShowUsage shows a month's totals by organization, whether runs and ledger agree, and what was ready and not billed.
func (h Handlers) ShowUsage(c echo.Context) error {
	l, q := request.ParseList(c, "name", "clusters", "runs", "used", "cost"), request.ParseQuery(c)
	p := web.UsageExportProps{Layout: h.layout(c), List: page.List(l, 0), Month: q.Typed("month"), Search: q.Typed("search")}
	month, refusal, err := h.month(c)
	if err != nil {
		return err
	}
	if refusal != nil {
		p.Form = ui.Form{Refusal: refusal}
		return page.Render(c, respond.Status(refusal.Code), web.UsageExport(p))
	}
	p.Month = month.String()
	lines, err := h.totals(c, month, &p)
	if err != nil {
		return err
	}
	lines, p.List.Total = page.Rows(lines, l, func(x organizationUse) bool { return page.Finds(p.Search, x.Name) }, map[string]func(a, b organizationUse) int{
		"name": page.By(func(x organizationUse) string { return x.Name }), "clusters": page.By(func(x organizationUse) int { return x.Clusters }),
		"runs": page.By(func(x organizationUse) int { return x.Runs }), "used": page.By(func(x organizationUse) int64 { return x.UsedMCS }),
		"cost": page.By(func(x organizationUse) int64 { return x.cost }),
	})
	for _, x := range lines {
		p.Organizations = append(p.Organizations, x.OrganizationUsage)
	}
	unbilled, err := h.Books.UnbilledTime(c.Request().Context(), where(c), month)
	if err != nil {
		return err
	}
	p.Unbilled = web.UnbilledTime{Reasons: billing.UnbilledByReason(unbilled), Hosts: unbilled[:min(len(unbilled), mostUnbilled)], Lines: len(unbilled)}
	return page.Render(c, http.StatusOK, web.UsageExport(p))
}

// month is the one asked for, else the present one of the provider's accounting zone.
func (h Handlers) month(c echo.Context) (billing.Month, *refusal.Error, error) {
	q := request.ParseQuery(c)
	if !q.Has("month") {
		m, err := h.Books.CurrentMonth(c.Request().Context(), where(c), time.Now())
		return m, nil, err
	}
	m := sales.Month(q)
	return m, q.Refusal(), nil
}

// totals adds up the month, and gives the lines of its organizations.
func (h Handlers) totals(c echo.Context, month billing.Month, p *web.UsageExportProps) (lines []organizationUse, err error) {
	ctx, providerID := c.Request().Context(), where(c)
	x, err := h.People.Provider(ctx, providerID)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(x.AccountingZone)
	if err != nil {
		return nil, fmt.Errorf("accounting zone of %s: %w", x.Name, err)
	}
	period := month.Period(zone)
	p.Part = ui.MonthPart{From: period.From.In(zone), Until: period.To.In(zone), Zone: x.AccountingZone}

	rows, clusters := map[uuid.UUID]*web.OrganizationUsage{}, map[uuid.UUID]bool{}
	use, err := h.Books.EachRun(ctx, providerID, month, func(r billing.RunUse) error {
		row := rows[r.OrganizationID]
		if row == nil {
			row = &web.OrganizationUsage{Name: r.OrganizationName}
			rows[r.OrganizationID] = row
		}
		if r.Corrects == 0 {
			if !clusters[r.ClusterID] {
				clusters[r.ClusterID] = true
				row.Clusters++
			}
			row.Runs++
			p.Runs++
		} else {
			p.TakenBackMCS -= int64(r.Hours)
		}
		row.UsedMCS += int64(r.Hours)
		p.UsedMCS += int64(r.Hours)
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.Part.Over, p.Part.Settled = !use.Made.Before(period.To), use.Settled.In(zone)
	if p.Part.Closed, err = h.Books.IsClosed(ctx, providerID, month); err != nil {
		return nil, err
	}
	var cost billing.Cost // a provider's prices are all in its currency
	for _, t := range use.Totals {
		p.LedgerMCS += int64(t.Hours)
		if t.Cost.Currency != "" {
			cost.Minor, cost.Currency = cost.Minor+t.Cost.Minor, t.Cost.Currency
			p.Cost = words.Amount(billing.Money(cost))
		}
		if row := rows[t.OrganizationID]; row != nil {
			if t.Cost.Currency != "" {
				row.Cost = words.Amount(billing.Money(t.Cost))
			}
			lines = append(lines, organizationUse{*row, t.Cost.Minor})
		}
	}
	return lines, nil
}

// ExportUsage gives a table of a month's use as CSV.
func (h Handlers) ExportUsage(c echo.Context) error { return h.exportUsage(c, sales.DownloadCSV) }

// ExportUsageWorkbook gives the month's use as a workbook.
func (h Handlers) ExportUsageWorkbook(c echo.Context) error {
	return h.exportUsage(c, sales.DownloadWorkbook)
}

// ExportUsageLines gives a table of a month's use as JSON Lines.
func (h Handlers) ExportUsageLines(c echo.Context) error {
	return h.exportUsage(c, sales.DownloadJSONLines)
}

func (h Handlers) exportUsage(c echo.Context, send func(echo.Context, sales.File) error) error {
	month, refusal, err := h.month(c)
	if err != nil {
		return err
	}
	if refusal != nil {
		return refusal
	}
	f, err := h.ofMonth(c, month, sales.File{Of: "usage", Tables: billing.UsageTables()})
	if err != nil {
		return err
	}
	f.Fill = func(b billing.Book) error { return h.Books.ExportUsage(c.Request().Context(), where(c), month, b) }
	return send(c, f)
}
