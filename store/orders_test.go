package store_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// shop is a World whose provider sells: Ada orders, Abe decides, Sid sets prices.
type shop struct {
	*storetest.World
	t        *testing.T
	abe, sid uuid.UUID
	offer    uuid.UUID
	other    uuid.UUID // an organization that has nothing
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{World: storetest.NewWorld(t), t: t}
	ctx := t.Context()
	for _, p := range []struct {
		name string
		id   *uuid.UUID
	}{{"abe", &s.abe}, {"sid", &s.sid}} {
		*p.id = must[uuid.UUID](t)(s.DB.CreatePerson(ctx, uuid.Nil, store.NewPerson{Email: p.name + "@north.example", Name: p.name, Password: storetest.Password}))
		if err := s.DB.AddStaff(ctx, uuid.Nil, s.Provider, *p.id, store.StaffAccountant); err != nil {
			t.Fatal(err)
		}
	}
	s.Exec(t, `UPDATE providers SET invoice_prefix = 'NOR', legal_name = 'North Computing GmbH', tax_id = 'DE1' WHERE id = $1`, s.Provider)
	s.offer = must[uuid.UUID](t)(s.DB.CreateOffer(ctx, s.sid, s.Provider, newOffer("standard", 45_000)))
	s.other = must[uuid.UUID](t)(s.DB.CreateOrganization(ctx, uuid.Nil, "Biology"))
	return s
}

func (s *shop) request(hours billing.Hours) store.OrderRequest {
	s.t.Helper()
	o := must[store.Offer](s.t)(s.DB.Offer(s.t.Context(), s.Provider, s.offer))
	return store.OrderRequest{
		OfferID: s.offer, PriceID: o.Current.ID, Hours: hours, Note: "for the spring runs",
		References: store.References{PurchaseOrder: "PO-1", CostCentre: "4711", GrantNumber: "G-9"},
	}
}

func (s *shop) order(hours billing.Hours) uuid.UUID {
	s.t.Helper()
	return must[uuid.UUID](s.t)(s.DB.PlaceOrder(s.t.Context(), s.Organization, s.Person, s.request(hours)))
}

func (s *shop) count(sql string, args ...any) (n int) {
	s.t.Helper()
	if err := s.Pool.QueryRow(s.t.Context(), sql, args...).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *shop) verified() {
	s.t.Helper()
	r, err := s.DB.VerifyLedger(s.t.Context())
	if err != nil || r.Difference != nil {
		s.t.Errorf("%v, %v", r.Difference, err)
	}
}

func TestFromOrderToWallet(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	id := s.order(200 * billing.ComputeHour)
	o := must[store.Order](t)(s.DB.OrderOfOrganization(ctx, s.Organization, id))
	if o.State != store.OrderWaiting || o.Amount.String() != "9.00 EUR" || o.PurchaseOrder != "PO-1" || o.OrderedByName != "Ada" || o.PriceSetByName != "sid" {
		t.Fatalf("%+v", o)
	}
	if n := must[store.FrameFacts](t)(s.DB.FrameFacts(ctx, store.FrameNeeds{Orders: s.Provider})).Orders; n != 1 {
		t.Errorf("%d wait", n)
	}
	if err := s.DB.ApproveOrder(ctx, s.abe, s.Provider, id); err != nil {
		t.Fatal(err)
	}
	o = must[store.Order](t)(s.DB.OrderOfProvider(ctx, s.Provider, id))
	year := o.DecidedAt.In(must[*time.Location](t)(time.LoadLocation("Europe/Berlin"))).Format("2006")
	if o.State != store.OrderApproved || o.InvoiceNumber != "NOR-"+year+"-0001" || o.GoodUntil.Sub(*o.DecidedAt) != 365*24*time.Hour {
		t.Errorf("%+v", o)
	}
	cards := must[[]store.WalletCard](t)(s.DB.Wallet(ctx, s.Organization))
	if cards[0].Left != 300*billing.ComputeHour {
		t.Errorf("left %s", cards[0].Left)
	}
	i := must[store.Invoice](t)(s.DB.InvoiceOfOrganization(ctx, s.Organization, *o.InvoiceID))
	if i.Seller != "North Computing GmbH" || i.Buyer != "Astro" || i.Net.String() != "9.00 EUR" || len(i.Lines) != 1 || i.Lines[0].CostCentre != "4711" {
		t.Errorf("%+v", i)
	}
	if n := s.count(`SELECT count(*) FROM audit WHERE verb IN ('order hours', 'approve order') AND organization_id = $1 AND provider_id = $2`, s.Organization, s.Provider); n != 2 {
		t.Errorf("%d audit rows", n)
	}
	if n := s.count(`SELECT count(*) FROM mails WHERE kind IN ('order_waiting', 'order_decided')`); n != 3 {
		t.Errorf("%d mails", n)
	}
	s.verified()
	refuses(t, s.DB.ApproveOrder(ctx, s.abe, s.Provider, id), "conflict", "", "was approved on")
	refuses(t, s.DB.RejectOrder(ctx, s.abe, s.Provider, id, "late"), "conflict", "", "was approved on")
	refuses(t, s.DB.WithdrawOrder(ctx, s.Person, s.Organization, id), "conflict", "", "was approved on")
}

