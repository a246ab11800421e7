package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/typed"
)

// The tables of what is made of a month's accounts.
const (
	TrialBalance = "accounts"
	RollLots     = "lots"
	RollTotals   = "totals"
	JournalLines = "lines"
)

// AccountSum is one account of a provider in a month, in minor units: a debit is above zero.
type AccountSum struct {
	Account                MoneyAccount
	Code                   string // what the provider calls it; empty: by our word
	Currency               Currency
	Opening, Debit, Credit int64
}

// code is what a file calls an account.
func code(a MoneyAccount, own string) Cell {
	if own == "" {
		return Text(string(a))
	}
	return Text(own)
}

// WriteTrialBalance writes what each account held before a month, what was debited and credited in it, and what it holds. In each currency
// the debits are the credits, and what the accounts hold sums to zero: else ErrUntied.
func WriteTrialBalance(b Book, p Period, known AsOf, sums []AccountSum) error {
	err := b.Table(TrialBalance, columns([]string{
		"account", "code", "currency", "opening", "debit", "credit", "closing", "from", "to", "made_at", "status",
	}, "from", "to", "made_at"))
	if err != nil {
		return fmt.Errorf("begin the trial balance: %w", err)
	}
	openings, moved := map[Currency]int64{}, map[Currency]int64{}
	for _, s := range sums {
		openings[s.Currency] += s.Opening
		moved[s.Currency] += s.Debit - s.Credit
		if err := b.Row(
			Text(string(s.Account)), code(s.Account, s.Code), Text(string(s.Currency)), amount(s.Opening, s.Currency), amount(s.Debit, s.Currency),
			amount(s.Credit, s.Currency), amount(s.Opening+s.Debit-s.Credit, s.Currency), Instant(p.From), Instant(p.To), Instant(known.Made), Text(known.status()),
		); err != nil {
			return err
		}
	}
	for currency, opening := range openings {
		if opening != 0 || moved[currency] != 0 {
			return fmt.Errorf("trial balance: %w: the accounts in %s sum to %d before the month, and to %d in it", ErrUntied, currency, opening, moved[currency])
		}
	}
	return b.Finish()
}

func amount(minor int64, c Currency) Cell { return Number(Money{minor, c}.Decimal()) }

// LotRoll is what became of the amount of a lot that was sold, in a month and in minor units. Left is what the lot itself says is deferred at the
// month's end.
type LotRoll struct {
	OrganizationID                                 uuid.UUID
	OrganizationName                               string
	LotID                                          uuid.UUID
	Order                                          int64 // its number
	Currency                                       Currency
	Opening, Sold, Used, Expired, Refunded, Closed int64
	Left                                           int64
}

// RollForward writes how deferred revenue went from one month's end to the next: opening + sold − used − expired − refunded = closing = the
// sum of the lots.
type RollForward struct {
	book   Book
	period Period
	known  AsOf
	sums   map[Currency]*LotRoll
	order  []Currency
}

var rollColumns = []string{"currency", "opening", "sold", "used", "expired", "refunded", "closing", "from", "to", "made_at", "status"}

// NewRollForward begins the table of lots.
func NewRollForward(b Book, p Period, known AsOf) (*RollForward, error) {
	names := append([]string{"organization", "organization_id", "lot_id", "order"}, rollColumns...)
	if err := b.Table(RollLots, columns(names, "from", "to", "made_at")); err != nil {
		return nil, fmt.Errorf("begin the roll-forward: %w", err)
	}
	return &RollForward{book: b, period: p, known: known, sums: map[Currency]*LotRoll{}}, nil
}

// Lot writes one lot. Where its parts do not sum to what it says itself: ErrUntied.
func (w *RollForward) Lot(l LotRoll) error {
	if closing := l.Opening + l.Sold - l.Used - l.Expired - l.Refunded; closing != l.Closed || closing != l.Left {
		return fmt.Errorf("roll-forward of lot %s: %w: %d by its parts, %d by its postings, and the lot has %d deferred", l.LotID, ErrUntied, closing, l.Closed, l.Left)
	}
	sum := w.sums[l.Currency]
	if sum == nil {
		sum = &LotRoll{Currency: l.Currency}
		w.sums[l.Currency], w.order = sum, append(w.order, l.Currency)
	}
	sum.add(l)
	cells := append([]Cell{Text(l.OrganizationName), Text(l.OrganizationID.String()), Text(l.LotID.String()), Whole(l.Order)}, l.cells(w.period, w.known)...)
	return w.book.Row(cells...)
}

