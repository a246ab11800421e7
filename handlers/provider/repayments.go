package provider

import (
	"context"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/handlers/request"
	"volary.dev/store/books"
	web "volary.dev/web/sales"
)

// NewRepayment shows the form of credit that is paid back.
func (h Handlers) NewRepayment(c echo.Context) error {
	return h.paymentForm(c, web.PaymentNewProps{Repay: true, Organization: request.ParseQuery(c).Typed("organization")}, nil)
}

// CreateRepayment books credit that was paid back.
func (h Handlers) CreateRepayment(c echo.Context) error {
	return h.createPayment(c, true, func(ctx context.Context, n books.NewPayment, m billing.Money) (string, error) {
		return m.String() + " of credit are booked as paid back.", h.Books.RepayCredit(ctx, who(c), where(c), n)
	})
}
