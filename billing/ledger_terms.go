package billing

import (
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/typed"
)

func lotRowOf(t LotTerms) lotRow {
	row := lotRow{Row: "lot", ID: t.ID.String(), Order: orDash(t.Order), Pool: orDash(t.Pool), By: orDash(t.By), Made: instant(t.MadeAt), Expires: instant(t.ExpiresAt), Purpose: t.Purpose}
	if t.Paid != nil {
		row.Amount, row.Currency = &t.Paid.Minor, string(t.Paid.Currency)
	}
	return row
}

func (r lotRow) terms(p *parser) LotTerms {
	l := LotTerms{ID: p.id(r.ID), Order: p.id(r.Order), Pool: p.id(r.Pool), By: p.id(r.By), MadeAt: p.time(r.Made), ExpiresAt: p.time(r.Expires), Purpose: r.Purpose}
	if r.Amount != nil {
		l.Paid = &Money{*r.Amount, Currency(r.Currency)}
	}
	return l
}

func orderRowOf(t OrderTerms) orderRow {
	return orderRow{
		Row: "order", ID: t.ID.String(), Number: t.Number, Offer: t.Offer.String(), Price: t.PriceID.String(), Millionths: t.Price, MCS: int64(t.Hours),
		Amount: t.Amount.Minor, Currency: string(t.Amount.Currency), Ordered: instant(t.OrderedAt),
		PurchaseOrder: t.PurchaseOrder, CostCentre: t.CostCentre, GrantNumber: t.GrantNumber,
	}
}

func (r orderRow) terms(p *parser) OrderTerms {
	return OrderTerms{
		ID: p.id(r.ID), Number: r.Number, Offer: p.id(r.Offer), PriceID: p.id(r.Price), Price: r.Millionths, Hours: Hours(r.MCS),
		Amount: Money{r.Amount, Currency(r.Currency)}, OrderedAt: p.time(r.Ordered),
		PurchaseOrder: r.PurchaseOrder, CostCentre: r.CostCentre, GrantNumber: r.GrantNumber,
	}
}

func invoiceRowOf(t Paper) invoiceRow {
	row := invoiceRow{
		Row: "invoice", ID: t.ID.String(), Number: t.Number, Year: t.Year, Serial: t.Serial, Issued: instant(t.IssuedAt), Net: t.Net.Minor,
		Currency: string(t.Net.Currency), Seller: t.Seller, TaxID: t.TaxID, Buyer: t.Buyer, Due: dayOrDash(t.DueOn), Printed: Printed{}, Taxes: taxRowsOf(t.Taxes), Lines: []invoiceLineRow{},
	}
	maps.Copy(row.Printed, t.Printed)
	for _, l := range t.Lines {
		row.Lines = append(row.Lines, invoiceLineRow{l.Number, l.OrderID.String(), int64(l.Hours), l.Price, l.Amount, l.Description, string(l.Tax.Category), l.Tax.Rate})
	}
	return row
}

func (r invoiceRow) terms(p *parser) Paper {
	i := Paper{
		ID: p.id(r.ID), Number: r.Number, Year: r.Year, Serial: r.Serial, IssuedAt: p.time(r.Issued), Net: Money{r.Net, Currency(r.Currency)},
		Seller: r.Seller, TaxID: r.TaxID, Buyer: r.Buyer, DueOn: p.day(r.Due), Printed: r.Printed, Taxes: taxesOf(r.Taxes),
	}
	for _, l := range r.Lines {
		i.Lines = append(i.Lines, PaperLine{l.Number, p.id(l.Order), Hours(l.MCS), l.Millionths, l.Minor, l.Description, Taxing{Category: TaxCategory(l.Category), Rate: l.Rate}})
	}
	return i
}

