package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Statement is what a closed month was, for one organization with one provider. Hours, what is prepaid and what is owed each go from what they were to
// what they are.
type Statement struct {
	ID             uuid.UUID
	ProviderID     uuid.UUID
	OrganizationID uuid.UUID
	Month          Month
	MadeAt         time.Time
	Seller         string // as it was called then, like the next two
	TaxID          string
	Buyer          string
	Zone           *time.Location
	Head           Head // of the journal when the month was closed
	Hours          StatementHours
	Prepaid        StatementPrepaid
	Owed           StatementOwed
	Currency       Currency
}

// StatementHours are left, and set aside for clusters, at a month's ends, and what came and went between.
type StatementHours struct {
	Opening, Bought, Granted, Used, Expired, Refunded, Closing Hours
}

// StatementPrepaid is what was bought and neither used nor gone, in minor units.
type StatementPrepaid struct {
	Opening, Sold, Used, Expired, Refunded, Closing int64
}

// StatementOwed is what the organization owes, in minor units; below zero it has credit. Settled is by credit notes, goodwill and debts let go.
type StatementOwed struct {
	Opening, Invoiced, Paid, Settled, Closing int64
}

// StatementLine is a row of a statement: an account's balance or what moved it.
type StatementLine struct {
	Account string // "hours", "prepaid", "owed"
	What    string // "opening", "bought" …
	Hours   Hours  // of hours
	Minor   int64  // of the others
}

// Lines are the rows of a statement, account by account: what is taken away is below zero, so that each account sums to its closing.
func (s Statement) Lines() []StatementLine {
	h, p, o := s.Hours, s.Prepaid, s.Owed
	return []StatementLine{
		{"hours", "opening", h.Opening, 0},
		{"hours", "bought", h.Bought, 0},
		{"hours", "granted", h.Granted, 0},
		{"hours", "used", -h.Used, 0},
		{"hours", "expired", -h.Expired, 0},
		{"hours", "refunded", -h.Refunded, 0},
		{"hours", "closing", h.Closing, 0},
		{"prepaid", "opening", 0, p.Opening},
		{"prepaid", "bought", 0, p.Sold},
		{"prepaid", "used", 0, -p.Used},
		{"prepaid", "expired", 0, -p.Expired},
		{"prepaid", "refunded", 0, -p.Refunded},
		{"prepaid", "closing", 0, p.Closing},
		{"owed", "opening", 0, o.Opening},
		{"owed", "invoiced", 0, o.Invoiced},
		{"owed", "paid", 0, -o.Paid},
		{"owed", "settled", 0, -o.Settled},
		{"owed", "closing", 0, o.Closing},
	}
}

// StatementUse is what one cluster used in the month, of one member's launches.
type StatementUse struct {
	ClusterID     uuid.UUID // Nil: what corrections took back
	ClusterName   string
	PersonID      uuid.UUID
	PersonName    string
	PurchaseOrder string
	CostCentre    string
	GrantNumber   string
	Hours         Hours
	Cost          Cost
}

// The tables of a statement.
const (
	StatementLines = "lines"
	StatementUses  = "uses"
)

// StatementTables are the tables of a statement, each a file where files have one.
func StatementTables() []string { return []string{StatementLines, StatementUses} }

// StatementWriter writes a statement. Each row carries the journal's head, as papers do.
type StatementWriter struct {
	book Book
	of   Statement
	used Hours
	cost int64
}

// NewStatementWriter writes the lines, and begins the table of uses.
func NewStatementWriter(b Book, s Statement) (*StatementWriter, error) {
	whose := []string{"provider", "organization", "month"}
	if err := b.Table(StatementLines, columns(append(whose, "account", "line", "mcs", "compute_hours", "amount", "currency", "made_at", "head"), "made_at")); err != nil {
		return nil, fmt.Errorf("begin the statement: %w", err)
	}
	w := &StatementWriter{book: b, of: s}
	for _, l := range s.Lines() {
		cells := []Cell{Whole(int64(l.Hours)), Number(l.Hours.Decimal()), {}, {}}
		if l.Account != "hours" {
			cells = []Cell{{}, {}, amount(l.Minor, s.Currency), Text(string(s.Currency))}
		}
		if err := b.Row(w.cells([]Cell{Text(l.Account), Text(l.What)}, cells)...); err != nil {
			return nil, err
		}
	}
	names := append(whose, "cluster", "cluster_id", "person", "person_id", "purchase_order", "cost_centre", "grant_number", "mcs", "compute_hours", "cost", "currency", "made_at", "head")
	return w, b.Table(StatementUses, columns(names, "made_at"))
}

// cells are a row's, between whose the statement is and by what head.
func (w *StatementWriter) cells(parts ...[]Cell) []Cell {
	row := []Cell{Text(w.of.Seller), Text(w.of.Buyer), Text(w.of.Month.String())}
	for _, p := range parts {
		row = append(row, p...)
	}
	return append(row, Instant(w.of.MadeAt), Text(w.of.Head.Mark()))
}

// Use writes what a cluster used.
func (w *StatementWriter) Use(u StatementUse) error {
	w.used, w.cost = w.used+u.Hours, w.cost+u.Cost.Minor
	whose := []Cell{Text("corrections"), {}, {}, {}}
	if u.ClusterID != uuid.Nil {
		whose = []Cell{Text(u.ClusterName), Text(u.ClusterID.String()), Text(u.PersonName), Text(u.PersonID.String())}
	}
	return w.book.Row(w.cells(whose, []Cell{
		Text(u.PurchaseOrder), Text(u.CostCentre), Text(u.GrantNumber), Whole(int64(u.Hours)), Number(u.Hours.Decimal()), Number(u.Cost.Decimal()), Text(string(u.Cost.Currency)),
	})...)
}

// Finish ends the file. The uses sum to the statement's: else ErrUntied.
func (w *StatementWriter) Finish() error {
	if w.used != w.of.Hours.Used || w.cost != w.of.Prepaid.Used {
		return fmt.Errorf("statement %s: %w: its uses sum to %d mcs and %d, its lines say %d and %d", w.of.ID, ErrUntied, w.used, w.cost, w.of.Hours.Used, w.of.Prepaid.Used)
	}
	return w.book.Finish()
}
