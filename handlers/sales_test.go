package handlers_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/books"
	"volary.dev/store/people"
)

// hidden reads a hidden field of a page.
func hidden(t *testing.T, body, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("the page has no hidden field %s", name)
	}
	return html.UnescapeString(m[1])
}

// says asserts an answer's status and words of its page.
func says(t *testing.T, what string, got handlertest.Answer, status int, words ...string) {
	t.Helper()
	if got.Status != status {
		t.Errorf("%s: status %d, want %d", what, got.Status, status)
	}
	text := strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(html.UnescapeString(got.Body))
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not say %q in %.3000s", what, w, text[max(0, strings.Index(text, "<main")):])
		}
	}
}

// ordered fills the form of an order as a browser does that was shown the amount.
func ordered(t *testing.T, b *handlertest.Browser, offer uuid.UUID, hours string) url.Values {
	t.Helper()
	form := url.Values{"offer": {offer.String()}, "hours": {hours}, "cost_centre": {"4711"}}
	got := b.Get("/org/orders/new?" + form.Encode())
	says(t, "the form of an order", got, http.StatusOK, "Printable quote", `value="4711"`)
	for _, name := range []string{"price", "shown_offer", "shown_hours"} {
		form.Set(name, hidden(t, got.Body, name))
	}
	return form
}

// taxed has the provider tax at home, and the organization live abroad.
func taxed(t *testing.T, a *handlertest.App, w *handlertest.World, bills, accountant *handlertest.Browser) {
	t.Helper()
	if err := a.Store.People.UpdateProvider(t.Context(), uuid.Nil, w.North, people.ProviderWords{
		LegalName: "North Computing GmbH", InvoicePrefix: "NOR", AccountingZone: "Europe/Berlin", SupportContact: "help@north.example",
		PaperWords: people.PaperWords{Country: "DE", VATID: "DE123456789"},
	}); err != nil {
		t.Fatal(err)
	}
	settings := url.Values{"country": {"FR"}, "vat_id": {"DE123456789"}, "address": {"Rue 1"}}
	says(t, "another country's VAT id", bills.Post("/org/settings", settings), http.StatusUnprocessableEntity, "is a VAT id of Germany, and the address is in France")
	settings.Set("vat_id", "FR12345678901")
	says(t, "the right one", bills.Post("/org/settings", settings), http.StatusSeeOther)
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	day := time.Now().In(zone).Format(time.DateOnly)
	says(t, "no rate yet", accountant.Get("/provider/taxes"), http.StatusOK, "No rate is set", "Germany")
	says(t, "too high a rate", accountant.Post("/provider/taxes/rates", url.Values{"rate": {"119"}, "from": {day}}), http.StatusUnprocessableEntity, `value="119"`, "between 0.01 and 99.99")
	says(t, "a day of before", accountant.Post("/provider/taxes/rates", url.Values{"rate": {"19"}, "from": {"2020-01-01"}}), http.StatusUnprocessableEntity, `value="2020-01-01"`, "papers of before")
	says(t, "a rate", accountant.Post("/provider/taxes/rates", url.Values{"rate": {"19"}, "from": {day}}), http.StatusSeeOther)
	exempt := url.Values{"organization": {"Nobody"}, "certificate": {"12/345"}, "certificate_from": {day}, "certificate_until": {day}}
	says(t, "exempting nobody", accountant.Post("/provider/taxes/exemptions", exempt), http.StatusUnprocessableEntity, "no organization of this name", `value="12/345"`)
	says(t, "the rates", accountant.Get("/provider/taxes"), http.StatusOK, "19 %", day)
}