func creditRowOf(t CreditNote) creditRow {
	row := creditRow{
		Row: "credit_note", ID: t.ID.String(), Number: t.Number, Year: t.Year, Serial: t.Serial, Invoice: t.InvoiceID.String(), Issued: instant(t.IssuedAt),
		Net: t.Net.Minor, Currency: string(t.Net.Currency), Off: t.Off, Seller: t.Seller, TaxID: t.TaxID, Buyer: t.Buyer, Reason: t.Reason, Printed: Printed{}, Taxes: taxRowsOf(t.Taxes), Lines: []creditLineRow{},
	}
	maps.Copy(row.Printed, t.Printed)
	for _, l := range t.Lines {
		row.Lines = append(row.Lines, creditLineRow{l.Number, l.InvoiceLine, l.LotID.String(), int64(l.Hours), l.Amount, l.Description})
	}
	return row
}

func (r creditRow) terms(p *parser) CreditNote {
	n := CreditNote{
		ID: p.id(r.ID), InvoiceID: p.id(r.Invoice), Number: r.Number, Year: r.Year, Serial: r.Serial, IssuedAt: p.time(r.Issued), Net: Money{r.Net, Currency(r.Currency)},
		Off: r.Off, Seller: r.Seller, TaxID: r.TaxID, Buyer: r.Buyer, Reason: r.Reason, Printed: r.Printed, Taxes: taxesOf(r.Taxes),
	}
	for _, l := range r.Lines {
		n.Lines = append(n.Lines, CreditLine{l.Number, l.InvoiceLine, p.id(l.Lot), Hours(l.MCS), l.Minor, l.Description})
	}
	return n
}

func taxRowsOf(sums []TaxSum) []taxRow {
	rows := []taxRow{}
	for _, t := range sums {
		rows = append(rows, taxRow{string(t.Category), t.Rate, t.Base, t.Amount, t.Reason})
	}
	return rows
}

func taxesOf(rows []taxRow) (sums []TaxSum) {
	for _, r := range rows {
		sums = append(sums, TaxSum{Taxing{TaxCategory(r.Category), r.Rate, r.Reason}, r.Base, r.Amount})
	}
	return sums
}

func paymentRowOf(t PaymentTerms) paymentRow {
	row := paymentRow{
		Row: "payment", ID: t.ID.String(), Kind: string(t.Kind), Paid: t.PaidOn.String(), Amount: t.Amount.Minor, Currency: string(t.Amount.Currency),
		Reference: t.Reference, To: []toRow{},
	}
	for _, a := range t.To {
		row.To = append(row.To, toRow{a.InvoiceID.String(), a.Minor})
	}
	return row
}

func (r paymentRow) terms(p *parser) PaymentTerms {
	t := PaymentTerms{
		ID: p.id(r.ID), Kind: PaymentKind(r.Kind), PaidOn: p.day(r.Paid), Amount: Money{r.Amount, Currency(r.Currency)}, Reference: r.Reference,
	}
	for _, a := range r.To {
		t.To = append(t.To, Allocation{p.id(a.Invoice), a.Minor})
	}
	return t
}

// parser reads the texts of a row, and keeps the first that is not as it is written.
type parser struct{ err error }

func (p *parser) wrong(what, s string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %q is no %s", ErrLedgerFile, s, what)
	}
}

func (p *parser) id(s string) uuid.UUID {
	id, err := uuid.Parse(s)
	if s == "-" {
		return uuid.Nil
	}
	if err != nil || id.String() != s {
		p.wrong("id", s)
	}
	return id
}

func (p *parser) time(s string) time.Time {
	if s == "-" {
		return time.Time{}
	}
	t, err := time.Parse("2006-01-02T15:04:05.000000Z", s)
	if err != nil || instant(t) != s {
		p.wrong("instant", s)
	}
	return t
}

func (p *parser) digest(s string) (d Digest) {
	if s != "-" && !d.parse(s) {
		p.wrong("SHA-256", s)
	}
	return d
}

// day reads a day; a file of before days were printed has none.
func (p *parser) day(s string) typed.Day {
	if s == "-" || s == "" {
		return typed.Day{}
	}
	d, err := typed.ParseDay(s)
	if err != nil || d.String() != s {
		p.wrong("day", s)
	}
	return d
}
