package paper

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"codeberg.org/go-pdf/fpdf"

	"volary.dev/billing"
	"volary.dev/billing/typeface"
)

// The page, in millimetres.
const (
	margin = 20.0
	width  = 210 - 2*margin
	lead   = 5.0
)

// The columns of the table of lines.
var columns = [4]float64{82, 26, 32, 30}

// WritePDF writes the document on A4. Letters that the type lacks are ErrLetters.
func WritePDF(to io.Writer, d Document) error {
	if missing := typeface.Lacks(d.text()); missing != "" {
		return fmt.Errorf("%w: %s has %s; print its page instead", ErrLetters, d.Title(), missing)
	}
	p := page{fpdf.New("P", "mm", "A4", "")}
	p.AddUTF8FontFromBytes("text", "", typeface.Regular())
	p.AddUTF8FontFromBytes("text", "B", typeface.Bold())
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(true, margin)
	p.SetTitle(d.Title(), true)
	p.SetCatalogSort(true) // else maps order what is written
	p.SetCreationDate(d.Issued)
	p.SetModificationDate(d.Issued)
	p.SetFooterFunc(func() {
		p.SetY(-15)
		p.SetFont("text", "", 8)
		p.CellFormat(width, 4, fmt.Sprintf("%s, page %d", d.Title(), p.PageNo()), "", 0, "R", false, 0, "")
	})
	p.AddPage()
	p.head(d)
	p.lines(d)
	p.sums(d)
	p.foot(d)
	if err := p.Output(to); err != nil {
		return fmt.Errorf("write %s as PDF: %w", d.Number, err)
	}
	return nil
}

// text is all that is printed.
func (d Document) text() string {
	all := []string{d.Number, d.Refers, d.Terms}
	all = append(all, d.Notes...)
	for _, p := range []Party{d.Seller, d.Buyer} {
		all = append(append(all, p.lines()...), p.Bank)
	}
	for _, l := range d.Lines {
		all = append(append(all, l.Description), l.Notes...)
	}
	for _, t := range d.Taxes {
		all = append(all, t.Reason)
	}
	return strings.Join(all, "\n")
}

func (p Party) lines() []string {
	list := append([]string{p.Name}, p.Address...)
	for _, x := range [][2]string{{"", billing.CountryName(p.Country)}, {"VAT id ", p.VATID}, {"Tax id ", p.TaxID}, {"", p.Contact}} {
		if x[1] != "" {
			list = append(list, x[0]+x[1])
		}
	}
	return list
}

type page struct{ *fpdf.Fpdf }

func (p page) head(d Document) {
	p.SetFont("text", "B", 16)
	p.CellFormat(width, 10, d.Title(), "", 1, "L", false, 0, "")
	p.Ln(2)
	top := p.GetY()
	bottom := top
	for i, x := range []struct {
		title string
		party Party
	}{{"From", d.Seller}, {"To", d.Buyer}} {
		left := margin + float64(i)*width/2
		p.SetXY(left, top)
		p.SetFont("text", "B", 9)
		p.MultiCell(width/2-4, lead, x.title, "", "L", false)
		p.SetFont("text", "", 10)
		for _, line := range x.party.lines() {
			p.SetX(left)
			p.MultiCell(width/2-4, lead, line, "", "L", false)
		}
		bottom = max(bottom, p.GetY())
	}
	p.SetXY(margin, bottom+4)
	said := "Issued " + d.Issued.Format("2 January 2006, 15:04 MST") + "."
	if d.Refers != "" {
		said += " On invoice " + d.Refers + "."
	}
	if !d.Due.IsZero() {
		said += " To be paid until " + d.Due.String() + "."
	}
	p.MultiCell(width, lead, said, "", "L", false)
	p.Ln(3)
}

func (p page) lines(d Document) {
	p.SetFont("text", "B", 9)
	for i, title := range []string{"What", "Compute hours", "Price of an hour", "Net amount"} {
		p.CellFormat(columns[i], 7, title, "B", 0, align(i), false, 0, "")
	}
	p.Ln(8)
	for _, l := range d.Lines {
		p.SetFont("text", "", 10)
		p.room(8 * lead)
		top, price := p.GetY(), ""
		if l.Price.Millionths > 0 {
			price = l.Price.String()
		}
		p.SetX(margin + columns[0])
		p.CellFormat(columns[1], lead, l.Hours.String(), "", 0, "R", false, 0, "")
		p.CellFormat(columns[2], lead, price, "", 0, "R", false, 0, "")
		p.CellFormat(columns[3], lead, l.Amount.String(), "", 0, "R", false, 0, "")
		p.SetXY(margin, top)
		p.MultiCell(columns[0]-2, lead, l.Description, "", "L", false)
		p.SetFont("text", "", 8)
		for _, note := range append(orderNote(l.Order), l.Notes...) {
			p.MultiCell(columns[0]-2, 4, note, "", "L", false)
		}
		p.Ln(2)
	}
}

func orderNote(number string) []string {
	if number == "" { // of a credit note
		return nil
	}
	return []string{"Order " + number}
}

// room begins a page where so much is not left on this one: cells beside each other stay on one.
func (p page) room(height float64) {
	if _, high := p.GetPageSize(); p.GetY()+height > high-margin {
		p.AddPage()
	}
}

func align(column int) string {
	if column == 0 {
		return "L"
	}
	return "R"
}

func (p page) sums(d Document) {
	row := func(style, what, amount string) {
		p.SetFont("text", style, 10)
		p.room(3 * 6)
		top := p.GetY()
		p.SetX(margin + width - columns[3])
		p.CellFormat(columns[3], 6, amount, "T", 0, "R", false, 0, "")
		p.SetXY(margin, top)
		p.MultiCell(width-columns[3], 6, what, "T", "L", false)
	}
	if len(d.Taxes) > 0 {
		row("", "Net", d.Net.String())
	}
	for _, t := range d.Taxes {
		row("", t.Words(d.Net.Currency), billing.Money{Minor: t.Amount, Currency: d.Net.Currency}.String())
	}
	if len(d.Taxes) == 0 {
		row("B", "In all, net; taxes as agreed", d.Net.String())
	} else {
		row("B", "In all", d.Total().String())
	}
	p.Ln(3)
}

func (p page) foot(d Document) {
	p.SetFont("text", "", 10)
	p.MultiCell(width, lead, "In words: "+d.Total().Words()+".", "", "L", false)
	if d.Seller.IBAN != "" && !d.Credit {
		account := "Account " + d.Seller.IBAN
		if d.Seller.BIC != "" {
			account += ", BIC " + d.Seller.BIC
		}
		if d.Seller.Bank != "" {
			account += ", " + d.Seller.Bank
		}
		p.MultiCell(width, lead, account+".", "", "L", false)
	}
	for _, note := range append(slices.Clone(d.Notes), d.Terms) {
		p.Ln(2)
		p.MultiCell(width, lead, note, "", "L", false)
	}
	if d.Head != "" {
		p.Ln(3)
		p.SetFont("text", "", 7)
		p.MultiCell(width, 3.5, "The ledger has this paper’s digest in it; volary ledger verify --statement compares its head there: "+d.Head, "", "L", false)
	}
}
