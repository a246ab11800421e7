package webtest

import (
	"strings"
	"time"

	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/web/layout"
	"volary.dev/web/org"
	"volary.dev/web/provider"
	"volary.dev/web/sales"
	"volary.dev/web/ui"
)

func salesSamples() []Sample {
	waiting, approved, rejected := saleOrder(sales.Seller, "waiting"), saleOrder(sales.Buyer, "approved"), saleOrder(sales.Buyer, "rejected")
	own := saleOrder(sales.Seller, "waiting")
	own.OwnPrice = true
	own.Form = ui.Form{Refusal: &refusal.Error{Code: "own_price", Title: "You set the price of 0.045 EUR that order 12 is at, and nobody approves an order at a price of their own.", Next: "Ask another admin or accountant of your provider to approve it."}}
	refusedOrder := orderForm()
	refusedOrder.Hours, refusedOrder.Quote = "2", nil
	refusedOrder.Form = ui.Form{Refusal: &refusal.Error{
		Code: "minimum", Title: "Northern Compute sells at least 50.00 compute hours by the offer standard; 2.00 were asked for.",
		Next: "Order 50.00 compute hours or more.", Fields: map[string]string{"hours": "Northern Compute sells at least 50.00 compute hours by the offer standard; 2.00 were asked for."},
	}}
	return []Sample{
		{"orders", sales.OrderList(orderList(sales.Buyer))},
		{"orders-empty", sales.OrderList(sales.OrderListProps{Layout: orgLayout(), Side: sales.Buyer})},
		{"order-new", sales.OrderNew(orderForm())},
		{"order-new-refused", sales.OrderNew(refusedOrder)},
		{"order-new-empty", sales.OrderNew(sales.OrderNewProps{Layout: orgLayout()})},
		{"order-quote", sales.OrderQuote(orderQuote())},
		{"order", sales.OrderShow(approved)},
		{"order-waiting", sales.OrderShow(saleOrder(sales.Buyer, "waiting"))},
		{"order-rejected", sales.OrderShow(rejected)},
		{"invoices", sales.InvoiceList(invoiceList(sales.Buyer))},
		{"invoices-empty", sales.InvoiceList(sales.InvoiceListProps{Layout: orgLayout(), Side: sales.Buyer})},
		{"invoice", sales.InvoiceShow(invoice())},
		{"statements", sales.StatementList(statementList())},
		{"statements-refused", sales.StatementList(refusedStatement())},
		{"statements-empty", sales.StatementList(sales.StatementListProps{Layout: orgLayout()})},
		{"statement", sales.StatementShow(statement())},
		{"periods", provider.PeriodList(periodList())},
		{"periods-empty", provider.PeriodList(provider.PeriodListProps{Layout: providerLayout()})},
		{"period-open", provider.PeriodShow(period(false))},
		{"period-closed", provider.PeriodShow(period(true))},
		{"accounts", provider.Accounts(accountsForm())},
		{"taxes", provider.Taxes(taxesForm())},
		{"taxes-empty", provider.Taxes(provider.TaxesProps{Layout: providerLayout(), May: true})},
		{"payments", sales.PaymentList(paymentList(sales.Buyer))},
		{"payments-empty", sales.PaymentList(sales.PaymentListProps{Layout: orgLayout(), Side: sales.Buyer})},
		{"provider-payments", sales.PaymentList(paymentList(sales.Seller))},
		{"provider-payments-empty", sales.PaymentList(sales.PaymentListProps{Layout: providerLayout(), Side: sales.Seller, May: true})},
		{"payment-new", sales.PaymentNew(sales.PaymentNewProps{Layout: providerLayout(), Organization: "Heliophysics", Amount: "24.00", Currency: "EUR", Zone: "Europe/Berlin", Invoice: "1", InvoiceNumber: "NOR-2026-0007", Open: euros(2_400)})},
		{"payment-repay-refused", sales.PaymentNew(sales.PaymentNewProps{
			Layout: providerLayout(), Repay: true, Organization: "Heliophysics", Amount: "9", PaidOn: "2026-11-20", Currency: "EUR", Zone: "Europe/Berlin",
			Form: refused(map[string]string{"amount": "The organization’s credit is 5.00 EUR: no more can be paid back."}),
		})},
		{"receivables", sales.ReceivableList(receivables())},
		{"receivables-empty", sales.ReceivableList(sales.ReceivableListProps{Layout: providerLayout(), May: true})},
		{"org-settings", org.Settings(org.SettingsProps{
			Layout: orgLayout(), Name: "Heliophysics", LegalName: "Institut für Sonnenphysik", Address: "Am Turm 3\n20095 Hamburg", Country: "DE", VATID: "FR12345678901", May: true,
			Countries: []ui.Option{{Value: "DE", Label: "Germany"}, {Value: "FR", Label: "France"}},
			Form:      refused(map[string]string{"vat_id": "FR12345678901 is a VAT id of France, and the address is in Germany: one of there is written as DE123456789."}),
		})},
		{"provider-orders", sales.OrderList(orderList(sales.Seller))},
		{"provider-orders-empty", sales.OrderList(sales.OrderListProps{Layout: providerLayout(), Side: sales.Seller})},
		{"provider-order", sales.OrderShow(waiting)},
		{"provider-order-refused", sales.OrderShow(own)},
		{"provider-invoices", sales.InvoiceList(invoiceList(sales.Seller))},
		{"offers", provider.OfferList(offerList())},
		{"offers-empty", provider.OfferList(provider.OfferListProps{Layout: providerLayout(), MayChange: true})},
		{"offer-new", provider.OfferNew(provider.OfferNewProps{Layout: providerLayout(), GoodDays: "365", Currency: "EUR", Pools: pools()})},
		{"offer-new-refused", provider.OfferNew(provider.OfferNewProps{
			Layout: providerLayout(), Name: "standard", LeastHours: "-3", GoodDays: "0", Price: "0.00000001", Currency: "EUR", Pools: pools(),
			Form: refused(map[string]string{"least_hours": "This is not an amount of compute hours: write a number such as 8 or 3.25.", "good_days": "The days must be between 1 and 3650.", "price": "This is not a price: at most six decimals are kept, \"0.00000001\" has 8."}),
		})},
		{"offer", provider.OfferShow(offerShow())},
		{"grants", provider.GrantList(grantList())},
		{"grants-empty", provider.GrantList(provider.GrantListProps{Layout: providerLayout()})},
		{"grant-new-refused", provider.GrantNew(provider.GrantNewProps{
			Layout: providerLayout(), Organization: "Nobody", Hours: "20", Purpose: "summer school", Until: "2026-01-01", Zone: "Europe/Berlin", Pools: pools(),
			Form: refused(map[string]string{"organization": "There is no organization of this name: write it exactly as it does.", "until": "This day has passed: choose one to come."}),
		})},
	}
}

