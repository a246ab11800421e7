package billing

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"
)

// LedgerFormat names the form of an exported ledger; the package's document describes it.
const LedgerFormat = "volary-ledger-export-2"

// The rows of an exported ledger. Members are in the order in which the hashed bytes have them.
type (
	ledgerRow struct {
		Row    string `json:"row"` // "ledger"
		Format string `json:"format"`
		Made   string `json:"made"`
	}
	journalRow struct {
		Row              string `json:"row"` // "journal"
		Provider         string `json:"provider"`
		Organization     string `json:"organization"`
		ProviderName     string `json:"provider_name"`
		OrganizationName string `json:"organization_name"`
		Unordered        int64  `json:"unordered"`
	}
	entryRow struct {
		Row      string    `json:"row"` // "entry"
		Version  int       `json:"version"`
		Seq      int64     `json:"seq"`
		Previous string    `json:"previous"`
		Kind     string    `json:"kind"`
		At       string    `json:"at"`
		Key      string    `json:"key"`
		By       string    `json:"by"`
		Expires  string    `json:"expires"`
		From     string    `json:"from"`
		To       string    `json:"to"`
		Lines    int       `json:"lines"`
		Digest   string    `json:"digest"`
		Date     string    `json:"date"`
		Month    string    `json:"month"`
		Corrects int64     `json:"corrects"`
		Reason   string    `json:"reason"`
		Signed   string    `json:"signed"`
		Facts    []factRow `json:"facts"`
		Posts    []postRow `json:"posts"`
		Money    []coinRow `json:"money"`
		Hash     string    `json:"hash"`
	}
	factRow struct {
		What   string `json:"what"`
		ID     string `json:"id"`
		Digest string `json:"digest"`
	}
	postRow struct {
		Lot     string `json:"lot"`
		Account string `json:"account"`
		Cluster string `json:"cluster"`
		MCS     int64  `json:"mcs"`
	}
	coinRow struct {
		Account  string `json:"account"`
		Lot      string `json:"lot"`
		Currency string `json:"currency"`
		Minor    int64  `json:"minor"`
	}
	lineRow struct {
		Row      string `json:"row"` // "line"
		Run      string `json:"run"`
		Cluster  string `json:"cluster"`
		Node     string `json:"node"`
		From     string `json:"from"`
		To       string `json:"to"`
		Rate     int64  `json:"rate"`
		MCS      int64  `json:"mcs"`
		Lot      string `json:"lot"`
		Cost     *int64 `json:"cost"`
		Currency string `json:"currency"`
	}
	lotRow struct {
		Row      string `json:"row"` // "lot"
		ID       string `json:"id"`
		Order    string `json:"order"`
		Pool     string `json:"pool"`
		By       string `json:"by"`
		Made     string `json:"made"`
		Expires  string `json:"expires"`
		Amount   *int64 `json:"amount"`
		Currency string `json:"currency"`
		Purpose  string `json:"purpose"`
	}
	orderRow struct {
		Row           string `json:"row"` // "order"
		ID            string `json:"id"`
		Number        int64  `json:"number"`
		Offer         string `json:"offer"`
		Price         string `json:"price"`
		Millionths    int64  `json:"millionths"`
		MCS           int64  `json:"mcs"`
		Amount        int64  `json:"amount"`
		Currency      string `json:"currency"`
		Ordered       string `json:"ordered"`
		PurchaseOrder string `json:"purchase_order"`
		CostCentre    string `json:"cost_centre"`
		GrantNumber   string `json:"grant_number"`
	}
	invoiceRow struct {
		Row      string           `json:"row"` // "invoice"
		ID       string           `json:"id"`
		Number   string           `json:"number"`
		Year     int              `json:"year"`
		Serial   int              `json:"serial"`
		Issued   string           `json:"issued"`
		Net      int64            `json:"net"`
		Currency string           `json:"currency"`
		Seller   string           `json:"seller"`
		TaxID    string           `json:"tax_id"`
		Buyer    string           `json:"buyer"`
		Due      string           `json:"due"`
		Printed  Printed          `json:"printed"`
		Taxes    []taxRow         `json:"taxes"`
		Lines    []invoiceLineRow `json:"lines"`
	}
	invoiceLineRow struct {
		Number      int    `json:"number"`
		Order       string `json:"order"`
		MCS         int64  `json:"mcs"`
		Millionths  int64  `json:"millionths"`
		Minor       int64  `json:"minor"`
		Description string `json:"description"`
		Category    string `json:"tax_category"`
		Rate        int64  `json:"tax_rate"`
	}
	taxRow struct {
		Category string `json:"category"`
		Rate     int64  `json:"rate"`
		Base     int64  `json:"base"`
		Amount   int64  `json:"amount"`
		Reason   string `json:"reason"`
	}
	paymentRow struct {
		Row       string  `json:"row"` // "payment"
		ID        string  `json:"id"`
		Kind      string  `json:"kind"`
		Paid      string  `json:"paid"`
		Amount    int64   `json:"amount"`
		Currency  string  `json:"currency"`
		Reference string  `json:"reference"`
		To        []toRow `json:"to"`
	}
	creditRow struct {
		Row      string          `json:"row"` // "credit_note"
		ID       string          `json:"id"`
		Number   string          `json:"number"`
		Year     int             `json:"year"`
		Serial   int             `json:"serial"`
		Invoice  string          `json:"invoice"`
		Issued   string          `json:"issued"`
		Net      int64           `json:"net"`
		Currency string          `json:"currency"`
		Off      int64           `json:"off"`
		Seller   string          `json:"seller"`
		TaxID    string          `json:"tax_id"`
		Buyer    string          `json:"buyer"`
		Reason   string          `json:"reason"`
		Printed  Printed         `json:"printed"`
		Taxes    []taxRow        `json:"taxes"`
		Lines    []creditLineRow `json:"lines"`
	}
	creditLineRow struct {
		Number      int    `json:"number"`
		InvoiceLine int    `json:"invoice_line"`
		Lot         string `json:"lot"`
		MCS         int64  `json:"mcs"`
		Minor       int64  `json:"minor"`
		Description string `json:"description"`
	}
	toRow struct {
		Invoice string `json:"invoice"`
		Minor   int64  `json:"minor"`
	}
	headRow struct {
		Row  string `json:"row"` // "head"
		Seq  int64  `json:"seq"`
		Hash string `json:"hash"`
	}
	endRow struct {
		Row      string `json:"row"` // "end"
		Journals int    `json:"journals"`
		SHA256   string `json:"sha256"` // of all bytes before this row
	}
)

