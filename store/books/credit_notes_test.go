package books_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner/typed"
	"volary.dev/store/books"
)

func (w *ledgerWorld) takeBack(invoice uuid.UUID, h billing.Hours) (uuid.UUID, error) {
	return w.db.Books.IssueCreditNote(w.t.Context(), w.person, w.provider, books.NewCreditNote{InvoiceID: invoice, Line: 1, Hours: h, Reason: "ordered too many"})
}

// TestACreditNoteTakesBackWhatIsLeft takes hours back of an open invoice, of a paid one, and more than there are.
func TestACreditNoteTakesBackWhatIsLeft(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	lot := w.sell(36_000_000, uuid.Nil, 9, "") // 10 h for 10.00 EUR
	i := w.invoices()[0].ID
	first, err := w.takeBack(i, 3_600_000)
	w.must(err)
	if open := w.invoices()[0].Open.Minor; open != 900 || w.credit() != 0 {
		t.Errorf("%d left to pay, credit %d", open, w.credit())
	}
	w.pay(500, i)
	if _, err = w.takeBack(i, 5*3_600_000); err != nil { // 5.00, of which 4.00 are open
		t.Fatal(err)
	}
	if open := w.invoices()[0].Open.Minor; open != 0 || w.credit() != 100 {
		t.Errorf("%d left to pay, credit %d", open, w.credit())
	}
	id, _ := w.cluster(1, 3600)
	w.must(w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, 3_600_000, at(0)))
	_, err = w.takeBack(i, 4*3_600_000)
	refuses(t, err, "too_many", "hours", ", 0.00 are used, 1.00 set aside, 0.00 expired and 6.00 taken back already: 3.00 are left, and 4.00 were")
	_, err = w.takeBack(uuid.New(), 1)
	refuses(t, err, "not_found", "", "invoice")
	_, err = w.db.Books.IssueCreditNote(t.Context(), w.person, w.provider, books.NewCreditNote{InvoiceID: i, Line: 1, Hours: 1, Reason: " "})
	refuses(t, err, "invalid", "reason", "")
	n, err := w.db.Books.CreditNoteOfOrganization(t.Context(), w.org, first)
	if err != nil || n.Number != "NOR-C-2026-0001" || n.InvoiceNumber != "NOR-2026-0001" || n.Net.Minor != 100 || n.Off != 100 || n.Lines[0].Hours != 3_600_000 || n.Head.Seq != 2 {
		t.Errorf("%+v, %v", n, err)
	}
	list, total, sums, err := w.db.Books.CreditNotesOfProvider(t.Context(), w.provider, books.InvoiceFilter{})
	if err != nil || total != 2 || list[0].Number != "NOR-C-2026-0002" || sums[0].Amount.Minor != 600 || sums[0].Hours != 6*3_600_000 {
		t.Errorf("%+v, %d, %+v, %v", list, total, sums, err)
	}
	o, err := w.db.Books.OrderOfProvider(t.Context(), w.provider, w.orderOf(lot))
	if err != nil || o.TakenBack != 6*3_600_000 || o.Open.Minor != 0 {
		t.Errorf("%+v, %v", o, err)
	}
	w.verified()
	w.clock.Set(at(10 * 24 * 3600))
	_, err = w.takeBack(i, 1)
	refuses(t, err, "nothing_left", "", "expired on")
	w.verified()
}

func (w *ledgerWorld) orderOf(lot uuid.UUID) (id uuid.UUID) {
	w.t.Helper()
	w.must(w.pool.QueryRow(w.t.Context(), `SELECT order_id FROM lots WHERE id = $1`, lot).Scan(&id))
	return id
}

