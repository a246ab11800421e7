package books_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"volary.dev/billing"
	"volary.dev/provisioner/typed"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/books"
)

// locks are the rows that a transaction of the books locks, in the order of the package's document; each is taken as the
// package takes it.
var locks = []struct{ name, sql string }{
	{"orders", `SELECT 1 FROM orders FOR NO KEY UPDATE`},
	{"wallets", `SELECT 1 FROM wallets FOR NO KEY UPDATE`},
	{"lots", `SELECT 1 FROM lots WHERE available > 0 OR held > 0 FOR NO KEY UPDATE`},
	{"numbers of papers", `SELECT 1 FROM invoice_numbers FOR NO KEY UPDATE`},
	{"numbers of credit notes", `SELECT 1 FROM credit_note_numbers FOR NO KEY UPDATE`},
	{"heads", `SELECT 1 FROM journal_heads FOR NO KEY UPDATE`},
	{"months", `SELECT 1 FROM periods FOR UPDATE`},
	{"marks", `SELECT 1 FROM hour_marks FOR NO KEY UPDATE`},
}

// command is one of the books', over rows of its own each time; takes are the locks that it takes, by their names.
type command struct {
	takes []string
	make  func(w *ledgerWorld) func(context.Context) error
}

func commands() map[string]command {
	return map[string]command{
		"grant": {[]string{"wallets", "heads", "months", "marks"}, func(w *ledgerWorld) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.db.Books.GrantHours(ctx, books.Grant{ProviderID: w.provider, OrganizationID: w.org, Hours: 1000})
				return err
			}
		}},
		"approve": {[]string{"orders", "wallets", "numbers of papers", "heads", "months", "marks"}, func(w *ledgerWorld) func(context.Context) error {
			order := w.order(5_000_000, uuid.Nil, 9, "")
			return func(ctx context.Context) error { return w.db.Books.ApproveOrder(ctx, uuid.Nil, w.provider, order) }
		}},
		"pay": {[]string{"wallets", "heads", "months"}, func(w *ledgerWorld) func(context.Context) error {
			w.sell(5_000_000, uuid.Nil, 9, "")
			return func(ctx context.Context) error {
				_, err := w.db.Books.RecordPayment(ctx, w.person, w.provider, books.NewPayment{OrganizationID: w.org, Minor: 300, PaidOn: typed.DayOf(at(0), time.UTC)})
				return err
			}
		}},
		"pay back": {[]string{"wallets", "heads", "months"}, func(w *ledgerWorld) func(context.Context) error {
			w.pay(1_000_000, uuid.Nil)
			return func(ctx context.Context) error {
				return w.db.Books.RepayCredit(ctx, w.person, w.provider, books.NewPayment{OrganizationID: w.org, Minor: 1, PaidOn: typed.DayOf(at(0), time.UTC)})
			}
		}},
		"credit": {[]string{"wallets", "lots", "numbers of credit notes", "heads", "months"}, func(w *ledgerWorld) func(context.Context) error {
			i := w.invoices()[0].ID
			if w.count(`SELECT count(*) FROM credit_note_numbers`) == 0 { // a lock on no row is none
				_, err := w.db.Books.IssueCreditNote(w.t.Context(), w.person, w.provider, books.NewCreditNote{InvoiceID: i, Line: 1, Hours: 1000, Reason: "first"})
				w.must(err)
			}
			return func(ctx context.Context) error {
				_, err := w.db.Books.IssueCreditNote(ctx, w.person, w.provider, books.NewCreditNote{InvoiceID: i, Line: 1, Hours: 1000, Reason: "not wanted"})
				return err
			}
		}},
		"hold": {[]string{"wallets", "lots", "heads", "months"}, func(w *ledgerWorld) func(context.Context) error {
			id, _ := w.cluster(1, 100)
			return func(ctx context.Context) error { return w.db.Books.HoldNow(ctx, w.provider, w.org, id, 1000, at(0)) }
		}},
		"release": {[]string{"wallets", "lots", "heads", "months"}, func(w *ledgerWorld) func(context.Context) error {
			id, _ := w.cluster(1, 100)
			w.must(w.db.Books.HoldNow(w.t.Context(), w.provider, w.org, id, 1000, at(0)))
			return func(ctx context.Context) error { return w.db.Books.ReleaseNow(ctx, id, at(0)) }
		}},
		"settle": {[]string{"wallets", "lots", "heads", "months"}, func(w *ledgerWorld) func(context.Context) error {
			id, nodes := w.running(1, 100, at(0))
			w.proveUntil(0, 20, nodes...)
			w.must(w.db.Books.EndRunsNow(w.t.Context(), id, nil, "asked"))
			return func(ctx context.Context) error {
				s, err := w.db.Books.SettleUsage(ctx, at(30))
				if err == nil && s.Entries != 1 {
					err = fmt.Errorf("%d entries", s.Entries)
				}
				return err
			}
		}},
	}
}

