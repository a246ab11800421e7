package provider

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/books"
	web "volary.dev/web/sales"
	"volary.dev/web/ui"
)

// ListPayments shows what came in, what was used as credit and what was paid back.
func (h Handlers) ListPayments(c echo.Context) error {
	l, f := sales.PaymentFilter(c)
	payments, total, sums, err := h.Books.PaymentsOfProvider(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p := sales.PaymentList(c, h.layout(c), web.Seller, l, payments, total, sums)
	p.May = request.Allowed(c, request.ProviderOrders)
	return page.Render(c, http.StatusOK, web.PaymentList(p))
}

// NewPayment shows the form of a payment; ?organization= and ?invoice= fill it in.
func (h Handlers) NewPayment(c echo.Context) error {
	q := request.ParseQuery(c)
	return h.paymentForm(c, web.PaymentNewProps{Organization: q.Typed("organization"), Invoice: q.Typed("invoice")}, nil)
}

// CreatePayment books what came in, and says which invoices it paid and what is over.
func (h Handlers) CreatePayment(c echo.Context) error {
	return h.createPayment(c, false, func(ctx context.Context, n books.NewPayment, m billing.Money) (string, error) {
		recorded, err := h.Books.RecordPayment(ctx, who(c), where(c), n)
		return recorded.Words(m), err
	})
}

func (h Handlers) createPayment(c echo.Context, repay bool, record func(context.Context, books.NewPayment, billing.Money) (string, error)) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.PaymentNewProps{
		Repay: repay, Organization: f.Typed("organization"), Amount: f.Typed("amount"), PaidOn: f.Typed("paid_on"), Reference: f.Typed("reference"), Invoice: f.Typed("invoice"),
	}
	ctx := c.Request().Context()
	x, err := h.People.Provider(ctx, where(c))
	if err != nil {
		return err
	}
	name := f.Text("organization", "the organization", 2, 80)
	amount := sales.Money(f, "amount", billing.Currency(x.Currency))
	n := books.NewPayment{Minor: amount.Minor, Reference: f.Typed("reference")}
	n.PaidOn, _ = f.Day("paid_on")
	if f.Has("invoice") {
		n.InvoiceID = f.ID("invoice", "one of your invoices")
	}
	if r := f.Refusal(); r != nil {
		return h.paymentForm(c, p, r)
	}
	done := ""
	if n.OrganizationID, err = h.People.OrganizationByName(ctx, name); err == nil {
		done, err = record(ctx, n, amount)
	}
	var r *refusal.Error
	switch {
	case err == nil:
		return h.Frame.Done(c, "/provider/payments", typed.Isolate(name)+": "+done)
	case errors.As(err, &r) && r.Code == "not_found":
		f.Wrong("organization", "You have no dealings with an organization of this name: write it exactly as it does.")
		return h.paymentForm(c, p, f.Refusal())
	}
	if r, ok := respond.AsForm(err); ok {
		return h.paymentForm(c, p, r)
	}
	return err
}

func (h Handlers) paymentForm(c echo.Context, p web.PaymentNewProps, r *refusal.Error) error {
	ctx := c.Request().Context()
	x, err := h.People.Provider(ctx, where(c))
	if err != nil {
		return err
	}
	p.Layout, p.Zone, p.Currency = h.layout(c), x.AccountingZone, x.Currency
	if id, err := uuid.Parse(p.Invoice); err == nil && !p.Repay {
		i, err := h.Books.InvoiceOfProvider(ctx, where(c), id)
		if err != nil {
			return err
		}
		p.InvoiceNumber, p.Open = i.Number, i.Open
		if p.Organization == "" {
			p.Organization, p.Amount = i.OrganizationName, i.Open.Decimal()
		}
	}
	status := http.StatusOK
	if r != nil {
		p.Form, status = ui.Form{Refusal: r}, respond.Status(r.Code)
	}
	return page.Render(c, status, web.PaymentNew(p))
}
