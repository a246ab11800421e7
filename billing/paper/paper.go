package paper

import (
	"errors"
	"time"

	"volary.dev/billing"
	"volary.dev/provisioner/typed"
)

// Document is an invoice or a credit note as it was issued. Its amounts are as they are printed, above zero on a credit note, too.
type Document struct {
	Credit        bool // a credit note
	Number        string
	Issued        time.Time // in the seller's zone
	Due           typed.Day // zero: none was printed
	Refers        string    // of a credit note: the number of its invoice
	Seller, Buyer Party
	Lines         []Line
	Taxes         []billing.TaxSum
	Net           billing.Money
	Notes         []string
	Terms         string // of the seller; the standard’s form has none
	Head          string // of the ledger
}

// Tax is what all rates come to.
func (d Document) Tax() billing.Money {
	m := billing.Money{Currency: d.Net.Currency}
	for _, t := range d.Taxes {
		m.Minor += t.Amount
	}
	return m
}

// Total is what is to be paid.
func (d Document) Total() billing.Money {
	return billing.Money{Minor: d.Net.Minor + d.Tax().Minor, Currency: d.Net.Currency}
}

// Title is what the paper is, with its number.
func (d Document) Title() string {
	if d.Credit {
		return "Credit note " + d.Number
	}
	return "Invoice " + d.Number
}

// Party is a seller or a buyer as printed.
type Party struct {
	Name    string
	Address []string
	Country string // of two letters
	VATID   string
	TaxID   string // of a seller
	Contact string
	Bank    string
	IBAN    string
	BIC     string
}

// Line is a line of a document.
type Line struct {
	Number      int
	Description string
	Notes       []string // references of the buyer
	Order       string   // its number
	Hours       billing.Hours
	Price       billing.UnitPrice // zero on a credit note that takes back at no one price
	Amount      billing.Money
	Tax         billing.Taxing
}

// The sentinels of a document that cannot be written. The errors are sentences for its reader.
var (
	ErrLetters    = errors.New("the type has no such letters")
	ErrIncomplete = errors.New("the standard wants more than the paper has")
)
