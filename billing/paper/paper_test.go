package paper_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"volary.dev/billing"
	"volary.dev/billing/paper"
	"volary.dev/provisioner/typed"
)

// sample is an invoice of three lines of 10.03 EUR, taxed alike.
func sample(t billing.Taxing) paper.Document {
	issued := time.Date(2026, 12, 1, 9, 30, 0, 0, time.FixedZone("CET", 3600))
	d := paper.Document{
		Number: "NOR-2026-0007", Issued: issued, Due: typed.DayOf(issued, time.UTC).Add(30),
		Seller: paper.Party{Name: "Northern Compute GmbH", Address: []string{"Am Turm 3", "Hof 2", "20095 Hamburg"}, Country: "DE", VATID: "DE123456789", IBAN: "DE89370400440532013000", BIC: "COBADEFFXXX"},
		Buyer:  paper.Party{Name: "Ινστιτούτο Ηλίου и Солнца", Address: []string{"Rue 1"}, Country: "FR", VATID: "FR12345678901", Contact: "Ada"},
		Net:    billing.Money{Minor: 3009, Currency: "EUR"}, Terms: "Payable within 30 days.",
	}
	for n := range 3 {
		d.Lines = append(d.Lines, paper.Line{
			Number: n + 1, Description: "Compute hours", Order: "7", Hours: 36_108_000, Price: billing.UnitPrice{Millionths: 1_000_000, Currency: "EUR"},
			Amount: billing.Money{Minor: 1003, Currency: "EUR"}, Tax: t,
		})
	}
	if t.Category != "" {
		d.Taxes = billing.SumTaxes([]int64{1003, 1003, 1003}, []billing.Taxing{t, t, t})
	}
	return d
}

func credit(d paper.Document) paper.Document {
	d.Credit, d.Number, d.Refers, d.Due = true, "NOR-C-2026-0001", "NOR-2026-0007", typed.Day{}
	for i := range d.Lines {
		d.Lines[i].Price = billing.UnitPrice{}
	}
	return d
}

var (
	standard = billing.Taxing{Category: billing.TaxStandard, Rate: 1900}
	reverse  = billing.Taxing{Category: billing.TaxReverse, Reason: "Reverse charge"}
	exempt   = billing.Taxing{Category: billing.TaxExempt, Reason: "Exempt by certificate 1"}
	outside  = billing.Taxing{Category: billing.TaxOutside, Reason: "Outside the scope of VAT"}
)

// values gathers the texts of elements by the ends of their paths: "TaxTotal/TaxAmount".
func values(t *testing.T, d paper.Document) func(path string) []string {
	t.Helper()
	var b bytes.Buffer
	if err := paper.WriteUBL(&b, d); err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	var path []string
	dec := xml.NewDecoder(&b)
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			path = append(path, x.Name.Local)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if text := strings.TrimSpace(string(x)); text != "" {
				for n := range path {
					key := strings.Join(path[n:], "/")
					found[key] = append(found[key], text)
				}
			}
		}
	}
	return func(path string) []string { return found[path] }
}

// cents sums amounts up.
func cents(t *testing.T, texts []string) (sum int64) {
	t.Helper()
	for _, s := range texts {
		n, err := strconv.ParseInt(strings.Replace(s, ".", "", 1), 10, 64)
		if err != nil || len(s) < 4 || s[len(s)-3] != '.' {
			t.Fatalf("%q is no amount of two decimals", s)
		}
		sum += n
	}
	return sum
}