func TestPlaceOrderRefuses(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	good := s.request(10 * billing.ComputeHour)
	place := func(change func(*store.OrderRequest)) error {
		r := good
		change(&r)
		_, err := s.DB.PlaceOrder(ctx, s.Organization, s.Person, r)
		return err
	}
	for _, h := range []billing.Hours{0, -1, billing.MaxHours + 1} {
		refuses(t, place(func(r *store.OrderRequest) { r.Hours = h }), "invalid", "hours", "")
	}
	refuses(t, place(func(r *store.OrderRequest) { r.CostCentre = strings.Repeat("x", 81) }), "invalid", "cost_centre", "81")
	refuses(t, place(func(r *store.OrderRequest) { r.Note = strings.Repeat("x", 501) }), "invalid", "note", "501")
	refuses(t, place(func(r *store.OrderRequest) { r.OfferID = uuid.New() }), "not_found", "", "")
	refuses(t, place(func(r *store.OrderRequest) { r.Hours-- }), "minimum", "hours", "at least 10.00 compute hours by the offer standard; 9.99")
	must[uuid.UUID](t)(s.DB.SetPrice(ctx, s.sid, s.Provider, s.offer, store.NewPrice{Millionths: 50_000}))
	refuses(t, place(func(*store.OrderRequest) {}), "stale_form", "", "was 0.045 EUR when the form was shown, and is 0.05 EUR")
	good = s.request(10 * billing.ComputeHour)
	s.Exec(t, `UPDATE organizations SET suspended_at = now(), suspended_reason = 'unpaid' WHERE id = $1`, s.Organization)
	refuses(t, place(func(*store.OrderRequest) {}), "suspended", "", "unpaid")
	s.Exec(t, `UPDATE organizations SET suspended_at = NULL, suspended_reason = '' WHERE id = $1`, s.Organization)
	s.Exec(t, `UPDATE providers SET state = 'suspended' WHERE id = $1`, s.Provider)
	refuses(t, place(func(*store.OrderRequest) {}), "provider_inactive", "", "suspended")
	s.Exec(t, `UPDATE providers SET state = 'active' WHERE id = $1`, s.Provider)
	if err := s.DB.EndOffer(ctx, s.sid, s.Provider, s.offer); err != nil {
		t.Fatal(err)
	}
	refuses(t, place(func(*store.OrderRequest) {}), "offer_ended", "", "ended the offer standard on")
	bare := must[uuid.UUID](t)(s.DB.CreateOffer(ctx, s.sid, s.Provider, newOffer("bare", 0)))
	refuses(t, place(func(r *store.OrderRequest) { r.OfferID = bare }), "no_price", "", "has no price now")
	if n := s.count(`SELECT count(*) FROM orders`); n != 0 {
		t.Errorf("%d orders after refusals", n)
	}
}

