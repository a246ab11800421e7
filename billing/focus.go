package billing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"
)

// FocusVersion is a version of the FinOps Open Cost and Usage Specification (focus.finops.org).
type FocusVersion string

// The versions that are written: 1.4 (June 2026), and what readers take that are older than 1.3.
const (
	Focus14 FocusVersion = "1.4"
	Focus12 FocusVersion = "1.2"
)

// FocusUnit is the unit of compute hours in a FOCUS file. FOCUS names units as GB-Hours and Core-Hours; a compute hour is that of a core
// with up to 4 GiB of memory (SkuPriceDetails says so), and a node with more memory for its cores takes more of them.
const FocusUnit = "Core-Hours"

// The tables of a FOCUS file.
const (
	FocusCharges     = "cost-and-usage"
	FocusCommitments = "contract-commitment"
)

// FocusTables are the tables of a FOCUS file in a version: contract commitments came with 1.3.
func FocusTables(v FocusVersion) []string {
	if v == Focus12 {
		return []string{FocusCharges}
	}
	return []string{FocusCharges, FocusCommitments}
}

// FocusParty is whose charges follow: a provider's, by its months and currency.
type FocusParty struct {
	ProviderID uuid.UUID
	Provider   string
	Issuer     string // who writes the invoices: the provider's legal name, else its name
	Currency   Currency
	Month      Month
	Zone       *time.Location // the provider's, by which its months begin
	Period     Period         // the billing period: the month in that zone
	AsOf
}

// FocusLot is the purchase or grant that a charge is of: a commitment in the words of FOCUS.
type FocusLot struct {
	ID                                     uuid.UUID
	OrganizationID                         uuid.UUID
	Organization                           string
	Order                                  int64 // its number; 0: granted
	Offer, OfferName                       string
	Purpose                                string // of a grant
	PriceID                                string
	Price                                  int64 // millionths of the currency for a compute hour; 0: granted
	Pool                                   string
	MadeAt, ExpiresAt                      time.Time // zero: never
	Bought, Used, Gone                     Hours
	Amount                                 int64 // minor units that were paid; 0: granted
	Invoice                                string
	InvoiceLine                            int
	PurchaseOrder, CostCentre, GrantNumber string
}

// name is how a lot is called.
func (l FocusLot) name() string {
	switch {
	case l.Order != 0:
		return fmt.Sprintf("Order %d", l.Order)
	case l.Purpose != "":
		return "Grant: " + l.Purpose
	default:
		return "Grant"
	}
}

// FocusUse is what one lot paid of one run in the month.
type FocusUse struct {
	FocusLot
	NodeID                           uuid.UUID
	Node                             string
	ClusterID                        uuid.UUID
	Cluster                          string
	Pool, Location                   string // where the node ran
	Shape                            string
	VCPUs, MemoryMiB                 int
	From, To                         time.Time
	Hours                            Hours
	Cost                             int64
	PurchaseOrder, CostCentre, Grant string // of the cluster
}

// FocusEntry is what an entry of the ledger moved on one account of one lot, by a kind that is no use: grant, expiry, credit note or correction.
type FocusEntry struct {
	FocusLot
	Seq       int64
	Kind      Kind
	Account   Account // bought, used, expired or refunded
	At        time.Time
	Hours     Hours // the posting: below zero on bought, and of what a correction takes back
	Deferred  int64 // the posting on the lot's deferred revenue, in minor units; of a grant of before there was money minus the lot's amount
	Corrects  int64 // 0: none
	Corrected Month // in whose accounts the corrected entry is; of a credit note, the lot
	Since     Period
}

// FocusMoney is an amount that is of no lot: tax, a debt that is let go, goodwill.
type FocusMoney struct {
	OrganizationID uuid.UUID
	Organization   string
	Seq            int64
	Kind           Kind
	Tax            bool
	At             time.Time
	Amount         int64 // what the organization owes more by it
	Invoice        string
	Corrects       int64
}

// FocusCharge is one row of the Cost and Usage dataset.
type FocusCharge struct {
	Lot                FocusLot // ID Nil: none
	Entry              int64
	Category           string // Usage, Purchase, Tax or Credit
	Frequency          string
	Correction         bool // of a billing period before
	Unused             bool
	Description        string
	From, To           time.Time
	Billed, Effective  int64
	Hours              Hours
	Priced             bool // has a quantity
	Invoice, Detail    string
	Use                *FocusUse // nil: of no node
	Organization, Name string
}

// The categories of charges.
const (
	focusUsage    = "Usage"
	focusPurchase = "Purchase"
	focusTax      = "Tax"
	focusCredit   = "Credit"
)

