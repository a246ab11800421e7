package org

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/sales"
	web "volary.dev/web/sales"
)

// ListPayments shows what the organization paid, and its credit.
func (h Handlers) ListPayments(c echo.Context) error {
	orgID, _ := where(c)
	l, f := sales.PaymentFilter(c)
	ctx := c.Request().Context()
	payments, total, sums, err := h.Books.PaymentsOfOrganization(ctx, orgID, f)
	if err != nil {
		return err
	}
	p := sales.PaymentList(c, h.layout(c), web.Buyer, l, payments, total, sums)
	credits, err := h.Books.CreditsOfOrganization(ctx, orgID)
	if err != nil {
		return err
	}
	for _, x := range credits {
		p.Credits = append(p.Credits, web.CreditRow{Provider: x.ProviderName, Amount: x.Amount})
	}
	return page.Render(c, http.StatusOK, web.PaymentList(p))
}
