package sales

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/billing"
	"volary.dev/billing/paper"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
)

// Paper is an invoice or a credit note to download.
type Paper = paper.Document

// DownloadPDF sends a paper to print. Letters that the papers' type lacks are "letters".
func DownloadPDF(c echo.Context, d Paper) error {
	err := download(c, d.Number+".pdf", "application/pdf", func(w io.Writer) error { return paper.WritePDF(w, d) })
	if errors.Is(err, paper.ErrLetters) {
		return &refusal.Error{Code: "letters", Title: "The PDF cannot be made: " + err.Error() + ".", Next: "Print the paper’s page."}
	}
	return err
}

// DownloadUBL sends a paper as programs take it in. What the standard wants and the paper lacks is "incomplete".
func DownloadUBL(c echo.Context, d Paper) error {
	err := download(c, d.Number+".xml", "application/xml", func(w io.Writer) error { return paper.WriteUBL(w, d) })
	if errors.Is(err, paper.ErrIncomplete) {
		return &refusal.Error{
			Code: "incomplete", Title: "There is no electronic form of this paper: " + err.Error() + ".",
			Next: "Seller and buyer write it down in their settings; papers from then on have it.",
		}
	}
	return err
}

// InvoicePaper is an invoice as it was issued: nothing in it changes later.
func InvoicePaper(i books.Invoice) (Paper, error) {
	zone, err := zoneOf(i)
	d := paper.Document{
		Number: i.Number, Issued: i.IssuedAt, Due: i.DueOn, Seller: paperSeller(i.Seller, i.TaxID, i.Printed), Buyer: paperBuyer(i.Buyer, i.Printed),
		Taxes: i.Taxes, Net: i.Net, Terms: i.Printed["terms"],
	}
	if err != nil {
		return d, err
	}
	d.Issued = i.IssuedAt.In(zone)
	if i.Head.Seq > 0 {
		d.Head = i.Head.Mark()
	}
	for n, l := range i.Lines {
		line := paper.Line{
			Number: n + 1, Description: l.Description, Order: strconv.FormatInt(l.OrderNumber, 10), Hours: l.Hours, Price: l.Price, Amount: l.Amount, Tax: l.Tax,
		}
		for _, x := range [][2]string{{"Purchase order ", l.PurchaseOrder}, {"Cost centre ", l.CostCentre}, {"Grant number ", l.GrantNumber}} {
			if x[1] != "" {
				line.Notes = append(line.Notes, x[0]+x[1])
			}
		}
		d.Lines = append(d.Lines, line)
	}
	return d, nil
}

// CreditNotePaper is a credit note as it was issued.
func CreditNotePaper(n books.CreditNote) (Paper, error) {
	zone, err := time.LoadLocation(n.Printed["zone"])
	if err != nil {
		return Paper{}, fmt.Errorf("zone of credit note %s: %w", n.Number, err)
	}
	d := paper.Document{
		Credit: true, Number: n.Number, Issued: n.IssuedAt.In(zone), Refers: n.InvoiceNumber, Seller: paperSeller(n.Seller, n.TaxID, n.Printed),
		Buyer: paperBuyer(n.Buyer, n.Printed), Taxes: n.Taxes, Net: n.Net, Notes: []string{"Reason: " + n.Reason},
	}
	if n.Head.Seq > 0 {
		d.Head = n.Head.Mark()
	}
	for _, l := range n.Lines {
		line := paper.Line{
			Number: l.Number, Description: l.Description, Hours: l.Hours, Amount: billing.Money{Minor: l.Amount, Currency: n.Net.Currency},
			Notes: []string{fmt.Sprintf("Line %d of invoice %s", l.InvoiceLine, n.InvoiceNumber)},
		}
		if len(n.Taxes) == 1 { // a credit note is about one line
			line.Tax = n.Taxes[0].Taxing
		}
		d.Lines = append(d.Lines, line)
	}
	return d, nil
}

func paperSeller(name, taxID string, printed billing.Printed) paper.Party {
	return paper.Party{
		Name: name, TaxID: taxID, Address: addressLines(printed["seller_address"]), Country: printed["seller_country"], VATID: printed["seller_vat_id"],
		Contact: printed["seller_contact"], Bank: printed["seller_bank"], IBAN: printed["seller_iban"], BIC: printed["seller_bic"],
	}
}

func paperBuyer(name string, printed billing.Printed) paper.Party {
	return paper.Party{
		Name: name, Address: addressLines(printed["buyer_address"]), Country: printed["buyer_country"], VATID: printed["buyer_vat_id"], Contact: printed["buyer_contact"],
	}
}

func addressLines(s string) (list []string) {
	for l := range strings.SplitSeq(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			list = append(list, l)
		}
	}
	return list
}
