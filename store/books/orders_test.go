package books_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// NewShop makes a Shop.

// Request asks for hours by the present price.

// Order places an order of Ada's.

// Count reads a number.

// Verified fails where the ledger does not add up.

func TestFromOrderToWallet(t *testing.T) {
	s := storetest.NewShop(t)
	ctx := t.Context()
	id := s.Order(200 * billing.ComputeHour)
	o := storetest.Must[books.Order](t)(s.DB.Books.OrderOfOrganization(ctx, s.Organization, id))
	if o.State != books.OrderWaiting || o.Amount.String() != "9.00 EUR" || o.PurchaseOrder != "PO-1" || o.OrderedByName != "Ada" || o.PriceSetByName != "sid" {
		t.Fatalf("%+v", o)
	}
	if n := storetest.Must[overview.FrameFacts](t)(s.DB.Overview.FrameFacts(ctx, overview.FrameNeeds{Orders: s.Provider})).Orders; n != 1 {
		t.Errorf("%d wait", n)
	}
	if err := s.DB.Books.ApproveOrder(ctx, s.Abe, s.Provider, id); err != nil {
		t.Fatal(err)
	}
	o = storetest.Must[books.Order](t)(s.DB.Books.OrderOfProvider(ctx, s.Provider, id))
	year := o.DecidedAt.In(storetest.Must[*time.Location](t)(time.LoadLocation("Europe/Berlin"))).Format("2006")
	if o.State != books.OrderApproved || o.InvoiceNumber != "NOR-"+year+"-0001" || o.GoodUntil.Sub(*o.DecidedAt) != 365*24*time.Hour {
		t.Errorf("%+v", o)
	}
	cards := storetest.Must[[]books.WalletCard](t)(s.DB.Books.Wallet(ctx, s.Organization))
	if cards[0].Left != 300*billing.ComputeHour {
		t.Errorf("left %s", cards[0].Left)
	}
	i := storetest.Must[books.Invoice](t)(s.DB.Books.InvoiceOfOrganization(ctx, s.Organization, *o.InvoiceID))
	if i.Seller != "North Computing GmbH" || i.Buyer != "Astro" || i.Net.String() != "9.00 EUR" || len(i.Lines) != 1 || i.Lines[0].CostCentre != "4711" {
		t.Errorf("%+v", i)
	}
	if n := s.Count(`SELECT count(*) FROM audit WHERE verb IN ('order hours', 'approve order') AND organization_id = $1 AND provider_id = $2`, s.Organization, s.Provider); n != 2 {
		t.Errorf("%d audit rows", n)
	}
	storetest.MailNotices(t, s.Pool)
	if n := s.Count(`SELECT count(*) FROM mails WHERE kind IN ('order_waiting', 'order_decided')`); n != 3 {
		t.Errorf("%d mails", n)
	}
	s.Verified()
	refuses(t, s.DB.Books.ApproveOrder(ctx, s.Abe, s.Provider, id), "conflict", "", "was approved on")
	refuses(t, s.DB.Books.RejectOrder(ctx, s.Abe, s.Provider, id, "late"), "conflict", "", "was approved on")
	refuses(t, s.DB.Books.WithdrawOrder(ctx, s.Person, s.Organization, id), "conflict", "", "was approved on")
}

