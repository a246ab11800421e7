package paper

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"volary.dev/billing"
)

// The names of UBL 2.1, and the codes of EN 16931's lists.
const (
	ublInvoice = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
	ublCredit  = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
	ublCac     = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
	ublCbc     = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"

	profile          = "urn:cen.eu:en16931:2017" // BT-24
	typeInvoice      = "380"                     // UNTDID 1001: commercial invoice
	typeCredit       = "381"
	unitHour         = "HUR" // UN/ECE Recommendation 20
	meansTransfer    = "58"  // UNTDID 4461: SEPA credit transfer
	schemeVAT        = "VAT"
	schemeLocal      = "TAX"
	exemptionReverse = "VATEX-EU-AE"
	exemptionOutside = "VATEX-EU-O"
)

// The elements, in the order that the schema wants.
type (
	ublDocument struct {
		XMLName            xml.Name
		Cac                string       `xml:"xmlns:cac,attr"`
		Cbc                string       `xml:"xmlns:cbc,attr"`
		Customization      string       `xml:"cbc:CustomizationID"`
		ID                 string       `xml:"cbc:ID"`
		IssueDate          string       `xml:"cbc:IssueDate"`
		DueDate            string       `xml:"cbc:DueDate,omitempty"` // of an invoice
		InvoiceTypeCode    string       `xml:"cbc:InvoiceTypeCode,omitempty"`
		CreditNoteTypeCode string       `xml:"cbc:CreditNoteTypeCode,omitempty"`
		Notes              []string     `xml:"cbc:Note"`
		Currency           string       `xml:"cbc:DocumentCurrencyCode"`
		Billing            *ublBilling  `xml:"cac:BillingReference"`
		Supplier           ublPartyRole `xml:"cac:AccountingSupplierParty"`
		Customer           ublPartyRole `xml:"cac:AccountingCustomerParty"`
		Means              *ublMeans    `xml:"cac:PaymentMeans"`
		PaymentTerms       *ublNote     `xml:"cac:PaymentTerms"` // of a credit note: what becomes of its amount (BR-CO-25)
		TaxTotal           ublTaxTotal  `xml:"cac:TaxTotal"`
		Totals             ublTotals    `xml:"cac:LegalMonetaryTotal"`
		InvoiceLines       []ublLine    `xml:"cac:InvoiceLine"`
		CreditLines        []ublLine    `xml:"cac:CreditNoteLine"`
	}
	ublNote struct {
		Note string `xml:"cbc:Note"`
	}
	ublDocRef struct {
		ID string `xml:"cbc:ID"`
	}
	ublBilling struct {
		Invoice ublDocRef `xml:"cac:InvoiceDocumentReference"`
	}
	ublPartyRole struct {
		Party ublParty `xml:"cac:Party"`
	}
	ublParty struct {
		Identification *ublID         `xml:"cac:PartyIdentification"`
		Address        ublAddress     `xml:"cac:PostalAddress"`
		TaxSchemes     []ublPartyTax  `xml:"cac:PartyTaxScheme"`
		Legal          ublLegalEntity `xml:"cac:PartyLegalEntity"`
		Contact        *ublContact    `xml:"cac:Contact"`
	}
	ublID struct {
		ID string `xml:"cbc:ID"`
	}
	ublAddress struct {
		Street     string       `xml:"cbc:StreetName,omitempty"`
		Additional string       `xml:"cbc:AdditionalStreetName,omitempty"`
		Line       *ublLineText `xml:"cac:AddressLine"`
		Country    ublCountry   `xml:"cac:Country"`
	}
	ublLineText struct {
		Line string `xml:"cbc:Line"`
	}
	ublCountry struct {
		Code string `xml:"cbc:IdentificationCode"`
	}
	ublPartyTax struct {
		Company string `xml:"cbc:CompanyID"`
		Scheme  ublID  `xml:"cac:TaxScheme"`
	}
	ublLegalEntity struct {
		Name string `xml:"cbc:RegistrationName"`
	}
	ublContact struct {
		Name string `xml:"cbc:Name"`
	}
	ublMeans struct {
		Code    string     `xml:"cbc:PaymentMeansCode"`
		ID      string     `xml:"cbc:PaymentID"`
		Account ublAccount `xml:"cac:PayeeFinancialAccount"`
	}
	ublAccount struct {
		ID     string `xml:"cbc:ID"`
		Branch *ublID `xml:"cac:FinancialInstitutionBranch"`
	}
	ublAmount struct {
		Currency string `xml:"currencyID,attr"`
		Value    string `xml:",chardata"`
	}
	ublTaxTotal struct {
		Amount    ublAmount        `xml:"cbc:TaxAmount"`
		Subtotals []ublTaxSubtotal `xml:"cac:TaxSubtotal"`
	}
	ublTaxSubtotal struct {
		Base     ublAmount   `xml:"cbc:TaxableAmount"`
		Amount   ublAmount   `xml:"cbc:TaxAmount"`
		Category ublCategory `xml:"cac:TaxCategory"`
	}
	ublCategory struct {
		ID         string `xml:"cbc:ID"`
		Percent    string `xml:"cbc:Percent,omitempty"`
		ReasonCode string `xml:"cbc:TaxExemptionReasonCode,omitempty"`
		Reason     string `xml:"cbc:TaxExemptionReason,omitempty"`
		Scheme     ublID  `xml:"cac:TaxScheme"`
	}
	ublTotals struct {
		Lines     ublAmount `xml:"cbc:LineExtensionAmount"`
		Exclusive ublAmount `xml:"cbc:TaxExclusiveAmount"`
		Inclusive ublAmount `xml:"cbc:TaxInclusiveAmount"`
		Payable   ublAmount `xml:"cbc:PayableAmount"`
	}
	ublLine struct {
		ID       string       `xml:"cbc:ID"`
		Notes    []string     `xml:"cbc:Note"`
		Invoiced *ublQuantity `xml:"cbc:InvoicedQuantity"`
		Credited *ublQuantity `xml:"cbc:CreditedQuantity"`
		Amount   ublAmount    `xml:"cbc:LineExtensionAmount"`
		Item     ublItem      `xml:"cac:Item"`
		Price    ublPrice     `xml:"cac:Price"`
	}
	ublQuantity struct {
		Unit  string `xml:"unitCode,attr"`
		Value string `xml:",chardata"`
	}
	ublItem struct {
		Name     string      `xml:"cbc:Name"`
		Category ublCategory `xml:"cac:ClassifiedTaxCategory"`
	}
	ublPrice struct {
		Amount ublAmount `xml:"cbc:PriceAmount"`
	}
)