// charge is the row of a use: nothing is billed for it, and of what was paid it is the cost.
func (u FocusUse) charge() FocusCharge {
	return FocusCharge{
		Lot: u.FocusLot, Category: focusUsage, Frequency: "Usage-Based", From: u.From, To: u.To, Effective: u.Cost, Hours: u.Hours, Priced: true, Use: &u,
		Description:  "Use of compute hours by " + u.Cluster + ", " + u.Node,
		Organization: u.OrganizationID.String(), Name: u.Organization,
	}
}

// charge is the row of what an entry did with a lot. A purchase bills and costs nothing yet, a credit note is a purchase below zero, and
// what lapsed is the unused part of a commitment: so what was billed for a lot is in the end what its usage cost.
func (e FocusEntry) charge(p FocusParty) FocusCharge {
	c := FocusCharge{
		Lot: e.FocusLot, Entry: e.Seq, Organization: e.OrganizationID.String(), Name: e.FocusLot.Organization, Hours: e.Hours, Priced: true,
		Correction: e.Corrected != Month{} && e.Corrected.Before(p.Month),
	}
	switch e.Account {
	case Bought, Refunded:
		c.Category, c.Frequency, c.Billed, c.Hours = focusPurchase, "One-Time", -e.Deferred, -e.Hours
		c.From, c.To = second(e.MadeAt), p.end(e.ExpiresAt)
		c.Description = "Compute hours, " + e.name()
		if e.Account == Refunded {
			c.Description = "Credit note for " + e.name()
			c.From = second(e.At)
		} else {
			c.Invoice, c.Detail = e.Invoice, detail(e.Invoice, e.InvoiceLine)
		}
		if e.Order == 0 {
			c.Category, c.Description = focusCredit, "Compute hours granted, "+e.name()
		}
	case Expired:
		c.Category, c.Frequency, c.Effective, c.Unused = focusUsage, "Usage-Based", e.Deferred, true
		c.From, c.To = later(second(e.MadeAt), p.Period.From), second(e.At)
		if !e.ExpiresAt.IsZero() && e.ExpiresAt.Before(c.To) {
			c.To = second(e.ExpiresAt)
		}
		c.Description = "Compute hours that lapsed unused, " + e.name()
	case Used:
		c.Category, c.Frequency, c.Effective = focusUsage, "Usage-Based", e.Deferred
		c.From, c.To = e.Since.From, e.Since.To
		c.Description = "Use of compute hours taken back, " + e.name()
	case Available, Held:
	}
	if e.Corrects != 0 {
		c.Description += fmt.Sprintf(", correction of entry %d", e.Corrects)
	}
	if !c.From.Before(c.To) {
		c.To = c.From.Add(time.Second) // a charge period is never empty
	}
	return c
}

// charge is the row of an amount that is of no lot.
func (m FocusMoney) charge() FocusCharge {
	c := FocusCharge{
		Entry: m.Seq, Category: focusCredit, Frequency: "One-Time", Billed: m.Amount, Effective: m.Amount, From: second(m.At), To: second(m.At).Add(time.Second),
		Organization: m.OrganizationID.String(), Name: m.Organization, Invoice: m.Invoice,
	}
	switch {
	case m.Tax:
		c.Category, c.Description = focusTax, "Output tax"
	case m.Kind == KindWriteOff:
		c.Description = "Debt that is let go"
	case m.Kind == KindGoodwill:
		c.Description = "Goodwill"
	default:
		c.Description = "Correction"
	}
	if m.Corrects != 0 {
		c.Description += fmt.Sprintf(", correction of entry %d", m.Corrects)
	}
	return c
}

func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// noEnd stands for the end of what never ends, where FOCUS wants an instant.
var noEnd = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func (p FocusParty) end(t time.Time) time.Time {
	if t.IsZero() {
		return noEnd
	}
	return second(t)
}

func detail(invoice string, line int) string {
	if invoice == "" {
		return ""
	}
	return fmt.Sprintf("%s/%d", invoice, line)
}

// quantity writes hours as a decimal of compute hours with nine places at most.
func quantity(h Hours) string { return trimZeros(h.decimal(9, halfEven)) }

// product is a quantity times a price in millionths, exactly: what FOCUS asks of a cost beside its unit price.
func product(quantity string, millionths int64) string {
	q, ok := new(big.Rat).SetString(quantity)
	if !ok {
		return ""
	}
	return trimZeros(q.Mul(q, big.NewRat(millionths, 1_000_000)).FloatString(15))
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// object writes a JSON object of names and values in their order; a value that is empty is left out, and where all are, nothing.
func object(members ...any) string {
	var b strings.Builder
	for i := 0; i+1 < len(members); i += 2 {
		value, name := members[i+1], fmt.Sprint(members[i])
		if value == "" {
			continue
		}
		text, err := encoded(value)
		if err != nil {
			continue // strings and numbers encode
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", name, text)
	}
	if b.Len() == 0 {
		return ""
	}
	return "{" + b.String() + "}"
}

func encoded(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}