// Terms are what a fact is the digest of: LotTerms, OrderTerms, Paper, CreditNote or PaymentTerms.
type Terms interface{ Fact() Fact }

// LedgerWriter writes journals as lines of JSON, each with all that its hashes are taken over. A file without its last row is not whole.
type LedgerWriter struct {
	to       io.Writer
	sum      hash.Hash
	journals int
}

// NewLedgerWriter begins a file.
func NewLedgerWriter(to io.Writer, made time.Time) (*LedgerWriter, error) {
	w := &LedgerWriter{to: to, sum: sha256.New()}
	return w, w.write(ledgerRow{"ledger", LedgerFormat, instant(made)})
}

func (w *LedgerWriter) write(row any) error {
	b, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	b = append(b, '\n')
	w.sum.Write(b)
	_, err = w.to.Write(b)
	return err
}

// Journal begins a journal. Names are for reading; nothing hashed has them.
func (w *LedgerWriter) Journal(j Journal, provider, organization string, unordered int64) error {
	w.journals++
	return w.write(journalRow{"journal", j.ProviderID.String(), j.OrganizationID.String(), provider, organization, unordered})
}

// Entry writes the next entry with its lines.
func (w *LedgerWriter) Entry(e Entry, lines []Line) error {
	row := entryRow{
		Row: "entry", Version: e.Version, Seq: e.Seq, Previous: e.Previous.String(), Kind: string(e.Kind), At: instant(e.At), Key: e.Key, By: orDash(e.By),
		Expires: instant(e.ExpiresAt), From: instant(e.Period.From), To: instant(e.Period.To), Lines: e.Lines, Digest: "-", Date: e.Date.String(), Month: e.Month.String(),
		Corrects: e.Corrects.Seq, Reason: e.Corrects.Reason, Signed: orDash(e.Corrects.SignedBy),
		Facts: []factRow{}, Posts: []postRow{}, Money: []coinRow{}, Hash: e.Hash.String(),
	}
	if !e.LinesDigest.IsZero() {
		row.Digest = e.LinesDigest.String()
	}
	for _, f := range e.Facts {
		row.Facts = append(row.Facts, factRow{f.What, f.ID.String(), f.Digest.String()})
	}
	for _, p := range e.Postings {
		row.Posts = append(row.Posts, postRow{p.LotID.String(), string(p.Account), orDash(p.ClusterID), int64(p.Hours)})
	}
	for _, p := range e.Money {
		row.Money = append(row.Money, coinRow{string(p.Account), orDash(p.LotID), string(p.Currency), p.Minor})
	}
	if err := w.write(row); err != nil {
		return err
	}
	for _, l := range lines {
		line := lineRow{
			Row: "line", Run: l.RunID.String(), Cluster: l.ClusterID.String(), Node: l.NodeID.String(), From: instant(l.From), To: instant(l.To),
			Rate: int64(l.Rate), MCS: int64(l.Hours), Lot: l.LotID.String(),
		}
		if l.Cost != nil {
			line.Cost, line.Currency = &l.Cost.Minor, string(l.Cost.Currency)
		}
		if err := w.write(line); err != nil {
			return err
		}
	}
	return nil
}

// Terms writes a lot, an order, an invoice, a credit note or a payment of the journal, behind its entries.
func (w *LedgerWriter) Terms(t Terms) error {
	switch t := t.(type) {
	case LotTerms:
		return w.write(lotRowOf(t))
	case OrderTerms:
		return w.write(orderRowOf(t))
	case Paper:
		return w.write(invoiceRowOf(t))
	case CreditNote:
		return w.write(creditRowOf(t))
	case PaymentTerms:
		return w.write(paymentRowOf(t))
	default:
		return fmt.Errorf("write ledger: no row for %T", t)
	}
}

// Head ends a journal.
func (w *LedgerWriter) Head(h Head) error { return w.write(headRow{"head", h.Seq, h.Hash.String()}) }

// Finish writes the last row.
func (w *LedgerWriter) Finish() error {
	return w.write(endRow{"end", w.journals, Digest(w.sum.Sum(nil)).String()})
}