func TestFromQuoteToInvoice(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := a.Sell(w)
	bills, admin, accountant := a.SignIn(handlertest.Billing), a.SignIn(handlertest.Admin), a.SignIn(handlertest.Accountant)
	taxed(t, a, w, bills, accountant)
	says(t, "the quote", bills.Get("/org/orders/quote?offer="+s.Offer.String()+"&hours=1234,5"), http.StatusOK, "55.55 EUR", "fifty-five and 55/100 EUR", "First Group", "VAT: Reverse charge: the customer owes the VAT")
	home := url.Values{"country": {"DE"}, "vat_id": {"DE123456789"}, "address": {"Turm 1"}}
	says(t, "moving home", bills.Post("/org/settings", home), http.StatusSeeOther)
	says(t, "what it costs at home", bills.Get("/org/orders/new?hours=1234,5&offer="+s.Offer.String()), http.StatusOK, "VAT 19 % on 55.55 EUR", "Order 1 234.50 CH for 66.10 EUR")
	says(t, "moving abroad", bills.Post("/org/settings", url.Values{"country": {"FR"}, "vat_id": {"FR12345678901"}, "address": {"Rue 1"}}), http.StatusSeeOther)
	form := ordered(t, bills, s.Offer, "1234,5")
	done := bills.Post("/org/orders", form)
	says(t, "ordering", done, http.StatusSeeOther)
	path := done.Header.Get("Location")
	says(t, "the order", bills.Get(path), http.StatusOK, "55.55", "Waiting for North", "4711", "Withdraw")
	staff := strings.Replace(path, "/org/", "/provider/", 1)
	says(t, "the price's setter", admin.Get(staff), http.StatusOK, "You set the price of this order")
	says(t, "approving one's own price", admin.Post(staff+"/approve", nil), http.StatusUnprocessableEntity, "nobody approves an order at a price of their own")
	says(t, "rejecting without a reason", accountant.Post(staff+"/reject", url.Values{"reason": {" "}}), http.StatusUnprocessableEntity, "Say why in 1 to 500 characters")
	says(t, "approving", accountant.Post(staff+"/approve", nil), http.StatusSeeOther)
	says(t, "approving twice", accountant.Post(staff+"/approve", nil), http.StatusConflict, "was approved on")
	says(t, "withdrawing what is approved", bills.Post(path+"/withdraw", nil), http.StatusConflict, "was approved on")
	says(t, "the wallet", bills.Get("/org/wallet"), http.StatusOK, "2 434.50", "Nothing runs now", "55.55", "order ")
	says(t, "the ledger by kind", bills.Get("/org/wallet?kind=expire&cluster=none&since=2026-01-01"), http.StatusOK, "No entries match")
	invoices := bills.Get("/org/invoices")
	link := regexp.MustCompile(`/org/invoices/[0-9a-f-]{36}`).FindString(invoices.Body)
	says(t, "the invoice", bills.Get(link), http.StatusOK, "NOR-", "Cost centre 4711", "VAT: Reverse charge: the customer owes the VAT", "FR12345678901")
	says(t, "its PDF", bills.Get(link+"/invoice.pdf"), http.StatusOK, "%PDF-")
	says(t, "its electronic form", accountant.Get(strings.Replace(link, "/org/", "/provider/", 1)+"/invoice.xml"), http.StatusOK, "VATEX-EU-AE", "FR12345678901", ">55.55<")
	old := "/org/invoices/" + s.Invoice.String()
	says(t, "one of before", bills.Get(old), http.StatusOK, "net; taxes as agreed")
	says(t, "its electronic form", bills.Get(old+"/invoice.xml"), http.StatusUnprocessableEntity, "There is no electronic form of this paper", "how it is taxed")
	csv := accountant.Get("/provider/invoices.csv")
	says(t, "the month's invoice lines", csv, http.StatusOK, "55.55", "4711")
	says(t, "their totals", accountant.Get("/provider/invoices.csv?lines=totals"), http.StatusOK, "64.55", "EUR")
	says(t, "no table", accountant.Get("/provider/invoices.csv?lines=sums"), http.StatusUnprocessableEntity)
	says(t, "no month", accountant.Get("/provider/invoices.csv?month=2026-13"), http.StatusUnprocessableEntity)
}