// TestTheProofNamesPaymentsAndCreditNotes changes what entries of money follow from.
func TestTheProofNamesPaymentsAndCreditNotes(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	w.sell(36_000_000, uuid.Nil, 9, "")
	i := w.invoices()[0].ID
	w.pay(1500, i)
	_, err := w.takeBack(i, 3_600_000)
	w.must(err)
	w.verified()
	for _, c := range []struct{ do, undo, want string }{
		{`UPDATE payments SET reference = 'x'`, `UPDATE payments SET reference = 'bank'`, "the digest of payment "},
		{`UPDATE payments SET paid_on = paid_on - 1`, `UPDATE payments SET paid_on = paid_on + 1`, "the digest of payment "},
		{`UPDATE payment_allocations SET amount = 999`, `UPDATE payment_allocations SET amount = 1000`, "the digest of payment "},
		{`UPDATE credit_notes SET buyer = 'Biology'`, `UPDATE credit_notes SET buyer = 'Astronomy'`, "the digest of credit note NOR-C-2026-0001"},
		{`UPDATE credit_notes SET reason = 'other'`, `UPDATE credit_notes SET reason = 'ordered too many'`, "the digest of credit note NOR-C-2026-0001"},
		{`UPDATE credit_note_lines SET hours = hours + 1`, `UPDATE credit_note_lines SET hours = hours - 1`, "the digest of credit note NOR-C-2026-0001"},
		{`UPDATE credit_note_numbers SET last = 2`, `UPDATE credit_note_numbers SET last = 1`, "the credit notes of 2026 should be 1 to 2 but is 1 up to 1"},
		{`UPDATE invoice_balances SET paid = 999`, `UPDATE invoice_balances SET paid = 1000`, "what the row says is settled of invoice NOR-2026-0001"},
		{`UPDATE wallet_money SET credit = credit + 1`, `UPDATE wallet_money SET credit = credit - 1`, "what the row says is owed and credit in minor units of EUR"},
	} {
		w.tamper(c.do)
		if r, err := w.db.Books.VerifyLedger(t.Context()); err != nil || r.Difference == nil || !strings.Contains(r.Difference.Error(), c.want) {
			t.Errorf("%s: %v, %v", c.do, r.Difference, err)
		}
		w.tamper(c.undo)
		w.verified()
	}
	for _, sql := range []string{
		`UPDATE payments SET amount = 1`, `DELETE FROM payment_allocations`, `UPDATE credit_notes SET net = 0`, `TRUNCATE credit_note_lines`,
	} {
		if _, err := w.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: done", sql)
		}
	}
}

// TestWhatIsPaidCreditedAndPaidBackTies does all of it at random: nothing is ever negative, all accounts tie, and the parts of each lot sum to
// what was paid for it.
func TestWhatIsPaidCreditedAndPaidBackTies(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	var lots []uuid.UUID
	clock := 0
	for range 60 {
		var of uuid.UUID
		if i := w.invoices(); len(i) > 0 {
			of = i[rand.IntN(len(i))].ID
		}
		switch n := rand.IntN(7); {
		case n == 0 || len(lots) < 2:
			lots = append(lots, w.sell(billing.Hours(1_000_000+rand.Int64N(90_000_000)), uuid.Nil, 9, ""))
		case n == 1:
			w.pay(1+rand.Int64N(2000), of)
		case n == 2:
			w.pay(1+rand.Int64N(2000), uuid.Nil)
		case n == 3:
			_, _ = w.db.Books.UseCredit(t.Context(), w.person, w.provider, of)
		case n == 4:
			_ = w.db.Books.RepayCredit(t.Context(), w.person, w.provider, books.NewPayment{OrganizationID: w.org, Minor: 1 + rand.Int64N(500), PaidOn: typed.DayOf(at(0), time.UTC)})
		case n == 5:
			_, _ = w.takeBack(of, billing.Hours(1+rand.Int64N(20_000_000)))
		default:
			begin := clock
			clock += 20
			id, nodes := w.running(1, 40, at(begin))
			w.prove(at(begin+5+rand.IntN(10)), nodes...)
			w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
			w.must(w.db.Books.ReleaseNow(t.Context(), id, at(clock)))
		}
	}
	w.verified()
	_, err := w.db.Books.SettleUsage(t.Context(), at(30*24*3600)) // the rest lapses
	w.must(err)
	w.verified()
	if sum := w.count(`SELECT sum(amount)::bigint FROM money_postings`); sum != 0 {
		t.Errorf("the accounts sum to %d", sum)
	}
	for _, lot := range lots {
		paid := w.count(`SELECT amount FROM lots WHERE id = $1`, lot)
		credited := w.count(`SELECT coalesce(sum(amount), 0)::bigint FROM credit_note_lines WHERE lot_id = $1`, lot)
		if parts := -w.money(billing.Revenue, lot) - w.money(billing.Breakage, lot) + credited; parts != paid || w.money(billing.Deferred, lot) != 0 {
			t.Errorf("of %d paid the parts sum to %d", paid, parts)
		}
	}
	received := w.count(`SELECT coalesce(sum(CASE kind WHEN 'received' THEN amount WHEN 'repaid' THEN -amount ELSE 0 END), 0)::bigint FROM payments`)
	if open := w.count(`SELECT sum(open)::bigint FROM invoice_balances`); w.money(billing.Bank, uuid.Nil) != received || w.money(billing.Receivable, uuid.Nil) != open {
		t.Errorf("bank %d of %d, receivable %d of %d", w.money(billing.Bank, uuid.Nil), received, w.money(billing.Receivable, uuid.Nil), open)
	}
}
