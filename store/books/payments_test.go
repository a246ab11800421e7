package books_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner/typed"
	"volary.dev/store/books"
	"volary.dev/store/people"
)

// pay records what came in, in minor units.
func (w *ledgerWorld) pay(minor int64, invoice uuid.UUID) books.Recorded {
	w.t.Helper()
	r, err := w.db.Books.RecordPayment(w.t.Context(), w.person, w.provider, books.NewPayment{
		OrganizationID: w.org, Minor: minor, PaidOn: typed.DayOf(at(0), time.UTC), Reference: "bank", InvoiceID: invoice,
	})
	w.must(err)
	return r
}

// invoices are those of the world, the first first.
func (w *ledgerWorld) invoices() []books.Invoice {
	w.t.Helper()
	list, _, _, err := w.db.Books.InvoicesOfOrganization(w.t.Context(), w.org, books.InvoiceFilter{})
	w.must(err)
	slices.Reverse(list)
	for i := range list {
		if list[i], err = w.db.Books.InvoiceOfProvider(w.t.Context(), w.provider, list[i].ID); err != nil {
			w.t.Fatal(err)
		}
	}
	return list
}

func (w *ledgerWorld) credit() int64 {
	w.t.Helper()
	return w.count(`SELECT coalesce(sum(credit), 0)::bigint FROM wallet_money`)
}

// TestPaymentsPayWhatIsDueFirst pays two invoices in three parts, too much, and uses what is over for the next.
func TestPaymentsPayWhatIsDueFirst(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	w.sell(36_000_000, uuid.Nil, 9, "") // 10.00 EUR
	w.sell(72_000_000, uuid.Nil, 9, "") // 20.00 EUR
	i := w.invoices()
	if i[0].Open.Minor != 1000 || i[1].Open.Minor != 2000 || i[0].DueOn.String() != "2026-12-22" {
		t.Fatalf("%+v", i)
	}
	if r := w.pay(1500, uuid.Nil); !slices.Equal(r.Paid, []string{i[0].Number, i[1].Number}) || r.Credited.Minor != 0 {
		t.Errorf("%+v", r)
	}
	if r := w.pay(100, i[0].ID); r.Settled != i[0].Number || r.Credited.Minor != 100 || !strings.Contains(r.Words(billing.Money{Minor: 100, Currency: "EUR"}), "was paid already") {
		t.Errorf("a second payment of one order: %+v", r)
	}
	if r := w.pay(1600, i[1].ID); len(r.Paid) != 1 || r.Credited.Minor != 100 || !strings.Contains(r.Words(billing.Money{Minor: 1600, Currency: "EUR"}), "1.00 EUR more than is owed") {
		t.Errorf("an overpayment: %+v", r)
	}
	if w.money(billing.Bank, uuid.Nil) != 3200 || w.money(billing.Receivable, uuid.Nil) != 0 || -w.money(billing.Credit, uuid.Nil) != 200 || w.credit() != 200 {
		t.Errorf("bank %d, receivable %d, credit %d", w.money(billing.Bank, uuid.Nil), w.money(billing.Receivable, uuid.Nil), w.money(billing.Credit, uuid.Nil))
	}
	w.sell(3_600_000, uuid.Nil, 9, "") // 1.00 EUR, which credit pays by itself
	i = w.invoices()
	if last := i[2]; last.Open.Minor != 0 || len(last.Settled) != 1 || last.Settled[0].Kind != billing.PaymentCredit || w.credit() != 100 {
		t.Errorf("%+v, credit %d", last, w.credit())
	}
	w.must(w.db.Books.RepayCredit(t.Context(), w.person, w.provider, books.NewPayment{OrganizationID: w.org, Minor: 40, PaidOn: typed.DayOf(at(0), time.UTC)}))
	refuses(t, w.db.Books.RepayCredit(t.Context(), w.person, w.provider, books.NewPayment{OrganizationID: w.org, Minor: 61, PaidOn: typed.DayOf(at(0), time.UTC)}),
		"invalid", "amount", "credit is 0.60 EUR")
	_, err := w.db.Books.UseCredit(t.Context(), w.person, w.provider, i[0].ID)
	refuses(t, err, "paid", "", i[0].Number)
	w.verified()
	for day, words := range map[typed.Day]string{{}: "on which day", typed.DayOf(at(2*24*3600), time.UTC): "still to come", {Year: 2024, Month: 1, Day: 1}: "days ago"} {
		_, err := w.db.Books.RecordPayment(t.Context(), w.person, w.provider, books.NewPayment{OrganizationID: w.org, Minor: 1, PaidOn: day})
		refuses(t, err, "invalid", "paid_on", words)
	}
	_, err = w.db.Books.RecordPayment(t.Context(), w.person, w.provider, books.NewPayment{OrganizationID: uuid.New(), Minor: 1, PaidOn: typed.DayOf(at(0), time.UTC)})
	refuses(t, err, "not_found", "", "organization")
	list, total, sums, err := w.db.Books.PaymentsOfProvider(t.Context(), w.provider, books.PaymentFilter{})
	if err != nil || total != 5 || len(list) != 5 || len(sums) != 1 || sums[0].Amount.Minor != 3160 {
		t.Errorf("%d of %d payments, %v, %v", len(list), total, sums, err)
	}
}