func pools() []ui.Option { return []ui.Option{{Value: "1", Label: "Pool lab-a alone"}} }

func euros(cents int64) billing.Money { return billing.Money{Minor: cents, Currency: "EUR"} }

func price(millionths int64) billing.UnitPrice {
	return billing.UnitPrice{Millionths: millionths, Currency: "EUR"}
}

func references() sales.References {
	return sales.References{PurchaseOrder: "PO-2026-0815", CostCentre: "4711", GrantNumber: "DFG SFB 1233"}
}

func sideLayout(s sales.Side) layout.Props {
	if s == sales.Buyer {
		return orgLayout()
	}
	return providerLayout()
}

func other(s sales.Side) string {
	if s == sales.Buyer {
		return "Northern Compute"
	}
	return "Heliophysics"
}

func orderList(s sales.Side) sales.OrderListProps {
	row := func(n byte, hours int64, state string) sales.OrderRow {
		return sales.OrderRow{
			ID: id(n), Number: int64(n), Party: other(s), Offer: "Standard hours", Hours: hours * hour, Amount: euros(hours * 9 / 2),
			State: state, Created: ago(time.Duration(n) * 30 * time.Hour), References: references(),
		}
	}
	return sales.OrderListProps{
		Layout: sideLayout(s), Side: s, List: ui.ListProps{Path: "/" + string(s) + "/orders", PerPage: 50, Total: 4},
		Orders: []sales.OrderRow{row(12, 1200, "waiting"), row(9, 200, "approved"), row(7, 100_000, "rejected"), row(4, 50, "withdrawn")},
		Sums:   []sales.Sum{{Hours: 101_450 * hour, Amount: euros(456_525)}, {Hours: 10 * hour, Amount: billing.Money{Minor: 45, Currency: "USD"}}},
	}
}