func TestPlaceOrderRefuses(t *testing.T) {
	s := storetest.NewShop(t)
	ctx := t.Context()
	good := s.Request(10 * billing.ComputeHour)
	place := func(change func(*books.OrderRequest)) error {
		r := good
		change(&r)
		_, err := s.DB.Books.PlaceOrder(ctx, s.Organization, s.Person, r)
		return err
	}
	for _, h := range []billing.Hours{0, -1, billing.MaxHours + 1} {
		refuses(t, place(func(r *books.OrderRequest) { r.Hours = h }), "invalid", "hours", "")
	}
	refuses(t, place(func(r *books.OrderRequest) { r.CostCentre = strings.Repeat("x", 81) }), "invalid", "cost_centre", "81")
	refuses(t, place(func(r *books.OrderRequest) { r.Note = strings.Repeat("x", 501) }), "invalid", "note", "501")
	refuses(t, place(func(r *books.OrderRequest) { r.OfferID = uuid.New() }), "not_found", "", "")
	refuses(t, place(func(r *books.OrderRequest) { r.Hours-- }), "minimum", "hours", "at least 10.00 compute hours by the offer standard; 9.99")
	storetest.Must[uuid.UUID](t)(s.DB.Books.SetPrice(ctx, s.Sid, s.Provider, s.Offer, books.NewPrice{Millionths: 50_000}))
	refuses(t, place(func(*books.OrderRequest) {}), "stale_form", "", "was 0.045 EUR when the form was shown, and is 0.05 EUR")
	good = s.Request(10 * billing.ComputeHour)
	s.Exec(t, `UPDATE organizations SET suspended_at = now(), suspended_reason = 'unpaid' WHERE id = $1`, s.Organization)
	refuses(t, place(func(*books.OrderRequest) {}), "suspended", "", "unpaid")
	s.Exec(t, `UPDATE organizations SET suspended_at = NULL, suspended_reason = '' WHERE id = $1`, s.Organization)
	s.Exec(t, `UPDATE providers SET state = 'suspended' WHERE id = $1`, s.Provider)
	refuses(t, place(func(*books.OrderRequest) {}), "provider_inactive", "", "suspended")
	s.Exec(t, `UPDATE providers SET state = 'active' WHERE id = $1`, s.Provider)
	if err := s.DB.Books.EndOffer(ctx, s.Sid, s.Provider, s.Offer); err != nil {
		t.Fatal(err)
	}
	refuses(t, place(func(*books.OrderRequest) {}), "offer_ended", "", "ended the offer standard on")
	bare := storetest.Must[uuid.UUID](t)(s.DB.Books.CreateOffer(ctx, s.Sid, s.Provider, storetest.NewOffer("bare", 0)))
	refuses(t, place(func(r *books.OrderRequest) { r.OfferID = bare }), "no_price", "", "has no price now")
	if n := s.Count(`SELECT count(*) FROM orders`); n != 0 {
		t.Errorf("%d orders after refusals", n)
	}
}

// Nobody buries a provider's staff in orders that each of them has to look at.
func TestOrdersThatWaitAreBounded(t *testing.T) {
	s := storetest.NewShop(t)
	ctx := t.Context()
	var last uuid.UUID
	for range 20 {
		last = s.Order(10 * billing.ComputeHour)
	}
	_, err := s.DB.Books.PlaceOrder(ctx, s.Organization, s.Person, s.Request(10*billing.ComputeHour))
	refuses(t, err, "orders", "", "20 orders of your organization wait at")
	storetest.NoError(t, s.DB.Books.WithdrawOrder(ctx, s.Person, s.Organization, last))
	s.Order(10 * billing.ComputeHour)
}

func TestApproveOrderRefuses(t *testing.T) {
	s := storetest.NewShop(t)
	ctx := t.Context()
	id := s.Order(10 * billing.ComputeHour)
	elsewhere := storetest.Must[uuid.UUID](t)(s.DB.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "South", Currency: "USD", AccountingZone: "UTC"}))
	refuses(t, s.DB.Books.ApproveOrder(ctx, s.Sid, s.Provider, id), "own_price", "", "You set the price of 0.045 EUR")
	refuses(t, s.DB.Books.ApproveOrder(ctx, s.Person, s.Provider, id), "own_order", "", "You placed order 1 yourself")
	refuses(t, s.DB.Books.ApproveOrder(ctx, s.Abe, elsewhere, id), "not_found", "", "")
	refuses(t, s.DB.Books.RejectOrder(ctx, s.Abe, elsewhere, id, "no"), "not_found", "", "")
	refuses(t, s.DB.Books.WithdrawOrder(ctx, s.Person, s.Other, id), "not_found", "", "")
	_, err := s.DB.Books.OrderOfOrganization(ctx, s.Other, id)
	refuses(t, err, "not_found", "", "")
	_, err = s.DB.Books.OrderOfProvider(ctx, elsewhere, id)
	refuses(t, err, "not_found", "", "")
	refuses(t, s.DB.Books.RejectOrder(ctx, s.Abe, s.Provider, id, "  "), "invalid", "reason", "")
	refuses(t, s.DB.Books.RejectOrder(ctx, s.Abe, s.Provider, id, strings.Repeat("x", 501)), "invalid", "reason", "501")
	s.Exec(t, `UPDATE providers SET invoice_prefix = NULL WHERE id = $1`, s.Provider)
	refuses(t, s.DB.Books.ApproveOrder(ctx, s.Abe, s.Provider, id), "no_prefix", "", "Settings")
	if n := s.Count(`SELECT count(*) FROM lots WHERE order_id IS NOT NULL`) + s.Count(`SELECT count(*) FROM invoice_numbers`); n != 0 {
		t.Errorf("%d lots and numbers after refusals", n)
	}
	if err := s.DB.Books.RejectOrder(ctx, s.Abe, s.Provider, id, "no room this year"); err != nil {
		t.Fatal(err)
	}
	o := storetest.Must[books.Order](t)(s.DB.Books.OrderOfOrganization(ctx, s.Organization, id))
	if o.State != books.OrderRejected || o.Reason != "no room this year" || o.DecidedByName != "abe" {
		t.Errorf("%+v", o)
	}
}