func TestOrdersRefuseBadInput(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := a.Sell(w)
	owner := a.SignIn(handlertest.Owner)
	good := ordered(t, owner, s.Offer, "20")
	const no = http.StatusUnprocessableEntity
	enormous := strings.Repeat("9", 40)
	for _, c := range []struct {
		name   string
		form   url.Values
		status int
		says   string
		typed  string
	}{
		{"nothing", url.Values{}, no, "Choose an offer.", ""},
		{"negative hours", form(good, "hours", "-20"), no, "write a number such as 8", `value="-20"`},
		{"no hours", form(good, "hours", "0"), no, "more than zero", `value="0"`},
		{"enormous hours", form(good, "hours", enormous), no, "the largest is", `value="` + enormous + `"`},
		{"too fine hours", form(good, "hours", "20.0000001"), no, "at most five decimals", ""},
		{"garbage", form(good, "hours", "<b>"), no, "write a number", "&lt;b&gt;"},
		{"under the minimum", form(good, "hours", "9.99"), no, "at least 10.00 compute hours", `value="9.99"`},
		{"a long reference", form(good, "grant_number", strings.Repeat("x", 81)), no, "81 characters", strings.Repeat("x", 81)},
		{"a long note", form(good, "note", strings.Repeat("x", 501)), no, "at most 500 characters", ""},
		{"other hours than were shown", form(good, "hours", "30"), http.StatusConflict, "The amount for 30 CH is 1.35", `value="30"`},
		{"an unknown offer", form(good, "offer", uuid.NewString()), http.StatusNotFound, "no such offer", ""},
	} {
		got := owner.Post("/org/orders", c.form)
		says(t, c.name, got, c.status, c.says)
		if !strings.Contains(got.Body, c.typed) {
			t.Errorf("%s: %s is not shown again", c.name, c.typed)
		}
	}
	_, err := a.Store.Books.SetPrice(context.Background(), w.Person(handlertest.Admin), w.North, s.Offer, books.NewPrice{Millionths: 60_000, Until: a.Price(w, s).From})
	if err != nil {
		t.Fatal(err)
	}
	got := owner.Post("/org/orders", good)
	says(t, "a stale price", got, http.StatusConflict, "was 0.045 EUR when the form was shown, and is 0.06 EUR", "Order 20.00 CH for 1.20")
	good.Set("price", hidden(t, got.Body, "price"))
	says(t, "the price that was shown now", owner.Post("/org/orders", good), http.StatusSeeOther)
	if err := a.Store.Books.EndOffer(context.Background(), uuid.Nil, w.North, s.Offer); err != nil {
		t.Fatal(err)
	}
	says(t, "an ended offer", owner.Post("/org/orders", good), no, "ended the offer standard")
}

