package books_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner/typed"
)

// today is the day in the zone of the world's provider.
func (w *ledgerWorld) today() typed.Day {
	w.t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	w.must(err)
	var now time.Time
	w.must(w.pool.QueryRow(w.t.Context(), `SELECT now()`).Scan(&now))
	return typed.DayOf(now, zone)
}

// TestTaxFollowsTheProfile sells to one buyer at home, abroad, by certificate and on a day without a rate; what was issued stays as it was.
func TestTaxFollowsTheProfile(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	ctx, day := t.Context(), typed.DayOf(at(0), time.UTC)
	sold := func() int {
		w.sell(36_000_000, uuid.Nil, 9, "") // 10.00 EUR
		return len(w.invoices()) - 1
	}
	sold()
	w.must(w.db.Books.SetTaxRate(ctx, w.person, w.provider, 1900, day))
	refuses(t, w.db.Books.SetTaxRate(ctx, w.person, w.provider, 700, day), "duplicate", "from", "there is a rate already")
	refuses(t, w.db.Books.SetTaxRate(ctx, w.person, w.provider, 700, day.Add(-1)), "invalid", "from", "papers of before")
	refuses(t, w.db.Books.SetTaxRate(ctx, w.person, w.provider, 0, day.Add(1)), "invalid", "rate", "above 0")
	w.exec(`UPDATE providers SET country = 'DE', vat_id = 'DE123456789' WHERE id = $1`, w.provider)
	w.exec(`UPDATE organizations SET country = 'FR' WHERE id = $1`, w.org)
	home := sold() // in France, and without a VAT id of there
	w.exec(`UPDATE organizations SET vat_id = 'FR12345678901' WHERE id = $1`, w.org)
	abroad := sold()
	refuses(t, w.db.Books.ExemptFromTax(ctx, w.person, w.provider, w.org, "12/345", day, day.Add(-1)), "invalid", "certificate_until", "last day")
	w.must(w.db.Books.ExemptFromTax(ctx, w.person, w.provider, w.org, " 12/345 ", day, day))
	exempt := sold()
	w.must(w.db.Books.SetTaxRate(ctx, w.person, w.provider, -1, day.Add(1)))
	w.clock.Set(at(24 * 3600))
	none := sold()
	all := w.invoices()
	if len(all[0].Taxes) != 0 || all[0].Total.Minor != 1000 || all[0].Lines[0].Tax.Category != "" {
		t.Errorf("before a rate was set: %+v", all[0])
	}
	for _, c := range []struct {
		n        int
		category billing.TaxCategory
		rate     int64
		total    int64
		words    string
	}{
		{home, billing.TaxStandard, 1900, 1190, "VAT 19 % on 10.00 EUR, the seller’s domestic rate"},
		{abroad, billing.TaxReverse, 0, 1000, "VAT: Reverse charge: the customer owes the VAT"},
		{exempt, billing.TaxExempt, 0, 1000, "VAT: Exempt by certificate 12/345"},
		{none, billing.TaxOutside, 0, 1000, "VAT: Outside the scope of VAT"},
	} {
		i := all[c.n]
		if len(i.Taxes) != 1 || i.Taxes[0].Category != c.category || i.Taxes[0].Rate != c.rate || i.Lines[0].Tax.Category != c.category ||
			i.Total.Minor != c.total || i.Open.Minor != c.total || !strings.HasPrefix(i.Taxes[0].Words("EUR"), c.words) {
			t.Errorf("%s: %+v, in all %d, open %d", c.words, i.Taxes, i.Total.Minor, i.Open.Minor)
		}
	}
	if r, tax := w.money(billing.Receivable, uuid.Nil), w.money(billing.Tax, uuid.Nil); r != 5190 || tax != -190 {
		t.Errorf("receivable %d, output tax %d", r, tax)
	}
	read, err := w.db.Books.Taxes(ctx, w.provider)
	if err != nil || len(read.Rates) != 2 || read.Rates[0].Rate != -1 || read.Rates[1].Rate != 1900 || read.Rates[1].ByName != "Ada" || read.Exemptions[0].Certificate != "12/345" {
		t.Errorf("%+v, %v", read, err)
	}
	if _, err := w.db.Books.Taxes(ctx, uuid.New()); err != nil {
		t.Error(err)
	}
	w.verified()
}

// TestTaxComesBackWithCreditNotes takes all hours of an invoice back in parts: all its tax comes back, to the cent. Use and expiry move none.
func TestTaxComesBackWithCreditNotes(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	w.must(w.db.Books.SetTaxRate(t.Context(), w.person, w.provider, 1900, typed.DayOf(at(0), time.UTC)))
	w.sell(3*12_036_000, uuid.Nil, 9, "") // 10.03 EUR: 1.91 tax
	i := w.invoices()[0]
	w.pay(500, i.ID)
	for range 3 {
		_, err := w.takeBack(i.ID, 12_036_000)
		w.must(err)
		w.verified()
	}
	i = w.invoices()[0]
	if i.Total.Minor != 1194 || i.Open.Minor != 0 || w.credit() != 500 || w.money(billing.Tax, uuid.Nil) != 0 || w.money(billing.Receivable, uuid.Nil) != 0 {
		t.Errorf("in all %d, open %d, credit %d, tax %d, receivable %d", i.Total.Minor, i.Open.Minor, w.credit(), w.money(billing.Tax, uuid.Nil), w.money(billing.Receivable, uuid.Nil))
	}
	lot := w.sell(36_000_000, uuid.Nil, 9, "") // 4.00 more stay owed
	w.clock.Set(at(10 * 24 * 3600))
	_, err := w.db.Books.SettleUsage(t.Context(), at(10*24*3600))
	w.must(err)
	if w.money(billing.Deferred, lot) != 0 || w.money(billing.Tax, uuid.Nil) != -190 {
		t.Errorf("after the expiry %d are deferred, and the output tax is %d", w.money(billing.Deferred, lot), w.money(billing.Tax, uuid.Nil))
	}
	w.verified()
	for _, c := range []struct{ do, undo, want string }{
		{`UPDATE invoice_taxes SET amount = amount + 1`, `UPDATE invoice_taxes SET amount = amount - 1`, "the digest of invoice"},
		{`UPDATE invoice_taxes SET reason = 'x'`, `UPDATE invoice_taxes SET reason = ''`, "the digest of invoice"},
		{`UPDATE invoice_lines SET tax_rate = 700`, `UPDATE invoice_lines SET tax_rate = 1900`, "the digest of invoice"},
		{`UPDATE credit_note_taxes SET base = base + 1`, `UPDATE credit_note_taxes SET base = base - 1`, "the digest of credit note"},
		{`UPDATE invoices SET tax = tax + 1`, `UPDATE invoices SET tax = tax - 1`, "what the row says is settled of invoice"},
		{`UPDATE credit_notes SET tax = tax + 1`, `UPDATE credit_notes SET tax = tax - 1`, "what the row says is settled of invoice"},
	} {
		w.tamper(c.do)
		if r, err := w.db.Books.VerifyLedger(t.Context()); err != nil || r.Difference == nil || !strings.Contains(r.Difference.Error(), c.want) {
			t.Errorf("%s: %v, %v", c.do, r.Difference, err)
		}
		w.tamper(c.undo)
	}
	w.verified()
}