// TestTheRulesOfTheStandard holds each paper against the rules of EN 16931 that it can break.
func TestTheRulesOfTheStandard(t *testing.T) {
	for name, d := range map[string]paper.Document{
		"S": sample(standard), "AE": sample(reverse), "E": sample(exempt), "O": sample(outside), "S credit": credit(sample(standard)), "O credit": credit(sample(outside)),
	} {
		get, category := values(t, d), strings.Fields(name)[0]
		line, root := "InvoiceLine/", "Invoice/"
		if d.Credit {
			line, root = "CreditNoteLine/", "CreditNote/"
		}
		sum := func(path string) int64 { return cents(t, get(path)) }
		one := func(path string) bool { return len(get(path)) == 1 }
		all := func(path, want string) bool {
			for _, s := range get(path) {
				if s != want {
					return false
				}
			}
			return len(get(path)) > 0
		}
		seller, buyer := "AccountingSupplierParty/Party/", "AccountingCustomerParty/Party/"
		vat := seller + "PartyTaxScheme/CompanyID"
		for rule, holds := range map[string]bool{
			"BR-02, BR-03, BR-04, BR-05": one(root+"ID") && one(root+"IssueDate") && one(root+root[:len(root)-1]+"TypeCode") && one(root+"DocumentCurrencyCode"),
			"BR-06, BR-07, BR-09, BR-11": one(seller+"PartyLegalEntity/RegistrationName") && one(buyer+"PartyLegalEntity/RegistrationName") && all("Country/IdentificationCode", "DE") == false && len(get("Country/IdentificationCode")) == 2,
			"BR-16, BR-21, BR-22":        len(get(line+"ID")) == 3,
			"BR-CO-10":                   sum(line+"LineExtensionAmount") == sum("LegalMonetaryTotal/LineExtensionAmount"),
			"BR-CO-13":                   sum("LegalMonetaryTotal/LineExtensionAmount") == sum("LegalMonetaryTotal/TaxExclusiveAmount"),
			"BR-CO-14":                   sum(root+"TaxTotal/TaxAmount") == sum("TaxSubtotal/TaxAmount"),
			"BR-CO-15":                   sum("TaxExclusiveAmount")+sum(root+"TaxTotal/TaxAmount") == sum("TaxInclusiveAmount"),
			"BR-CO-16":                   sum("TaxInclusiveAmount") == sum("PayableAmount"),
			"BR-CO-17":                   sum("TaxSubtotal/TaxAmount") == map[string]int64{"S": 572}[category],
			"BR-CO-18":                   one("TaxSubtotal/TaxCategory/ID"),
			"BR-CO-25":                   one(root+"DueDate") || one("PaymentTerms/Note"),
			"BR-CO-26":                   one(vat) || one(seller+"PartyIdentification/ID"),
			"BR-49, BR-50":               d.Credit || one("PaymentMeansCode") && one("PayeeFinancialAccount/ID"),
			"BR-55":                      !d.Credit || one("InvoiceDocumentReference/ID"),
			"BR-x-01":                    all("TaxCategory/ID", category) && all("ClassifiedTaxCategory/ID", category),
			"BR-S-02, BR-AE-02, BR-E-02": (category == "O") != one(vat),
			"BR-AE-02":                   category != "AE" || one(buyer+"PartyTaxScheme/CompanyID"),
			"BR-O-02":                    category != "O" || len(get("PartyTaxScheme/CompanyID")) == 0,
			"BR-S-05":                    category != "S" || all("ClassifiedTaxCategory/Percent", "19"),
			"BR-AE-05, BR-E-05":          category != "AE" && category != "E" || all("ClassifiedTaxCategory/Percent", "0"),
			"BR-O-05":                    category != "O" || len(get("Percent")) == 0,
			"BR-x-08":                    sum("TaxSubtotal/TaxableAmount") == sum(line+"LineExtensionAmount"),
			"BR-AE-09, BR-E-09, BR-O-09": category == "S" || sum("TaxSubtotal/TaxAmount") == 0,
			"BR-x-10":                    (category == "S") != one("TaxCategory/TaxExemptionReason"),
		} {
			if !holds {
				t.Errorf("%s: %s is broken", name, rule)
			}
		}
	}
}

func TestAPaperWithoutWhatTheStandardWantsIsNamed(t *testing.T) {
	for want, change := range map[string]func(*paper.Document){
		"the buyer’s country":                    func(d *paper.Document) { d.Buyer.Country = "" },
		"the seller’s country":                   func(d *paper.Document) { d.Seller.Country = "" },
		"the seller’s VAT id or tax id":          func(d *paper.Document) { d.Seller.VATID = "" },
		"how it is taxed":                        func(d *paper.Document) { d.Taxes = nil },
		"the day when it is due":                 func(d *paper.Document) { d.Due = typed.Day{} },
		"the VAT ids of both for a reverse char": func(d *paper.Document) { d.Buyer.VATID = "" },
	} {
		d := sample(reverse)
		change(&d)
		if err := paper.WriteUBL(io.Discard, d); !errors.Is(err, paper.ErrIncomplete) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestAPaperIsTheSameBytesEachTime(t *testing.T) {
	for _, d := range []paper.Document{sample(standard), credit(sample(reverse)), sample(billing.Taxing{})} {
		var first bytes.Buffer
		if err := paper.WritePDF(&first, d); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(first.Bytes(), []byte("%PDF-")) || !bytes.Contains(first.Bytes(), []byte("/CreationDate (D:20261201093000")) || !bytes.Contains(first.Bytes(), []byte("/ModDate (D:20261201093000")) {
			t.Errorf("%s is no PDF of its day", d.Title())
		}
		for range 3 {
			var again bytes.Buffer
			if err := paper.WritePDF(&again, d); err != nil || !bytes.Equal(first.Bytes(), again.Bytes()) {
				t.Errorf("%s comes out otherwise: %v", d.Title(), err)
			}
		}
	}
	d := sample(standard)
	d.Buyer.Name = "太陽研究所"
	if err := paper.WritePDF(io.Discard, d); !errors.Is(err, paper.ErrLetters) || !strings.Contains(err.Error(), "太陽") {
		t.Errorf("%v", err)
	}
}
