package billing

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"volary.dev/provisioner/typed"
)

// What is read of an exported ledger: the longest row, and the most rows.
const (
	mostRowBytes = 16 << 20
	mostRows     = 100_000_000
)

// ErrLedgerFile is of a file that is no exported ledger, or not a whole one.
var ErrLedgerFile = errors.New("no whole ledger")

// VerifiedJournal is what a journal of an exported ledger says once it was recomputed.
type VerifiedJournal struct {
	Journal
	Provider, Organization string // names, which nothing vouches for
	Head                   Head
	Lines, Runs, Vouchers  int // Vouchers: how many older heads hold
	Bill                   []Bill
}

// Bill is what a journal's accounts come to in one currency, in minor units: what was invoiced, what the use of it cost, what lapsed, what is
// paid for and left, and what is owed now (below zero: the organization's credit).
type Bill struct {
	Currency                                 Currency
	Invoiced, Used, Lapsed, Left, Paid, Owed int64
}

// VerifyLedgerFile recomputes an exported ledger from nothing but the file, and compares it with older heads: chain, balances, costs, what
// was sold and printed, and that no second of a run is in two lines. The first thing that differs is a *Difference; ErrLedgerFile is of what
// cannot be read. It keeps lots, papers and ranges of runs in memory, and of entries one at a time.
func VerifyLedgerFile(from io.Reader, older Older) ([]VerifiedJournal, error) {
	f := ledgerFile{rows: bufio.NewReaderSize(from, 1<<16), sum: sha256.New(), older: older}
	for {
		row, more, err := f.next()
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", f.row, err)
		}
		if !more {
			break
		}
		if err := f.take(row); err != nil {
			var d *Difference
			if errors.As(err, &d) {
				return nil, d
			}
			return nil, fmt.Errorf("row %d: %w", f.row, err)
		}
	}
	if !f.ended {
		return nil, fmt.Errorf("%w: its last row is missing, so that it was cut", ErrLedgerFile)
	}
	return f.done, nil
}

type ledgerFile struct {
	rows  *bufio.Reader
	sum   hash.Hash // of all rows before the last that was read
	last  []byte
	row   int
	older Older

	begun, ended bool
	entry        *Entry // whose lines are being read
	lines        []Line
	journal      *fileJournal
	done         []VerifiedJournal
}

func (f *ledgerFile) next() (row []byte, more bool, err error) {
	f.sum.Write(f.last)
	f.last = f.last[:0]
	for {
		part, err := f.rows.ReadSlice('\n')
		f.last = append(f.last, part...)
		switch {
		case len(f.last) > mostRowBytes || f.row >= mostRows:
			return nil, false, fmt.Errorf("%w: it has a row of more than %d bytes, or more than %d rows", ErrLedgerFile, mostRowBytes, mostRows)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(f.last) == 0:
			return nil, false, nil
		case err != nil && !errors.Is(err, io.EOF):
			return nil, false, err
		}
		f.row++
		return f.last, true, nil
	}
}

// unread refuses a row that has not the form of its kind.
func unread[T any](b []byte) (row T, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&row); err != nil {
		return row, fmt.Errorf("%w: %w", ErrLedgerFile, err)
	}
	return row, nil
}

func (f *ledgerFile) take(b []byte) error {
	var kind struct {
		Row string `json:"row"`
	}
	if err := json.Unmarshal(b, &kind); err != nil {
		return fmt.Errorf("%w: it is no JSON: %w", ErrLedgerFile, err)
	}
	if kind.Row != "line" {
		if err := f.endEntry(); err != nil {
			return err
		}
	}
	out := fmt.Errorf("%w: %q is out of its place", ErrLedgerFile, kind.Row)
	switch {
	case f.ended || (kind.Row == "ledger") == f.begun:
		return out
	case kind.Row == "ledger":
		return f.begin(b)
	case kind.Row == "end" && f.journal == nil:
		return f.end(b)
	case kind.Row == "journal" && f.journal == nil:
		return f.beginJournal(b)
	case f.journal == nil:
		return out
	}
	switch kind.Row {
	case "entry":
		return f.beginEntry(b)
	case "line":
		return f.addLine(b)
	case "lot", "order", "invoice", "credit_note", "payment":
		return f.journal.term(kind.Row, b)
	case "head":
		return f.endJournal(b)
	default:
		return out
	}
}

func (f *ledgerFile) begin(b []byte) error {
	row, err := unread[ledgerRow](b)
	if err == nil && row.Format != LedgerFormat && row.Format != "volary-ledger-export-1" {
		err = fmt.Errorf("%w: its form is %q, and %s is read", ErrLedgerFile, row.Format, LedgerFormat)
	}
	f.begun = true
	return err
}

func (f *ledgerFile) end(b []byte) error {
	row, err := unread[endRow](b)
	if err != nil {
		return err
	}
	if sum := Digest(f.sum.Sum(nil)).String(); row.SHA256 != sum {
		return &Difference{What: "the SHA-256 of the rows", Expected: row.SHA256, Found: sum}
	}
	if row.Journals != len(f.done) {
		return &Difference{What: "the number of journals", Expected: fmt.Sprint(row.Journals), Found: fmt.Sprint(len(f.done))}
	}
	f.ended = true
	return nil
}

