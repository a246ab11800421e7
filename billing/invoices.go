package billing

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// InvoiceNumber gives the number of a provider's serial-th invoice of a year: "NOR-2026-0001".
func InvoiceNumber(prefix string, year, serial int) string {
	return fmt.Sprintf("%s-%04d-%04d", prefix, year, serial)
}

// InvoicedLine is one line of an invoice.
type InvoicedLine struct {
	Invoice          string // its number
	IssuedAt         time.Time
	OrganizationID   uuid.UUID
	OrganizationName string
	Order            int64 // its number
	Description      string
	Hours            Hours
	Price            UnitPrice
	Amount           Money // net
	PurchaseOrder    string
	CostCentre       string
	GrantNumber      string
}

// InvoiceWriter writes the file of a provider's invoices of a month; the package's document has the columns.
type InvoiceWriter struct {
	book   Book
	period Period
	known  AsOf
	hours  map[Currency]Hours
	sums   map[Currency]int64
	lines  map[Currency]int
}

// The tables of a month's invoices.
const (
	InvoiceLines  = "lines"
	InvoiceTotals = "totals" // one for each currency
)

// InvoiceTables are the tables of a month's invoices, each a file where files have one.
func InvoiceTables() []string { return []string{InvoiceLines, InvoiceTotals} }

func invoiceColumns() []Column {
	return columns([]string{
		"invoice", "issued_at", "organization", "organization_id", "order", "description", "mcs", "compute_hours", "unit_price",
		"net", "currency", "purchase_order", "cost_centre", "grant_number", "made_at", "status",
	}, "issued_at", "made_at")
}

func invoiceTotalColumns() []Column {
	return columns([]string{"from", "to", "invoice_lines", "mcs", "compute_hours", "net", "currency", "made_at", "status"}, "from", "to", "made_at")
}

// NewInvoiceWriter begins the table of lines. The file is to say when the invoices were read and whether the month is closed.
func NewInvoiceWriter(b Book, period Period, known AsOf) (*InvoiceWriter, error) {
	if err := b.Table(InvoiceLines, invoiceColumns()); err != nil {
		return nil, fmt.Errorf("begin the invoices' lines: %w", err)
	}
	return &InvoiceWriter{book: b, period: period, known: known, hours: map[Currency]Hours{}, sums: map[Currency]int64{}, lines: map[Currency]int{}}, nil
}

// Line writes one line. It refuses one that was issued after the month or whose amount is not hours × price. One of before is of an order that was
// decided while its month was being closed.
func (w *InvoiceWriter) Line(l InvoicedLine) error {
	amount, err := l.Price.Price(l.Hours)
	if err != nil {
		return fmt.Errorf("write a line of %s: %w", l.Invoice, err)
	}
	if amount != l.Amount || !l.IssuedAt.Before(w.period.To) {
		return fmt.Errorf("write a line of %s, issued %s: %w: %s for what costs %s", l.Invoice, instant(l.IssuedAt), ErrUntied, l.Amount, amount)
	}
	w.hours[l.Amount.Currency] += l.Hours
	w.sums[l.Amount.Currency] += l.Amount.Minor
	w.lines[l.Amount.Currency]++
	return w.book.Row(
		Text(l.Invoice), Instant(l.IssuedAt), Text(l.OrganizationName), Text(l.OrganizationID.String()), Whole(l.Order),
		Text(l.Description), Whole(int64(l.Hours)), Number(l.Hours.Decimal()), Number(l.Price.Decimal()), Number(l.Amount.Decimal()),
		Text(string(l.Amount.Currency)), Text(l.PurchaseOrder), Text(l.CostCentre), Text(l.GrantNumber), Instant(w.known.Made), Text(w.known.status()),
	)
}

// Finish writes the table of totals, one for each currency, and ends the file. totals are the sums of the invoices
// themselves; where one differs from the lines, Finish writes no total and returns ErrUntied.
func (w *InvoiceWriter) Finish(totals []Money) error {
	ordered := slices.Clone(totals)
	slices.SortFunc(ordered, func(a, b Money) int {
		if a.Currency < b.Currency {
			return -1
		}
		return 1
	})
	if len(ordered) != len(w.sums) {
		return fmt.Errorf("%w: lines in %d currencies, invoices in %d", ErrUntied, len(w.sums), len(ordered))
	}
	for _, t := range ordered {
		if sum, ok := w.sums[t.Currency]; !ok || sum != t.Minor {
			return fmt.Errorf("%w: the lines sum to %s, the invoices to %s", ErrUntied, Money{sum, t.Currency}, t)
		}
	}
	if err := w.book.Table(InvoiceTotals, invoiceTotalColumns()); err != nil {
		return err
	}
	for _, t := range ordered {
		h := w.hours[t.Currency]
		if err := w.book.Row(
			Instant(w.period.From), Instant(w.period.To), Whole(w.lines[t.Currency]), Whole(int64(h)), Number(h.Decimal()), Number(t.Decimal()),
			Text(string(t.Currency)), Instant(w.known.Made), Text(w.known.status()),
		); err != nil {
			return err
		}
	}
	return w.book.Finish()
}