func orderForm() sales.OrderNewProps {
	return sales.OrderNewProps{
		Layout: orgLayout(), Offer: "1", Hours: "1200", References: references(), Note: "For the spring campaign.",
		Offers: []ui.Option{{Value: "1", Label: "Northern Compute, Standard hours: 0.045 EUR a compute hour, from 50.00 CH on"}, {Value: "2", Label: "South Computing, Standard hours: 0.039 EUR a compute hour, from 100.00 CH on"}},
		Quote: &sales.Quote{
			Offer: "Standard hours", Provider: "Northern Compute", PriceID: "3", OfferID: "1", Hours: "1200", HoursMCS: 1200 * hour,
			Price: price(45_000), Amount: euros(5_400), Taxes: domestic(5_400), GoodDays: 365,
		},
	}
}

func seller() sales.Party {
	return sales.Party{
		Name: "Northern Compute GmbH", TaxID: "DE 123 456 789", Contact: "sales@northern.example",
		Terms: "Hours are good until the day named above.\n\nPayable within 30 days of the invoice.",
	}
}

func domestic(net int64) []billing.TaxSum {
	return billing.SumTaxes([]int64{net}, []billing.Taxing{billing.TaxOf(billing.TaxParty{Country: "DE"}, billing.TaxParty{Country: "DE"}, 1900, "")})
}

func reverse(net int64) []billing.TaxSum {
	t := billing.TaxOf(billing.TaxParty{Country: "DE"}, billing.TaxParty{Country: "FR", VATID: "FR12345678901"}, 1900, "")
	return billing.SumTaxes([]int64{net}, []billing.Taxing{t})
}

func taxesForm() provider.TaxesProps {
	return provider.TaxesProps{
		Layout: providerLayout(), Country: "Germany", May: true, Rate: "119", From: "2026-01-01",
		RateForm:   refused(map[string]string{"rate": "The rate must be between 0.01 and 99.99.", "from": "Choose today, 2026-11-21, or a day to come: papers of before were taxed by what held then."}),
		Rates:      []provider.TaxRateRow{{From: "2027-01-01", Rate: "20 %", By: "Abe Sum"}, {From: "2026-07-01", Rate: "19 %", By: "Abe Sum"}, {From: "2026-01-01", Rate: "none"}},
		Exemptions: []provider.TaxExemptionRow{{Organization: "Heliophysics", Certificate: "UZ-2026/17", From: "2026-07-01", Until: "2027-06-30"}},
	}
}

func orderQuote() sales.OrderQuoteProps {
	return sales.OrderQuoteProps{
		Layout: orgLayout(), Seller: seller(), Buyer: sales.Party{Name: "Heliophysics"}, At: now(), PriceUntil: now().AddDate(0, 1, 0), Offer: "Standard hours",
		OfferID: "1", HoursTyped: "1200", Hours: 1200 * hour, Price: price(45_000), Amount: euros(5_400), Taxes: domestic(5_400), InWords: euros(6_426).Words(), GoodDays: 365,
	}
}