// TestARenameChangesNoIssuedPaper issues an invoice, changes all that both sides say of themselves, and issues another.
func TestARenameChangesNoIssuedPaper(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	say := func(org, seller string, days int) {
		w.must(w.db.People.UpdateOrganization(t.Context(), w.person, w.org, people.OrganizationWords{
			LegalName: org, Address: org + " street", Country: "DE", VATID: "de 123 456 789", Contact: org,
		}))
		w.must(w.db.People.UpdateProvider(t.Context(), w.person, w.provider, people.ProviderWords{
			LegalName: seller, TaxID: seller, InvoicePrefix: "NOR", AccountingZone: "Europe/Berlin", SupportContact: seller, Terms: seller + " terms",
			PaperWords: people.PaperWords{Address: seller + " street", Country: "AT", VATID: "ATU12345678", BankName: seller, IBAN: "DE89 3704 0044 0532 0130 00", BIC: "cobadeffxxx", PaymentDays: days},
		}))
	}
	say("Institute", "North GmbH", 14)
	w.sell(36_000_000, uuid.Nil, 9, "")
	before := w.invoices()[0]
	say("Faculty", "South GmbH", 30)
	w.sell(36_000_000, uuid.Nil, 9, "")
	now := w.invoices()
	if after := now[0]; after.Buyer != before.Buyer || after.Seller != "North GmbH" || after.Terms != "North GmbH terms" || after.SupportContact != "North GmbH" || after.DueOn != before.DueOn {
		t.Errorf("%+v", after)
	}
	want := billing.Printed{
		"buyer_address": "Institute street", "buyer_country": "DE", "buyer_vat_id": "DE123456789", "buyer_contact": "Institute", "seller_address": "North GmbH street",
		"seller_country": "AT", "seller_vat_id": "ATU12345678", "seller_contact": "North GmbH", "seller_bank": "North GmbH", "seller_iban": "DE89370400440532013000",
		"seller_bic": "COBADEFFXXX", "terms": "North GmbH terms", "zone": "Europe/Berlin",
	}
	for what, text := range want {
		if now[0].Printed[what] != text {
			t.Errorf("%s is %q", what, now[0].Printed[what])
		}
	}
	if len(now[0].Printed) != len(want) || now[1].Buyer != "Faculty" || now[1].Printed["seller_address"] != "South GmbH street" || now[1].DueOn != now[0].DueOn.Add(16) {
		t.Errorf("%+v, then %+v", now[0].Printed, now[1])
	}
	w.verified()
	for field, sql := range map[string]string{"printed": `printed = printed || '{"buyer_address": "elsewhere"}'`, "due_on": `due_on = due_on + 1`} {
		w.tamper(`UPDATE invoices SET ` + sql + ` WHERE serial = 1`)
		if r, err := w.db.Books.VerifyLedger(t.Context()); err != nil || r.Difference == nil || !strings.Contains(r.Difference.Error(), "the digest of invoice NOR-2026-0001") {
			t.Errorf("%s changed: %v, %v", field, r.Difference, err)
		}
		w.tamper(`UPDATE invoices SET printed = printed || '{"buyer_address": "Institute street"}', due_on = '2026-12-06' WHERE serial = 1`)
	}
	w.verified()
}

// TestSettingsRefuseWhatPapersCannotSay refuses a VAT id of another country, letters that papers lack, and a swapped digit.
func TestSettingsRefuseWhatPapersCannotSay(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	for _, c := range []struct {
		words         people.OrganizationWords
		field, words2 string
	}{
		{people.OrganizationWords{Country: "DE", VATID: "FR12345678901"}, "vat_id", "a VAT id of France, and the address is in Germany"},
		{people.OrganizationWords{Country: "DE", VATID: "DE12345678"}, "vat_id", "written as DE123456789"},
		{people.OrganizationWords{VATID: "DE123456789"}, "vat_id", "Choose the country first"},
		{people.OrganizationWords{Address: "Street 1"}, "country", "Choose the country"},
		{people.OrganizationWords{Country: "XX"}, "country", "no country"},
		{people.OrganizationWords{LegalName: "東京大学"}, "paper_name", "東京大学"},
		{people.OrganizationWords{LegalName: "東京大学", PaperName: "Tokyo 大"}, "paper_name", "大"},
		{people.OrganizationWords{Address: "a\nb\nc\nd\ne\nf\ng", Country: "DE"}, "address", "six lines"},
	} {
		refuses(t, w.db.People.UpdateOrganization(t.Context(), w.person, w.org, c.words), "invalid", c.field, c.words2)
	}
	w.must(w.db.People.UpdateOrganization(t.Context(), w.person, w.org, people.OrganizationWords{LegalName: "東京大学", PaperName: "Tōkyō Daigaku", Country: "GR", VATID: "EL123456789", Address: "Αθήνα\nул. Мира"}))
	words := people.ProviderWords{LegalName: "North", InvoicePrefix: "NOR", AccountingZone: "UTC", SupportContact: "help", PaperWords: people.PaperWords{IBAN: "DE89370400440532013001", BIC: "X", PaymentDays: 999}}
	for field, sentence := range map[string]string{"iban": "check digits", "bic": "8 or 11", "payment_days": "0 to 365"} {
		refuses(t, w.db.People.UpdateProvider(t.Context(), w.person, w.provider, words), "invalid", field, sentence)
	}
}