func TestTwoApprovalsAtOnceMakeOneLot(t *testing.T) {
	s := storetest.NewShop(t)
	id := s.Order(10 * billing.ComputeHour)
	at, errs := sync.WaitGroup{}, make([]error, 6)
	for i := range errs {
		at.Go(func() { errs[i] = s.DB.Books.ApproveOrder(t.Context(), s.Abe, s.Provider, id) })
	}
	at.Wait()
	approved := 0
	for _, err := range errs {
		if err == nil {
			approved++
			continue
		}
		refuses(t, err, "conflict", "", "was approved on")
	}
	if n := s.Count(`SELECT count(*) FROM lots WHERE order_id = $1`, id); approved != 1 || n != 1 {
		t.Errorf("%d approvals, %d lots", approved, n)
	}
	s.Verified()
}

func TestApprovalAndWithdrawalAtOnce(t *testing.T) {
	s := storetest.NewShop(t)
	for range 8 {
		id := s.Order(10 * billing.ComputeHour)
		var approve, withdraw error
		var at sync.WaitGroup
		at.Go(func() { approve = s.DB.Books.ApproveOrder(t.Context(), s.Abe, s.Provider, id) })
		at.Go(func() { withdraw = s.DB.Books.WithdrawOrder(t.Context(), s.Person, s.Organization, id) })
		at.Wait()
		if (approve == nil) == (withdraw == nil) {
			t.Fatalf("approved: %v, withdrawn: %v", approve, withdraw)
		}
		if n := s.Count(`SELECT count(*) FROM lots WHERE order_id = $1`, id); (n == 1) != (approve == nil) {
			t.Errorf("%d lots, approved: %v", n, approve)
		}
	}
	s.Verified()
}

// TestApprovalsAndLaunchesAtOnce also proves that invoices of one provider have no gap and no number twice.
func TestApprovalsAndLaunchesAtOnce(t *testing.T) {
	s := storetest.NewShop(t)
	var ids []uuid.UUID
	for range 6 {
		ids = append(ids, s.Order(10*billing.ComputeHour))
	}
	var at sync.WaitGroup
	errs := make([]error, 2*len(ids))
	for i, id := range ids {
		at.Go(func() { errs[i] = s.DB.Books.ApproveOrder(t.Context(), s.Abe, s.Provider, id) })
		at.Go(func() {
			_, errs[len(ids)+i] = s.DB.Machines.LaunchCluster(t.Context(), s.Organization, s.Person, machines.LaunchRequest{
				VersionID: s.Version, PoolID: s.PoolID, Name: "trial-" + string(rune('a'+i)), Counts: machines.Counts{"compute": 1}, LeaseSeconds: 3600,
			})
		})
	}
	at.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if n := s.Count(`SELECT count(*) FROM invoices`); n != len(ids) || s.Count(`SELECT max(serial) FROM invoices`) != n {
		t.Errorf("%d invoices, the last is %d", n, s.Count(`SELECT max(serial) FROM invoices`))
	}
	cards := storetest.Must[[]books.WalletCard](t)(s.DB.Books.Wallet(t.Context(), s.Organization))
	if want := (100 + 60 - 12) * billing.ComputeHour; cards[0].Left != want {
		t.Errorf("left %s, want %s", cards[0].Left, want)
	}
	s.Verified()
}