func TestOffersAndGrantsRefuseBadInput(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := a.Sell(w)
	admin := a.SignIn(handlertest.Admin)
	const no = http.StatusUnprocessableEntity
	offer := url.Values{"name": {"second"}, "least_hours": {"5"}, "good_days": {"30"}, "price": {"0.0125"}}
	grant := url.Values{"organization": {"First Group"}, "hours": {"5"}, "until": {"2999-12-31"}, "purpose": {"course"}}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	tomorrow := a.Price(w, s).From.In(berlin).Format(time.DateOnly) // its first moment is before the next price's
	prices := "/provider/offers/" + s.Offer.String() + "/prices"
	for _, c := range []struct {
		name, path string
		form       url.Values
		says       string
	}{
		{"a negative price", "/provider/offers", form(offer, "price", "-1"), "write a number such as 0.0125"},
		{"no price at all", "/provider/offers", form(offer, "price", "0"), "more than zero"},
		{"too fine a price", "/provider/offers", form(offer, "price", "0.0000001"), "at most six decimals"},
		{"an enormous price", "/provider/offers", form(offer, "price", strings.Repeat("9", 40)), "the highest is 1000000.00 EUR"},
		{"a taken name", "/provider/offers", form(offer, "name", "standard"), "There is an offer named \"standard\" already."},
		{"a URI for a name", "/provider/offers", form(offer, "name", strings.Repeat("http://x", 20)), "160 characters"},
		{"another's pool", "/provider/offers", form(offer, "pool", uuid.NewString()), "Choose one of your pools"},
		{"no days", "/provider/offers", form(offer, "good_days", "0"), "between 1 and 3650"},
		{"overlapping prices", prices, url.Values{"price": {"0.03"}, "from": {tomorrow}}, "and 0.05 EUR holds from"},
		{"a price in the past", prices, url.Values{"price": {"0.03"}, "from": {"2020-01-01"}}, "A price begins now or later"},
		{"a price for no day", prices, url.Values{"price": {"0.03"}, "from": {"tomorrow"}}, "Write the day as"},
		{"a grant to nobody", "/provider/grants", form(grant, "organization", "Nobody There"), "There is no organization of this name"},
		{"a grant of nothing", "/provider/grants", form(grant, "hours", "0"), "more than zero"},
		{"a grant without an end", "/provider/grants", form(grant, "until", ""), "Say until when"},
		{"a grant that has ended", "/provider/grants", form(grant, "until", "2020-01-01"), "This day has passed"},
		{"a grant for nothing", "/provider/grants", form(grant, "purpose", ""), "Fill in the purpose"},
	} {
		says(t, c.name, admin.Post(c.path, c.form), no, c.says)
	}
	says(t, "a grant", admin.Post("/provider/grants", grant), http.StatusSeeOther)
	says(t, "the grants", admin.Get("/provider/grants?search=course"), http.StatusOK, "First Group", "1 grant")
	says(t, "a grant in the wallet", a.SignIn(handlertest.Member).Get("/org/wallet"), http.StatusOK, "grant: course", "are grants")
	says(t, "an offer", admin.Post("/provider/offers", offer), http.StatusSeeOther)
	says(t, "withdrawing a price", admin.Post(prices+"/"+s.Next.String()+"/withdraw", nil), http.StatusSeeOther)
	says(t, "ending an offer", admin.Post("/provider/offers/"+s.Offer.String()+"/end", nil), http.StatusSeeOther)
	says(t, "ending it twice", admin.Post("/provider/offers/"+s.Offer.String()+"/end", nil), http.StatusConflict, "was ended on")
}

func TestTheMenuCountsWhatWaits(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Sell(w) // one order waits
	a.Request(w, "asked")
	const one = `<span class="count"><span>1</span>`
	for who, want := range map[string]bool{
		handlertest.Accountant: true, handlertest.Operator: false, handlertest.OtherAdmin: false,
		handlertest.Manager: true, handlertest.Member: false, handlertest.OtherOwner: false,
	} {
		path := "/org"
		if who == handlertest.Accountant || who == handlertest.Operator || who == handlertest.OtherAdmin {
			path = "/provider"
		}
		if got := a.SignIn(who).Get(path); got.Status != http.StatusOK || strings.Contains(got.Body, one) != want {
			t.Errorf("%s: %d, a count of one: %v", who, got.Status, !want)
		}
	}
}

// An invoice is of one day, its seller's, in the list as on the paper.
func TestInvoicesAreOfTheirSellersDay(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	sold := a.Sell(w)
	for _, sql := range []string{`ALTER TABLE invoices DISABLE TRIGGER USER`, `UPDATE invoices SET issued_at = '2025-09-30 22:30Z'`} {
		if _, err := a.Pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	b := a.SignIn(handlertest.Owner)
	says(t, "the list", b.Get("/org/invoices"), http.StatusOK, "data-local>1 Oct 2025</time>")
	says(t, "the paper", b.Get("/org/invoices/"+sold.Invoice.String()), http.StatusOK, "1 October 2025")
}