func saleOrder(s sales.Side, state string) sales.OrderShowProps {
	p := sales.OrderShowProps{
		Layout: sideLayout(s), Side: s, ID: id(90), Number: 12, State: state, Party: other(s), Offer: "Standard hours", Hours: 1200 * hour,
		Price: price(45_000), PriceSetBy: "Nina Price", Amount: euros(5_400), GoodDays: 365, References: references(),
		Note: "For the spring campaign.", OrderedBy: "Ada Brandt", Created: ago(26 * time.Hour),
	}
	if s == sales.Seller {
		p.PartyPath = "/provider/organizations/1"
	}
	if state == "waiting" {
		return p
	}
	p.Decided, p.DecidedBy = ago(time.Hour), "Abe Sum"
	if state == "approved" {
		p.GoodUntil, p.Invoice, p.InvoiceID = now().AddDate(1, 0, 0), "NOR-2026-0007", id(91)
	} else {
		p.Reason = "We have no room before March."
	}
	return p
}

func invoiceList(s sales.Side) sales.InvoiceListProps {
	return sales.InvoiceListProps{
		Layout: sideLayout(s), Side: s, Month: "2026-11", List: ui.ListProps{Path: "/" + string(s) + "/invoices", PerPage: 50, Total: 2},
		Invoices: []sales.InvoiceRow{
			{ID: id(91), Number: "NOR-2026-0007", Party: other(s), Net: euros(5_400), Open: euros(2_400), Due: "2026-12-21", Issued: ago(time.Hour), Zone: time.UTC},
			{ID: id(92), Number: "NOR-2026-0003", Party: other(s), Net: euros(123_450), Due: "2026-11-10", Late: true, Open: euros(123_450), Issued: ago(900 * time.Hour), Zone: time.UTC},
		},
		Sums: []sales.Sum{{Amount: euros(128_850)}},
	}
}

func invoice() sales.InvoiceShowProps {
	return sales.InvoiceShowProps{
		Entry: 12, Head: "volary-head-1:" + strings.Repeat("4f", 32) + ":12:" + strings.Repeat("0a", 32),
		Layout: orgLayout(), Side: sales.Buyer, Number: "NOR-2026-0007", Seller: seller(), Buyer: buyer(), Issued: ago(time.Hour),
		ID: id(91), Due: "21 December 2026", Open: euros(2_400), May: true, Credit: euros(500), Settled: []sales.Settlement{{Kind: "received", PaidOn: "24 November 2026", Reference: "NOR-2026-0007, first part", Amount: euros(3_000)}},
		Net: euros(5_400), Taxes: reverse(5_400), InWords: euros(5_400).Words(),
		Lines: []sales.InvoiceLine{{
			OrderID: id(90), Order: 12, Description: "Compute hours, offer Standard hours", Hours: 1200 * hour, Price: price(45_000), Amount: euros(5_400),
			GoodUntil: now().AddDate(1, 0, 0), References: references(),
		}},
	}
}

func offerList() provider.OfferListProps {
	present, next := price(45_000), price(41_500)
	return provider.OfferListProps{
		Layout: providerLayout(), MayChange: true, List: ui.ListProps{Path: "/provider/offers", PerPage: 50, Total: 2},
		Offers: []provider.OfferRow{
			{ID: id(93), Name: "Standard hours", LeastMCS: 50 * hour, GoodDays: 365, Price: &present, Next: &next, NextFrom: now().AddDate(0, 0, 9)},
			{ID: id(94), Name: "Summer school", Pool: "lab-a", LeastMCS: hour, GoodDays: 1, Ended: ago(2000 * time.Hour)},
		},
	}
}