func (l *LotRoll) add(o LotRoll) {
	l.Opening, l.Sold, l.Used, l.Expired = l.Opening+o.Opening, l.Sold+o.Sold, l.Used+o.Used, l.Expired+o.Expired
	l.Refunded, l.Closed, l.Left = l.Refunded+o.Refunded, l.Closed+o.Closed, l.Left+o.Left
}

func (l LotRoll) cells(p Period, known AsOf) []Cell {
	cells := []Cell{Text(string(l.Currency))}
	for _, minor := range []int64{l.Opening, l.Sold, l.Used, l.Expired, l.Refunded, l.Closed} {
		cells = append(cells, amount(minor, l.Currency))
	}
	return append(cells, Instant(p.From), Instant(p.To), Instant(known.Made), Text(known.status()))
}

// Finish writes the table of totals, one for each currency, and ends the file. lots are what all the provider's lots have deferred then, read at
// once: a lot that the rows lack is found here.
func (w *RollForward) Finish(lots []Money) error {
	if err := w.book.Table(RollTotals, columns(rollColumns, "from", "to", "made_at")); err != nil {
		return err
	}
	for _, l := range lots {
		if sum := w.sums[l.Currency]; l.Minor != 0 && (sum == nil || sum.Left != l.Minor) {
			return fmt.Errorf("roll-forward: %w: the lots have %s deferred, which its rows are not", ErrUntied, l)
		}
	}
	for _, c := range w.order {
		if err := w.book.Row(w.sums[c].cells(w.period, w.known)...); err != nil {
			return err
		}
	}
	return w.book.Finish()
}

// JournalLine is one posting of money.
type JournalLine struct {
	Date             typed.Day // of account
	BookedAt         time.Time
	OrganizationID   uuid.UUID
	OrganizationName string
	Seq              int64 // of the entry in the journal with the organization
	Kind             Kind
	Account          MoneyAccount
	Code             string
	LotID            uuid.UUID // Nil: of none
	Invoice          string    // that a sale is on
	Amount           Money     // above zero: a debit
	Hash             Digest    // of the entry
}

// JournalWriter writes a month's postings as a bookkeeping program takes them in: a line each, under the provider's own codes.
type JournalWriter struct {
	book  Book
	month Month
	known AsOf
	sums  map[Currency]int64
}

// NewJournalWriter begins the table.
func NewJournalWriter(b Book, m Month, known AsOf) (*JournalWriter, error) {
	err := b.Table(JournalLines, columns([]string{
		"date", "month", "booked_at", "organization", "organization_id", "entry", "kind", "account", "code", "debit", "credit", "currency", "lot_id", "invoice", "hash",
		"made_at", "status",
	}, "booked_at", "made_at"))
	if err != nil {
		return nil, fmt.Errorf("begin the journal: %w", err)
	}
	return &JournalWriter{book: b, month: m, known: known, sums: map[Currency]int64{}}, nil
}

// Line writes a posting.
func (w *JournalWriter) Line(l JournalLine) error {
	w.sums[l.Amount.Currency] += l.Amount.Minor
	var debit, credit, lot Cell
	if l.Amount.Minor > 0 {
		debit = Number(l.Amount.Decimal())
	} else {
		credit = amount(-l.Amount.Minor, l.Amount.Currency)
	}
	if l.LotID != uuid.Nil {
		lot = Text(l.LotID.String())
	}
	return w.book.Row(
		Text(l.Date.String()), Text(w.month.String()), Instant(l.BookedAt), Text(l.OrganizationName), Text(l.OrganizationID.String()), Whole(l.Seq), Text(string(l.Kind)),
		Text(string(l.Account)), code(l.Account, l.Code), debit, credit, Text(string(l.Amount.Currency)), lot, Text(l.Invoice), Text(l.Hash.String()),
		Instant(w.known.Made), Text(w.known.status()),
	)
}

// Finish ends the file. Debits are credits: else ErrUntied.
func (w *JournalWriter) Finish() error {
	for currency, left := range w.sums {
		if left != 0 {
			return fmt.Errorf("journal: %w: its lines in %s leave %d", ErrUntied, currency, left)
		}
	}
	return w.book.Finish()
}