// TestReceivablesAgeAndAreRemindedOf lets two invoices of different days grow old.
func TestReceivablesAgeAndAreRemindedOf(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	w.exec(`INSERT INTO memberships (organization_id, person_id, role, created_at) VALUES ($1, $2, 'owner', now())`, w.org, w.person)
	w.sell(36_000_000, uuid.Nil, 900, "")
	w.clock.Set(at(40 * 24 * 3600))
	w.sell(72_000_000, uuid.Nil, 900, "")
	w.pay(2500, w.invoices()[1].ID) // 5.00 of credit
	told := func() int64 {
		_, err := w.db.Books.TellOverdue(t.Context())
		w.must(err)
		return w.count(`SELECT count(*) FROM notices WHERE event = 'overdue'`)
	}
	row := func() books.Receivable {
		list, total, sums, err := w.db.Books.Receivables(t.Context(), w.provider, books.ReceivableFilter{})
		if err != nil || total != 1 || len(list) != 1 || len(sums) != 1 || sums[0].Open != list[0].Open {
			t.Fatalf("%+v, %d, %+v, %v", list, total, sums, err)
		}
		return list[0]
	}
	for _, c := range []struct {
		days  int
		told  int64
		where func(books.Receivable) int64
	}{
		{29, 0, func(r books.Receivable) int64 { return r.NotDue }},
		{30, 0, func(r books.Receivable) int64 { return r.NotDue }},
		{31, 1, func(r books.Receivable) int64 { return r.Days30 }},
		{32, 1, func(r books.Receivable) int64 { return r.Days30 }},
		{45, 2, func(r books.Receivable) int64 { return r.Days30 }},
		{61, 3, func(r books.Receivable) int64 { return r.Days60 }},
		{100, 3, func(r books.Receivable) int64 { return r.Days90 }},
		{200, 3, func(r books.Receivable) int64 { return r.Older }},
	} {
		w.clock.Set(at(c.days * 24 * 3600))
		if n, again := told(), told(); n != c.told || again != n {
			t.Errorf("after %d days told %d times, then %d", c.days, n, again)
		}
		if r := row(); c.where(r) != 1000 || r.Open != 1000 || r.Credit != 500 || r.Invoices != 1 {
			t.Errorf("after %d days: %+v", c.days, r)
		}
	}
	used, err := w.db.Books.UseCredit(t.Context(), w.person, w.provider, w.invoices()[0].ID)
	if err != nil || used.Minor != 500 || row().Open != 500 {
		t.Errorf("used %s, %v, %+v", used, err, row())
	}
	w.verified()
}

// TestManyPaymentsLeaveNothingNegative pays and pays back at random beside each other.
func TestManyPaymentsLeaveNothingNegative(t *testing.T) {
	w := newLedgerWorldAt(t, at(0))
	for range 4 {
		w.sell(billing.Hours(1_000_000+rand.Int64N(90_000_000)), uuid.Nil, 9, "")
	}
	for range 40 {
		i := w.invoices()
		of := i[rand.IntN(len(i))].ID
		switch rand.IntN(5) {
		case 0:
			w.pay(1+rand.Int64N(900), of)
		case 1:
			w.pay(1+rand.Int64N(900), uuid.Nil)
		case 2:
			_, _ = w.db.Books.UseCredit(t.Context(), w.person, w.provider, of)
		case 3:
			_ = w.db.Books.RepayCredit(t.Context(), w.person, w.provider, books.NewPayment{OrganizationID: w.org, Minor: 1 + rand.Int64N(300), PaidOn: typed.DayOf(at(0), time.UTC)})
		default:
			w.sell(billing.Hours(1_000_000+rand.Int64N(9_000_000)), uuid.Nil, 9, "")
		}
	}
	w.verified()
	open, credit := w.count(`SELECT sum(open)::bigint FROM invoice_balances`), w.credit()
	if w.money(billing.Receivable, uuid.Nil) != open || -w.money(billing.Credit, uuid.Nil) != credit {
		t.Errorf("open %d and credit %d, by accounts %d and %d", open, credit, w.money(billing.Receivable, uuid.Nil), -w.money(billing.Credit, uuid.Nil))
	}
}