func TestWhatWasAgreedStays(t *testing.T) {
	s := storetest.NewShop(t)
	id := s.Order(10 * billing.ComputeHour)
	if err := s.DB.Books.ApproveOrder(t.Context(), s.Abe, s.Provider, id); err != nil {
		t.Fatal(err)
	}
	waiting := s.Order(20 * billing.ComputeHour)
	for _, sql := range []string{
		`UPDATE orders SET amount = 0`, `DELETE FROM orders`, `UPDATE orders SET state = 'waiting', lot_id = NULL, good_until = NULL, decided_at = NULL`,
		`UPDATE orders SET hours = hours * 2 WHERE id = '` + waiting.String() + `'`,
		`UPDATE invoices SET net = 0`, `DELETE FROM invoice_lines`, `UPDATE lots SET amount = 0 WHERE amount IS NOT NULL`,
		`UPDATE lots SET pool_id = NULL, purpose = 'x'`,
	} {
		if _, err := s.Pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: accepted", sql)
		}
	}
}

func TestOrdersAndInvoicesSortFilterAndSum(t *testing.T) {
	s := storetest.NewShop(t)
	ctx := t.Context()
	small, large := s.Order(10*billing.ComputeHour), s.Order(1000*billing.ComputeHour)
	for _, id := range []uuid.UUID{small, large} {
		if err := s.DB.Books.ApproveOrder(ctx, s.Abe, s.Provider, id); err != nil {
			t.Fatal(err)
		}
	}
	waiting := s.Order(20 * billing.ComputeHour)
	list, total, sums, err := s.DB.Books.OrdersOfProvider(ctx, s.Provider, books.OrderFilter{})
	if err != nil || total != 3 || list[0].ID != waiting || len(sums) != 1 || sums[0].Amount.String() != "46.35 EUR" || sums[0].Hours != 1030*billing.ComputeHour {
		t.Errorf("%d of %d, %+v, %v", len(list), total, sums, err)
	}
	list, total, _, err = s.DB.Books.OrdersOfOrganization(ctx, s.Organization, books.OrderFilter{
		State: books.OrderApproved, Sort: store.Sorting{By: "amount", Desc: true}, Page: store.Page{Limit: 1}, Text: "po-1",
	})
	if err != nil || total != 2 || len(list) != 1 || list[0].ID != large {
		t.Errorf("%+v, %d, %v", list, total, err)
	}
	for name, f := range map[string]books.OrderFilter{
		"party": {Party: uuid.New()}, "text": {Text: "100%"}, "since": {Days: store.Days{Since: typed.DayOf(time.Now().AddDate(0, 0, 2), time.UTC)}},
		"until": {Days: store.Days{Until: typed.DayOf(time.Now().AddDate(0, 0, -2), time.UTC)}},
	} {
		if list, total, sums, err := s.DB.Books.OrdersOfOrganization(ctx, s.Organization, f); err != nil || total != 0 || len(list)+len(sums) != 0 {
			t.Errorf("%s: %v, %d, %v", name, list, total, err)
		}
	}
	if list, total, _, err := s.DB.Books.OrdersOfOrganization(ctx, s.Organization, books.OrderFilter{Page: store.Page{Offset: 50}}); err != nil || len(list) != 0 || total != 3 {
		t.Errorf("behind the end: %v, %d, %v", list, total, err)
	}
	invoices, total, sums, err := s.DB.Books.InvoicesOfProvider(ctx, s.Provider, books.InvoiceFilter{Sort: store.Sorting{By: "net"}})
	if err != nil || total != 2 || invoices[0].Net.String() != "0.45 EUR" || sums[0].Amount.String() != "45.45 EUR" {
		t.Errorf("%+v, %d, %+v, %v", invoices, total, sums, err)
	}
	if list, _, _, err := s.DB.Books.InvoicesOfOrganization(ctx, s.Other, books.InvoiceFilter{}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	_, err = s.DB.Books.InvoiceOfOrganization(ctx, s.Other, invoices[0].ID)
	refuses(t, err, "not_found", "", "")
	_, err = s.DB.Books.InvoiceOfProvider(ctx, s.Other, invoices[0].ID)
	refuses(t, err, "not_found", "", "")

	var b, sum bytes.Buffer
	month := storetest.Must[billing.Month](t)(s.DB.Books.CurrentMonth(ctx, s.Provider, time.Now()))
	if err := s.DB.Books.ExportInvoices(ctx, s.Provider, month, billing.NewCSV(&b, billing.InvoiceLines)); err != nil {
		t.Fatal(err)
	}
	if err := s.DB.Books.ExportInvoices(ctx, s.Provider, month, billing.NewCSV(&sum, billing.InvoiceTotals)); err != nil {
		t.Fatal(err)
	}
	totals := storetest.Must[[][]string](t)(csv.NewReader(&sum).ReadAll())
	rows := storetest.Must[[][]string](t)(csv.NewReader(&b).ReadAll())
	if len(rows) != 3 || rows[1][9] != "0.45" || rows[1][12] != "4711" || len(totals) != 2 || totals[1][2] != "2" || totals[1][5] != "45.45" {
		t.Errorf("%v\n%v", rows, totals)
	}
}

func TestQuoteOrderChangesNothing(t *testing.T) {
	s := storetest.NewShop(t)
	q := storetest.Must[books.OrderQuote](t)(s.DB.Books.QuoteOrder(t.Context(), s.Organization, s.Offer, 200*billing.ComputeHour))
	if q.Refusal != nil || q.Amount.String() != "9.00 EUR" || q.Seller.Name != "North Computing GmbH" || q.Organization != "Astro" {
		t.Errorf("%+v", q)
	}
	q = storetest.Must[books.OrderQuote](t)(s.DB.Books.QuoteOrder(t.Context(), s.Organization, s.Offer, billing.ComputeHour))
	if q.Refusal == nil || q.Refusal.Code != "minimum" {
		t.Errorf("%+v", q.Refusal)
	}
	if n := s.Count(`SELECT count(*) FROM orders`); n != 0 {
		t.Errorf("%d orders after quotes", n)
	}
	_, err := s.DB.Books.QuoteOrder(t.Context(), s.Organization, uuid.New(), billing.ComputeHour)
	if r, ok := refusal.As(err); !ok || r.Code != "not_found" {
		t.Errorf("%v", err)
	}
}

// What was refused or taken back is in no sum but its own.
func TestSumsOfOrdersLeaveOutWhatWasRefused(t *testing.T) {
	s := storetest.NewShop(t)
	ctx := t.Context()
	s.Order(10 * billing.ComputeHour)
	refused, withdrawn, approved := s.Order(20*billing.ComputeHour), s.Order(40*billing.ComputeHour), s.Order(80*billing.ComputeHour)
	storetest.NoError(t, s.DB.Books.RejectOrder(ctx, s.Abe, s.Provider, refused, "no room"))
	storetest.NoError(t, s.DB.Books.WithdrawOrder(ctx, s.Person, s.Organization, withdrawn))
	storetest.NoError(t, s.DB.Books.ApproveOrder(ctx, s.Abe, s.Provider, approved))
	for state, want := range map[books.OrderState]struct{ orders, hours int }{"": {4, 90}, books.OrderRejected: {1, 20}, books.OrderApproved: {1, 80}} {
		_, n, sums, err := s.DB.Books.OrdersOfProvider(ctx, s.Provider, books.OrderFilter{State: state})
		if err != nil || n != want.orders || len(sums) != 1 || sums[0].Hours != billing.Hours(want.hours)*billing.ComputeHour {
			t.Errorf("%q: %d orders, sums %+v, %v", state, n, sums, err)
		}
	}
}
