package sales

import (
	"strconv"
	"strings"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/web/ui"
)

// Side is who reads a page.
type Side string

// The two sides of a sale.
const (
	Buyer  Side = "org"
	Seller Side = "provider"
)

// other names the other side, as a heading does.
func (s Side) other() string {
	if s == Buyer {
		return "Provider"
	}
	return "Organization"
}

func (s Side) path(what string, id uuid.UUID) string {
	return "/" + string(s) + "/" + what + "/" + id.String()
}

// Amount shows money with separated thousands: "1 234.50 EUR".
func Amount(m billing.Money) string {
	whole, part, point := strings.Cut(m.Decimal(), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return m.String()
	}
	text := ui.Count(n)
	if point {
		text += "." + part
	}
	return text + "\u00a0" + string(m.Currency)
}

// netAmount is the heading of a column of amounts: it has the currency where all are in one, as the list's sums say.
func netAmount(sums []Sum) string {
	if len(sums) == 1 {
		return "Net, " + string(sums[0].Amount.Currency)
	}
	return "Net amount"
}

// amountIn is an amount below netAmount's heading, which may have its currency.
func amountIn(m billing.Money, sums []Sum) string {
	text := Amount(m)
	if len(sums) == 1 {
		text, _, _ = strings.Cut(text, "\u00a0")
	}
	return text
}

// Sum is what the rows of one currency sum to.
type Sum struct {
	Hours  int64 // milli-compute-seconds
	Amount billing.Money
}

// References are what the organization calls a purchase in its own books.
type References struct{ PurchaseOrder, CostCentre, GrantNumber string }

// short joins what is there, for a row.
func (r References) short() string {
	var list []string
	for _, s := range []string{r.PurchaseOrder, r.CostCentre, r.GrantNumber} {
		if s != "" {
			list = append(list, s)
		}
	}
	return strings.Join(list, " · ")
}

func orAll(pool string) string {
	if pool == "" {
		return "every pool of the provider"
	}
	return "pool " + pool + " alone"
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// daysOf says whose days a filter takes.
func daysOf(zone string) string {
	if zone == "" {
		return "Days as the provider counts them."
	}
	return "Days in " + zone + "."
}