// WriteUBL writes the document as UBL. What the standard wants and the paper has not is ErrIncomplete.
func WriteUBL(to io.Writer, d Document) error {
	if missing := d.incomplete(); len(missing) > 0 {
		return fmt.Errorf("%w: %s lacks %s", ErrIncomplete, d.Title(), strings.Join(missing, ", "))
	}
	if _, err := io.WriteString(to, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(to)
	e.Indent("", " ")
	if err := e.Encode(d.ubl()); err != nil {
		return fmt.Errorf("write %s as UBL: %w", d.Number, err)
	}
	return e.Close()
}

// incomplete names what a receiver would refuse the paper for.
func (d Document) incomplete() (missing []string) {
	want := func(ok bool, what string) {
		if !ok {
			missing = append(missing, what)
		}
	}
	want(d.Seller.Country != "", "the seller’s country")
	want(d.Buyer.Country != "", "the buyer’s country")
	want(d.Seller.VATID != "" || d.Seller.TaxID != "", "the seller’s VAT id or tax id")
	want(len(d.Taxes) > 0, "how it is taxed")
	want(d.Credit || !d.Due.IsZero(), "the day when it is due")
	for _, t := range d.Taxes {
		want(t.Category != billing.TaxReverse || d.Buyer.VATID != "" && d.Seller.VATID != "", "the VAT ids of both for a reverse charge")
	}
	return missing
}

func (d Document) ubl() ublDocument {
	u := ublDocument{
		XMLName: xml.Name{Space: ublInvoice, Local: "Invoice"}, Cac: ublCac, Cbc: ublCbc, Customization: profile, ID: d.Number, IssueDate: d.Issued.Format("2006-01-02"),
		InvoiceTypeCode: typeInvoice, Notes: d.Notes, Currency: string(d.Net.Currency),
	}
	outside := false // parties of a paper outside the scope are not named by VAT ids (BR-O-02)
	for _, t := range d.Taxes {
		outside = outside || t.Category == billing.TaxOutside
		u.TaxTotal.Subtotals = append(u.TaxTotal.Subtotals, ublTaxSubtotal{d.amount(t.Base), d.amount(t.Amount), category(t.Taxing, true)})
	}
	u.Supplier.Party, u.Customer.Party = d.Seller.ubl(outside), d.Buyer.ubl(outside)
	if d.Refers != "" {
		u.Billing = &ublBilling{ublDocRef{d.Refers}}
	}
	lines := make([]ublLine, len(d.Lines))
	for i, l := range d.Lines {
		lines[i] = d.line(l)
	}
	if d.Credit {
		u.XMLName = xml.Name{Space: ublCredit, Local: "CreditNote"}
		u.InvoiceTypeCode, u.CreditNoteTypeCode, u.CreditLines = "", typeCredit, lines
		u.PaymentTerms = &ublNote{"Less is to be paid of invoice " + d.Refers + "; what is over is credit."}
	} else {
		u.InvoiceLines = lines
		if !d.Due.IsZero() {
			u.DueDate = d.Due.String()
		}
		u.Means = d.means()
	}
	u.TaxTotal.Amount = d.amount(d.Tax().Minor)
	u.Totals = ublTotals{d.amount(d.Net.Minor), d.amount(d.Net.Minor), d.amount(d.Total().Minor), d.amount(d.Total().Minor)}
	return u
}

func (d Document) means() *ublMeans {
	if d.Seller.IBAN == "" {
		return nil
	}
	m := &ublMeans{Code: meansTransfer, ID: d.Number, Account: ublAccount{ID: d.Seller.IBAN}}
	if d.Seller.BIC != "" {
		m.Account.Branch = &ublID{d.Seller.BIC}
	}
	return m
}

func (d Document) line(l Line) ublLine {
	q := &ublQuantity{unitHour, l.Hours.Decimal()}
	price := l.Price.Decimal()
	if l.Price.Millionths == 0 { // what is taken back has the price that its hours had
		q, price = &ublQuantity{"C62", "1"}, l.Amount.Decimal()
	}
	u := ublLine{
		ID: strconv.Itoa(l.Number), Notes: l.Notes, Invoiced: q, Amount: d.amount(l.Amount.Minor), Item: ublItem{l.Description, category(l.Tax, false)},
		Price: ublPrice{ublAmount{string(d.Net.Currency), price}},
	}
	if d.Credit {
		u.Invoiced, u.Credited = nil, q
	}
	return u
}

func (d Document) amount(minor int64) ublAmount {
	return ublAmount{string(d.Net.Currency), billing.Money{Minor: minor, Currency: d.Net.Currency}.Decimal()}
}

// category is how a line is taxed; the sum of a rate says why there is no tax. Outside the scope there is no rate (BR-O-05).
func category(t billing.Taxing, why bool) ublCategory {
	c := ublCategory{ID: string(t.Category), Percent: t.Percent(), Scheme: ublID{schemeVAT}}
	if t.Category == billing.TaxOutside {
		c.Percent = ""
	}
	if why {
		c.Reason = t.Reason
		c.ReasonCode = map[billing.TaxCategory]string{billing.TaxReverse: exemptionReverse, billing.TaxOutside: exemptionOutside}[t.Category]
	}
	return c
}

func (p Party) ubl(outside bool) ublParty {
	u := ublParty{Address: ublAddress{Country: ublCountry{p.Country}}, Legal: ublLegalEntity{p.Name}}
	for i, to := range []*string{&u.Address.Street, &u.Address.Additional} {
		if i < len(p.Address) {
			*to = p.Address[i]
		}
	}
	if len(p.Address) > 2 {
		u.Address.Line = &ublLineText{strings.Join(p.Address[2:], ", ")}
	}
	if id := cmp.Or(p.TaxID, p.VATID); id != "" && (outside || p.VATID == "") { // BR-CO-26
		u.Identification = &ublID{id}
	}
	if !outside {
		for _, x := range [][2]string{{p.VATID, schemeVAT}, {p.TaxID, schemeLocal}} {
			if x[0] != "" {
				u.TaxSchemes = append(u.TaxSchemes, ublPartyTax{x[0], ublID{x[1]}})
			}
		}
	}
	if p.Contact != "" {
		u.Contact = &ublContact{p.Contact}
	}
	return u
}