func TestApproveOrderRefuses(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	id := s.order(10 * billing.ComputeHour)
	elsewhere := must[uuid.UUID](t)(s.DB.CreateProvider(ctx, uuid.Nil, store.NewProvider{Name: "South", Currency: "USD", AccountingZone: "UTC"}))
	refuses(t, s.DB.ApproveOrder(ctx, s.sid, s.Provider, id), "own_price", "", "You set the price of 0.045 EUR")
	refuses(t, s.DB.ApproveOrder(ctx, s.Person, s.Provider, id), "own_order", "", "You placed order 1 yourself")
	refuses(t, s.DB.ApproveOrder(ctx, s.abe, elsewhere, id), "not_found", "", "")
	refuses(t, s.DB.RejectOrder(ctx, s.abe, elsewhere, id, "no"), "not_found", "", "")
	refuses(t, s.DB.WithdrawOrder(ctx, s.Person, s.other, id), "not_found", "", "")
	_, err := s.DB.OrderOfOrganization(ctx, s.other, id)
	refuses(t, err, "not_found", "", "")
	_, err = s.DB.OrderOfProvider(ctx, elsewhere, id)
	refuses(t, err, "not_found", "", "")
	refuses(t, s.DB.RejectOrder(ctx, s.abe, s.Provider, id, "  "), "invalid", "reason", "")
	refuses(t, s.DB.RejectOrder(ctx, s.abe, s.Provider, id, strings.Repeat("x", 501)), "invalid", "reason", "501")
	s.Exec(t, `UPDATE providers SET invoice_prefix = NULL WHERE id = $1`, s.Provider)
	refuses(t, s.DB.ApproveOrder(ctx, s.abe, s.Provider, id), "no_prefix", "", "Settings")
	if n := s.count(`SELECT count(*) FROM lots WHERE order_id IS NOT NULL`) + s.count(`SELECT count(*) FROM invoice_numbers`); n != 0 {
		t.Errorf("%d lots and numbers after refusals", n)
	}
	if err := s.DB.RejectOrder(ctx, s.abe, s.Provider, id, "no room this year"); err != nil {
		t.Fatal(err)
	}
	o := must[store.Order](t)(s.DB.OrderOfOrganization(ctx, s.Organization, id))
	if o.State != store.OrderRejected || o.Reason != "no room this year" || o.DecidedByName != "abe" {
		t.Errorf("%+v", o)
	}
}