// TestCommandsLockInOneOrder stops each command at each lock that it takes, and looks that it has those before it and none
// behind it: then no two can wait for each other, in whatever order they come.
func TestCommandsLockInOneOrder(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	w.sell(50_000_000, uuid.Nil, 9, "")
	for name, c := range commands() {
		for n, stop := range c.takes {
			t.Run(name+" at "+stop, func(t *testing.T) { w.stopAt(t, c, n) })
		}
	}
	w.verified()
}

func (w *ledgerWorld) stopAt(t *testing.T, c command, n int) {
	run := c.make(w)
	gate, err := w.pool.Begin(t.Context())
	w.must(err)
	defer gate.Rollback(context.Background()) //nolint:errcheck // ended below where all went well
	for _, l := range locks {
		if l.name == c.takes[n] {
			rows, err := gate.Query(t.Context(), l.sql)
			w.must(err)
			_, err = pgx.CollectRows(rows, pgx.RowTo[int])
			w.must(err)
		}
	}
	var running errgroup.Group
	running.Go(func() error { return run(t.Context()) })
	waittest.Until(t, "the command to wait for the lock", func() bool {
		return w.count(`SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))`, gate.Conn().PgConn().PID()) == 1
	})
	place := 0
	for _, l := range locks {
		if l.name == c.takes[n] {
			place = 1
			continue
		}
		has := !w.unlocked(l.sql)
		if place > 0 && has {
			t.Errorf("it has %s already", l.name)
		}
		for _, before := range c.takes[:n] {
			if before == l.name && !has {
				t.Errorf("it has no lock on %s yet", l.name)
			}
		}
	}
	w.must(gate.Rollback(t.Context()))
	w.must(running.Wait())
}

// unlocked tells whether all rows of a lock may be had.
func (w *ledgerWorld) unlocked(sql string) bool {
	w.t.Helper()
	tx, err := w.pool.Begin(w.t.Context())
	w.must(err)
	defer tx.Rollback(context.Background()) //nolint:errcheck // it only looked
	_, err = tx.Exec(w.t.Context(), sql+` NOWAIT`)
	return err == nil
}

// TestCommandsInBothOrdersNeverDeadlock lets all commands run beside each other, each pair in both orders, and asks PostgreSQL.
func TestCommandsInBothOrdersNeverDeadlock(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	w.sell(50_000_000, uuid.Nil, 9, "")
	w.grant(50*billing.ComputeHour, nil)
	for first, a := range commands() {
		for second, b := range commands() {
			if first == "settle" || second == "settle" { // it books what is there: another may have booked it
				continue
			}
			one, other := a.make(w), b.make(w)
			var both errgroup.Group
			both.Go(func() error { return one(t.Context()) })
			both.Go(func() error { return other(t.Context()) })
			if err := both.Wait(); err != nil {
				t.Errorf("%s beside %s: %v", first, second, err)
			}
		}
	}
	w.exec(`SELECT pg_stat_force_next_flush()`)
	if n := w.count(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	w.verified()
}