func offerShow() provider.OfferShowProps {
	row := func(n byte, p int64, from, until time.Time, state string, orders int) provider.PriceRow {
		return provider.PriceRow{ID: id(n), Price: price(p), From: from, Until: until, State: state, SetBy: "Nina Price", Orders: orders}
	}
	return provider.OfferShowProps{
		Layout: providerLayout(), MayChange: true, Currency: "EUR", Zone: "Europe/Berlin", Offer: offerList().Offers[0], Created: ago(3000 * time.Hour),
		List: ui.ListProps{Path: "/provider/offers/1", PerPage: 50, Total: 3}, Price: "0.04", From: "2026-11-25",
		Form: ui.Form{Refusal: &refusal.Error{
			Code: "overlap", Title: "The price would hold from 24 Nov 2026, 23:00 UTC on, and 0.0415 EUR holds from 1 Dec 2026, 15:20 UTC on already.",
			Next: "End the new price by 1 Dec 2026, 15:20 UTC, or withdraw the other one before it begins.",
		}},
		Prices: []provider.PriceRow{
			row(95, 41_500, now().AddDate(0, 0, 9), time.Time{}, "next", 0), row(96, 45_000, ago(900*time.Hour), now().AddDate(0, 0, 9), "now", 12),
			row(97, 52_000, ago(3000*time.Hour), ago(900*time.Hour), "past", 3),
		},
	}
}

func grantList() provider.GrantListProps {
	return provider.GrantListProps{
		Layout: providerLayout(), List: ui.ListProps{Path: "/provider/grants", PerPage: 50, Total: 2},
		Grants: []provider.GrantRow{
			{ID: id(98), Organization: "Heliophysics", Purpose: "Summer school 2026", Pool: "lab-a", By: "Abe Sum", Given: ago(700 * time.Hour), Expires: now().AddDate(0, 1, 0), Hours: 200 * hour, Held: 12 * hour, Used: 88 * hour, Left: 100 * hour},
			{ID: id(99), Organization: "Tidal Genomics", Note: "to try Volary", Given: ago(2000 * time.Hour), Hours: 100 * hour, Left: 100 * hour},
		},
		Sum: provider.GrantRow{Hours: 300 * hour, Used: 88 * hour, Left: 200 * hour},
	}
}

func buyer() sales.Party {
	return sales.Party{Name: "Institut für Sonnenphysik", Address: "Am Turm 3\n20095 Hamburg", Country: "Germany", VATID: "DE123456789"}
}

func paymentList(s sales.Side) sales.PaymentListProps {
	p := sales.PaymentListProps{
		Layout: sideLayout(s), Side: s, List: ui.ListProps{Path: "/" + string(s) + "/payments", PerPage: 50, Total: 3}, May: s == sales.Seller, Sums: []sales.Sum{{Amount: euros(3_300)}},
		Payments: []sales.PaymentRow{
			{ID: id(91), Kind: "received", Party: other(s), Amount: euros(3_500), Allocated: euros(3_000), PaidOn: "2026-11-20", Reference: "NOR-2026-0007", By: "Abe Sum", Recorded: ago(time.Hour)},
			{ID: id(92), Kind: "credit", Party: other(s), Amount: euros(300), Allocated: euros(300), PaidOn: "2026-11-20", Recorded: ago(2 * time.Hour)},
			{ID: id(93), Kind: "repaid", Party: other(s), Amount: euros(200), Allocated: euros(0), PaidOn: "2026-11-19", Reference: "back", By: "Abe Sum", Recorded: ago(3 * time.Hour)},
		},
	}
	if s == sales.Buyer {
		p.Credits = []sales.CreditRow{{Provider: "Northern Compute", Amount: euros(500)}}
	}
	return p
}

func receivables() sales.ReceivableListProps {
	none := euros(0)
	row := sales.ReceivableRow{
		Organization: "Heliophysics", OrganizationID: id(1), Invoices: 2, NotDue: euros(2_400), Days30: euros(123_450), Days60: none, Days90: none, Older: none, Undated: none,
		Open: euros(125_850), CreditLeft: euros(500),
	}
	return sales.ReceivableListProps{
		Layout: providerLayout(), May: true, List: ui.ListProps{Path: "/provider/receivables", PerPage: 50, Total: 1}, Rows: []sales.ReceivableRow{row}, Sums: []sales.ReceivableRow{row},
	}
}