func (f *ledgerFile) beginJournal(b []byte) error {
	row, err := unread[journalRow](b)
	if err != nil {
		return err
	}
	var p parser
	j := Journal{p.id(row.Provider), p.id(row.Organization)}
	f.journal = newFileJournal(j, row.Unordered)
	f.journal.audit.Against(f.older)
	f.journal.provider, f.journal.organization = row.ProviderName, row.OrganizationName
	return p.err
}

func (f *ledgerFile) beginEntry(b []byte) error {
	row, err := unread[entryRow](b)
	if err != nil {
		return err
	}
	e, err := row.entry(f.journal.audit.Head().Journal)
	f.entry, f.lines = &e, nil
	return err
}

func (r entryRow) entry(j Journal) (Entry, error) {
	var p parser
	e := Entry{Version: r.Version, Journal: j, Seq: r.Seq, Previous: p.digest(r.Previous), Hash: p.digest(r.Hash)}
	e.Draft = Draft{
		Kind: Kind(r.Kind), At: p.time(r.At), Key: r.Key, By: p.id(r.By), ExpiresAt: p.time(r.Expires), Period: Period{p.time(r.From), p.time(r.To)},
		Lines: r.Lines, LinesDigest: p.digest(r.Digest), Corrects: Correction{Seq: r.Corrects, Reason: r.Reason, SignedBy: p.id(r.Signed)},
	}
	var err error
	if e.Date, err = typed.ParseDay(r.Date); err != nil || e.Date.String() != r.Date {
		p.wrong("day", r.Date)
	}
	if e.Month, err = ParseMonth(r.Month); err != nil || e.Month.String() != r.Month {
		p.wrong("month", r.Month)
	}
	for _, x := range r.Facts {
		e.Facts = append(e.Facts, Fact{x.What, p.id(x.ID), p.digest(x.Digest)})
	}
	for _, x := range r.Posts {
		e.Postings = append(e.Postings, Posting{p.id(x.Lot), Account(x.Account), p.id(x.Cluster), Hours(x.MCS)})
	}
	for _, x := range r.Money {
		e.Money = append(e.Money, MoneyPosting{MoneyAccount(x.Account), p.id(x.Lot), Money{x.Minor, Currency(x.Currency)}})
	}
	return e, p.err
}

func (f *ledgerFile) addLine(b []byte) error {
	row, err := unread[lineRow](b)
	if err != nil {
		return err
	}
	if f.entry == nil {
		return fmt.Errorf("%w: a line without its entry", ErrLedgerFile)
	}
	var p parser
	l := Line{Segment: Segment{
		RunID: p.id(row.Run), ClusterID: p.id(row.Cluster), NodeID: p.id(row.Node), From: p.time(row.From), To: p.time(row.To), Rate: Rate(row.Rate),
	}, Hours: Hours(row.MCS), LotID: p.id(row.Lot)}
	if row.Cost != nil {
		l.Cost = &Money{*row.Cost, Currency(row.Currency)}
	}
	f.lines = append(f.lines, l)
	return p.err
}

// endEntry checks the entry whose last line was read.
func (f *ledgerFile) endEntry() error {
	if f.entry == nil {
		return nil
	}
	e := *f.entry
	f.entry = nil
	if d := f.journal.next(e, f.lines); d != nil {
		return d
	}
	return nil
}

func (f *ledgerFile) endJournal(b []byte) error {
	row, err := unread[headRow](b)
	if err != nil {
		return err
	}
	j := f.journal
	f.journal = nil
	if d := j.finish(row); d != nil {
		return d
	}
	f.done = append(f.done, j.verified())
	return nil
}

func (j *fileJournal) differs(what string, expected, found any) *Difference {
	return &Difference{Journal: j.audit.Head().Journal, What: what, Expected: fmt.Sprint(expected), Found: fmt.Sprint(found)}
}

func (j *fileJournal) term(kind string, b []byte) error {
	var p parser
	t, name, err := readTerms(&p, kind, b)
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case LotTerms:
		if t.Paid != nil {
			j.sold = append(j.sold, t)
		}
	case Paper:
		for _, l := range t.Lines {
			j.invoiced[l.OrderID] += l.Amount
		}
	case CreditNote:
		for _, l := range t.Lines {
			c := j.credited[l.LotID]
			j.credited[l.LotID] = Credited{c.Hours + l.Hours, c.Minor + l.Amount}
		}
	}
	j.terms, j.facts = append(j.terms, t), append(j.facts, NamedFact{t.Fact(), name})
	return p.err
}

// readTerms reads a row of terms, and gives what a person calls it.
func readTerms(p *parser, kind string, b []byte) (t Terms, name string, err error) {
	switch kind {
	case "lot":
		row, err := unread[lotRow](b)
		return row.terms(p), "lot " + row.ID, err
	case "order":
		row, err := unread[orderRow](b)
		return row.terms(p), fmt.Sprintf("order %d", row.Number), err
	case "credit_note":
		row, err := unread[creditRow](b)
		return row.terms(p), "credit note " + row.Number, err
	case "payment":
		row, err := unread[paymentRow](b)
		return row.terms(p), "payment " + row.ID, err
	default:
		row, err := unread[invoiceRow](b)
		return row.terms(p), "invoice " + row.Number, err
	}
}
