package provider

import (
	"context"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListPeriods shows the months of the provider's accounts.
func (h Handlers) ListPeriods(c echo.Context) error {
	l := request.ParseList(c)
	list, total, err := h.Books.Periods(c.Request().Context(), where(c), l.Page())
	if err != nil {
		return err
	}
	p := web.PeriodListProps{Layout: h.layout(c), List: page.List(l, total)}
	for _, x := range list {
		p.Periods = append(p.Periods, web.PeriodRow{
			Month: x.Month.String(), Name: x.Month.Words(), Closed: page.Time(x.ClosedAt), ClosedBy: x.ClosedByName, Statements: x.Statements,
		})
	}
	return page.Render(c, http.StatusOK, web.PeriodList(p))
}

// ShowPeriod shows what a month needs to be closed, or what was made of it.
func (h Handlers) ShowPeriod(c echo.Context) error { return h.periodPage(c, nil) }

// ClosePeriod closes a month for ever.
func (h Handlers) ClosePeriod(c echo.Context) error {
	month, err := monthOfPath(c)
	if err != nil {
		return err
	}
	// A long month takes longer than a browser may wait: it is closed although nobody reads the answer, which its page has, too.
	err = h.Books.ClosePeriod(context.WithoutCancel(c.Request().Context()), who(c), where(c), month)
	if r, ok := respond.AsForm(err); ok {
		return h.periodPage(c, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/provider/periods/"+month.String(), month.Words()+" is closed: its files are kept, and the organizations have their statements.")
}

// DownloadPeriodFile sends one of a month's files.
func (h Handlers) DownloadPeriodFile(c echo.Context) error {
	month, err := monthOfPath(c)
	if err != nil {
		return err
	}
	return sales.DownloadPeriodFile(c, h.Books, where(c), month, c.Param("name"))
}

func (h Handlers) periodPage(c echo.Context, refused *refusal.Error) error {
	month, err := monthOfPath(c)
	if err != nil {
		return err
	}
	x, err := h.Books.Period(c.Request().Context(), where(c), month)
	if err != nil {
		return err
	}
	p := web.PeriodShowProps{
		Layout: h.layout(c), Month: month.String(), Name: month.Words(), From: x.Instants.From.In(x.Zone), Until: x.Instants.To.In(x.Zone), Zone: x.Zone.String(),
		MayCloseAt: x.MayCloseAt, Over: !x.Now.Before(x.Instants.To), Due: !x.Now.Before(x.MayCloseAt), Closed: page.Time(x.ClosedAt), ClosedBy: x.ClosedByName,
		Statements: x.Statements, MayClose: request.Allowed(c, request.ProviderOrders),
	}
	if x.First.Before(month) {
		p.First, p.FirstName = x.First.String(), x.First.Words()
	}
	for _, q := range x.Checks {
		p.Checks = append(p.Checks, web.PeriodCheck{Title: q.Title, Found: q.Found, Next: q.Next, Blocks: q.Blocks})
	}
	for _, f := range x.Files {
		p.Files = append(p.Files, web.PeriodFile{Name: f.Name, Size: f.Size, SHA256: f.SHA256})
	}
	status := http.StatusOK
	if refused != nil {
		p.Form, status = ui.Form{Refusal: refused}, respond.Status(refused.Code)
	}
	return page.Render(c, status, web.PeriodShow(p))
}

// monthOfPath is the month that an address names.
func monthOfPath(c echo.Context) (billing.Month, error) {
	m, err := billing.ParseMonth(c.Param("month"))
	if err != nil {
		return m, refusal.NotFound("month")
	}
	return m, nil
}

// ofMonth names a file of a month: a closed one has it as it was made then, of any other it is provisional.
func (h Handlers) ofMonth(c echo.Context, month billing.Month, f sales.File) (sales.File, error) {
	ctx, providerID := c.Request().Context(), where(c)
	f.Name = f.Of + "-" + month.String()
	closed, err := h.Books.IsClosed(ctx, providerID, month)
	if err != nil {
		return f, err
	}
	if !closed {
		f.Name += "-" + billing.Provisional
		return f, nil
	}
	f.Kept = func(name string, to io.Writer) error { return h.Books.WriteKeptFile(ctx, providerID, month, name, to) }
	return f, nil
}