func TestTwoApprovalsAtOnceMakeOneLot(t *testing.T) {
	s := newShop(t)
	id := s.order(10 * billing.ComputeHour)
	at, errs := sync.WaitGroup{}, make([]error, 6)
	for i := range errs {
		at.Go(func() { errs[i] = s.DB.ApproveOrder(t.Context(), s.abe, s.Provider, id) })
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
	if n := s.count(`SELECT count(*) FROM lots WHERE order_id = $1`, id); approved != 1 || n != 1 {
		t.Errorf("%d approvals, %d lots", approved, n)
	}
	s.verified()
}

func TestApprovalAndWithdrawalAtOnce(t *testing.T) {
	s := newShop(t)
	for range 8 {
		id := s.order(10 * billing.ComputeHour)
		var approve, withdraw error
		var at sync.WaitGroup
		at.Go(func() { approve = s.DB.ApproveOrder(t.Context(), s.abe, s.Provider, id) })
		at.Go(func() { withdraw = s.DB.WithdrawOrder(t.Context(), s.Person, s.Organization, id) })
		at.Wait()
		if (approve == nil) == (withdraw == nil) {
			t.Fatalf("approved: %v, withdrawn: %v", approve, withdraw)
		}
		if n := s.count(`SELECT count(*) FROM lots WHERE order_id = $1`, id); (n == 1) != (approve == nil) {
			t.Errorf("%d lots, approved: %v", n, approve)
		}
	}
	s.verified()
}

// TestApprovalsAndLaunchesAtOnce also proves that invoices of one provider have no gap and no number twice.
func TestApprovalsAndLaunchesAtOnce(t *testing.T) {
	s := newShop(t)
	var ids []uuid.UUID
	for range 6 {
		ids = append(ids, s.order(10*billing.ComputeHour))
	}
	var at sync.WaitGroup
	errs := make([]error, 2*len(ids))
	for i, id := range ids {
		at.Go(func() { errs[i] = s.DB.ApproveOrder(t.Context(), s.abe, s.Provider, id) })
		at.Go(func() {
			_, errs[len(ids)+i] = s.DB.LaunchCluster(t.Context(), s.Organization, s.Person, store.LaunchRequest{
				VersionID: s.Version, PoolID: s.PoolID, Name: "trial-" + string(rune('a'+i)), ComputeCount: 1, LeaseSeconds: 3600,
			})
		})
	}
	at.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if n := s.count(`SELECT count(*) FROM invoices`); n != len(ids) || s.count(`SELECT max(serial) FROM invoices`) != n {
		t.Errorf("%d invoices, the last is %d", n, s.count(`SELECT max(serial) FROM invoices`))
	}
	cards := must[[]store.WalletCard](t)(s.DB.Wallet(t.Context(), s.Organization))
	if want := (100 + 60 - 12) * billing.ComputeHour; cards[0].Left != want {
		t.Errorf("left %s, want %s", cards[0].Left, want)
	}
	s.verified()
}

func TestWhatWasAgreedStays(t *testing.T) {
	s := newShop(t)
	id := s.order(10 * billing.ComputeHour)
	if err := s.DB.ApproveOrder(t.Context(), s.abe, s.Provider, id); err != nil {
		t.Fatal(err)
	}
	waiting := s.order(20 * billing.ComputeHour)
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
	s := newShop(t)
	ctx := t.Context()
	small, large := s.order(10*billing.ComputeHour), s.order(1000*billing.ComputeHour)
	for _, id := range []uuid.UUID{small, large} {
		if err := s.DB.ApproveOrder(ctx, s.abe, s.Provider, id); err != nil {
			t.Fatal(err)
		}
	}
	waiting := s.order(20 * billing.ComputeHour)
	list, total, sums, err := s.DB.OrdersOfProvider(ctx, s.Provider, store.OrderFilter{})
	if err != nil || total != 3 || list[0].ID != waiting || len(sums) != 1 || sums[0].Amount.String() != "46.35 EUR" || sums[0].Hours != 1030*billing.ComputeHour {
		t.Errorf("%d of %d, %+v, %v", len(list), total, sums, err)
	}
	list, total, _, err = s.DB.OrdersOfOrganization(ctx, s.Organization, store.OrderFilter{
		State: store.OrderApproved, Sort: store.Sorting{By: "amount", Desc: true}, Page: store.Page{Limit: 1}, Text: "po-1",
	})
	if err != nil || total != 2 || len(list) != 1 || list[0].ID != large {
		t.Errorf("%+v, %d, %v", list, total, err)
	}
	for name, f := range map[string]store.OrderFilter{
		"party": {Party: uuid.New()}, "text": {Text: "100%"}, "since": {Since: time.Now().Add(time.Hour)}, "until": {Until: time.Now().Add(-time.Hour)},
	} {
		if list, total, sums, err := s.DB.OrdersOfOrganization(ctx, s.Organization, f); err != nil || total != 0 || len(list)+len(sums) != 0 {
			t.Errorf("%s: %v, %d, %v", name, list, total, err)
		}
	}
	if list, total, _, err := s.DB.OrdersOfOrganization(ctx, s.Organization, store.OrderFilter{Page: store.Page{Offset: 50}}); err != nil || len(list) != 0 || total != 3 {
		t.Errorf("behind the end: %v, %d, %v", list, total, err)
	}
	invoices, total, sums, err := s.DB.InvoicesOfProvider(ctx, s.Provider, store.InvoiceFilter{Sort: store.Sorting{By: "net"}})
	if err != nil || total != 2 || invoices[0].Net.String() != "0.45 EUR" || sums[0].Amount.String() != "45.45 EUR" {
		t.Errorf("%+v, %d, %+v, %v", invoices, total, sums, err)
	}
	if list, _, _, err := s.DB.InvoicesOfOrganization(ctx, s.other, store.InvoiceFilter{}); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	_, err = s.DB.InvoiceOfOrganization(ctx, s.other, invoices[0].ID)
	refuses(t, err, "not_found", "", "")
	_, err = s.DB.InvoiceOfProvider(ctx, s.other, invoices[0].ID)
	refuses(t, err, "not_found", "", "")

	var b bytes.Buffer
	month := must[billing.Month](t)(s.DB.CurrentMonth(ctx, s.Provider, time.Now()))
	if err := s.DB.ExportInvoices(ctx, s.Provider, month, &b); err != nil {
		t.Fatal(err)
	}
	rows := must[[][]string](t)(csv.NewReader(&b).ReadAll())
	if len(rows) != 4 || rows[1][10] != "0.45" || rows[1][13] != "4711" || rows[3][0] != "total" || rows[3][10] != "45.45" {
		t.Errorf("%v", rows)
	}
}

func TestQuoteOrderChangesNothing(t *testing.T) {
	s := newShop(t)
	q := must[store.OrderQuote](t)(s.DB.QuoteOrder(t.Context(), s.Organization, s.offer, 200*billing.ComputeHour))
	if q.Refusal != nil || q.Amount.String() != "9.00 EUR" || q.Seller.Name != "North Computing GmbH" || q.Organization != "Astro" {
		t.Errorf("%+v", q)
	}
	q = must[store.OrderQuote](t)(s.DB.QuoteOrder(t.Context(), s.Organization, s.offer, billing.ComputeHour))
	if q.Refusal == nil || q.Refusal.Code != "minimum" {
		t.Errorf("%+v", q.Refusal)
	}
	if n := s.count(`SELECT count(*) FROM orders`); n != 0 {
		t.Errorf("%d orders after quotes", n)
	}
	_, err := s.DB.QuoteOrder(t.Context(), s.Organization, uuid.New(), billing.ComputeHour)
	if r, ok := provisioner.AsRefusal(err); !ok || r.Code != "not_found" {
		t.Errorf("%v", err)
	}
}
