package books_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// refuses asserts a refusal by its code, by its field and by words of its sentence; empty ones are not asked for.
func refuses(t *testing.T, err error, code, field, words string) {
	t.Helper()
	r, ok := refusal.As(err)
	if !ok || r.Code != code || r.Title == "" || r.Next == "" {
		t.Fatalf("%v, want a refusal %q", err, code)
	}
	if field != "" && r.Fields[field] == "" {
		t.Errorf("%v has no sentence for %s: %v", err, field, r.Fields)
	}
	said := r.Title + " " + r.Next + " " + strings.Join(r.Detail, " ") + r.Fields[field]
	if !strings.Contains(said, words) {
		t.Errorf("%q does not say %q", said, words)
	}
}

// NewOffer is an offer with a price, in millionths.

func TestAnOfferAndItsPrices(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := storetest.Must[uuid.UUID](t)(w.DB.Books.CreateOffer(ctx, w.Person, w.Provider, storetest.NewOffer("standard", 45_000)))
	o := storetest.Must[books.Offer](t)(w.DB.Books.Offer(ctx, w.Provider, id))
	if !o.OnSale() || o.Current.Price.String() != "0.045 EUR" || o.Current.SetByName != "Ada" || o.Next != nil || o.PoolID != nil {
		t.Fatalf("%+v", o)
	}
	soon, later := time.Now().Add(24*time.Hour).UTC().Truncate(time.Second), time.Now().Add(48*time.Hour).UTC().Truncate(time.Second)
	next := storetest.Must[uuid.UUID](t)(w.DB.Books.SetPrice(ctx, w.Person, w.Provider, id, books.NewPrice{Millionths: 39_000, From: later}))
	o = storetest.Must[books.Offer](t)(w.DB.Books.Offer(ctx, w.Provider, id))
	if o.Next == nil || o.Next.ID != next || !o.Current.Until.Equal(later) || !o.Next.From.Equal(later) {
		t.Fatalf("current %+v, next %+v", o.Current, o.Next)
	}
	_, err := w.DB.Books.SetPrice(ctx, w.Person, w.Provider, id, books.NewPrice{Millionths: 41_000, From: soon})
	refuses(t, err, "overlap", "from", "from "+soon.Format("2 Jan 2006, 15:04 UTC")+" on, and 0.039 EUR holds from "+later.Format("2 Jan 2006, 15:04 UTC"))
	storetest.Must[uuid.UUID](t)(w.DB.Books.SetPrice(ctx, w.Person, w.Provider, id, books.NewPrice{Millionths: 41_000, From: soon, Until: later}))
	if err := w.DB.Books.WithdrawPrice(ctx, w.Person, w.Provider, id, next); err != nil {
		t.Fatal(err)
	}
	prices, total, err := w.DB.Books.OfferPrices(ctx, w.Provider, id, books.PriceFilter{})
	if err != nil || total != 2 || prices[0].Price.Millionths != 41_000 || !prices[0].Until.Equal(later) || !prices[1].Until.Equal(soon) {
		t.Fatalf("%+v, %d, %v", prices, total, err)
	}
	for state, want := range map[string]int64{"now": 45_000, "next": 41_000, "past": 0} {
		list, n, err := w.DB.Books.OfferPrices(ctx, w.Provider, id, books.PriceFilter{State: state})
		if err != nil || want == 0 && n != 0 || want > 0 && (n != 1 || list[0].Price.Millionths != want) {
			t.Errorf("%s: %+v, %v", state, list, err)
		}
	}
	for by, first := range map[string]int64{"price": 41_000, "from": 45_000, "until": 45_000, "by": 41_000, "orders": 41_000} {
		list, n, err := w.DB.Books.OfferPrices(ctx, w.Provider, id, books.PriceFilter{Sorting: store.Sorting{By: by}, Page: store.Page{Limit: 1}})
		if err != nil || n != 2 || len(list) != 1 || list[0].Price.Millionths != first {
			t.Errorf("by %s: %+v of %d, %v", by, list, n, err)
		}
	}
	if _, n, err := w.DB.Books.OfferPrices(ctx, uuid.New(), id, books.PriceFilter{}); err != nil || n != 0 {
		t.Errorf("another provider sees %d prices, %v", n, err)
	}
	if err := w.DB.Books.WithdrawPrice(ctx, w.Person, w.Provider, id, prices[0].ID); err != nil {
		t.Fatal(err)
	}
	o = storetest.Must[books.Offer](t)(w.DB.Books.Offer(ctx, w.Provider, id))
	if o.Current.Until != nil || o.Next != nil {
		t.Errorf("what was ended for a withdrawn price does not go on: %+v", o.Current)
	}
	refuses(t, w.DB.Books.WithdrawPrice(ctx, w.Person, w.Provider, id, o.Current.ID), "conflict", "", "in force since")
	if err := w.DB.Books.EndOffer(ctx, w.Person, w.Provider, id); err != nil {
		t.Fatal(err)
	}
	refuses(t, w.DB.Books.EndOffer(ctx, w.Person, w.Provider, id), "conflict", "", "was ended on")
	_, err = w.DB.Books.SetPrice(ctx, w.Person, w.Provider, id, books.NewPrice{Millionths: 1})
	refuses(t, err, "conflict", "", "was ended on")
}

func TestOffersRefuseWhatCannotBeSold(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := storetest.Must[uuid.UUID](t)(w.DB.Books.CreateOffer(ctx, w.Person, w.Provider, storetest.NewOffer("standard", 45_000)))
	elsewhere := storetest.Must[uuid.UUID](t)(w.DB.People.CreateProvider(ctx, uuid.Nil, people.NewProvider{Name: "South", Currency: "USD", AccountingZone: "UTC"}))
	for name, c := range map[string]struct {
		offer       books.NewOffer
		code, field string
	}{
		"no name":        {books.NewOffer{LeastHours: 1, GoodDays: 1}, "invalid", "name"},
		"taken name":     {storetest.NewOffer("standard", 1), "duplicate", "name"},
		"no minimum":     {books.NewOffer{Name: "x", GoodDays: 1}, "invalid", "least_hours"},
		"negative hours": {books.NewOffer{Name: "x", LeastHours: -1, GoodDays: 1}, "invalid", "least_hours"},
		"no days":        {books.NewOffer{Name: "x", LeastHours: 1}, "invalid", "good_days"},
		"too many days":  {books.NewOffer{Name: "x", LeastHours: 1, GoodDays: 3651}, "invalid", "good_days"},
		"negative price": {storetest.NewOffer("x", -1), "invalid", "price"},
		"enormous price": {storetest.NewOffer("x", billing.MaxUnitPrice+1), "invalid", "price"},
		"no such pool":   {books.NewOffer{Name: "x", LeastHours: 1, GoodDays: 1, PoolID: uuid.New()}, "invalid", "pool"},
	} {
		_, err := w.DB.Books.CreateOffer(ctx, w.Person, w.Provider, c.offer)
		t.Log(name)
		refuses(t, err, c.code, c.field, "")
	}
	_, err := w.DB.Books.CreateOffer(ctx, w.Person, elsewhere, books.NewOffer{Name: "x", LeastHours: 1, GoodDays: 1, PoolID: w.PoolID})
	refuses(t, err, "invalid", "pool", "")
	for name, p := range map[string]books.NewPrice{
		"price": {Millionths: 0}, "from": {Millionths: 1, From: time.Now().Add(-time.Hour)},
		"until": {Millionths: 1, From: time.Now().Add(2 * time.Hour), Until: time.Now().Add(time.Hour)},
	} {
		_, err := w.DB.Books.SetPrice(ctx, w.Person, w.Provider, id, p)
		refuses(t, err, "invalid", name, "")
	}
	_, err = w.DB.Books.SetPrice(ctx, w.Person, elsewhere, id, books.NewPrice{Millionths: 1})
	refuses(t, err, "not_found", "", "")
	refuses(t, w.DB.Books.EndOffer(ctx, w.Person, elsewhere, id), "not_found", "", "")
	refuses(t, w.DB.Books.WithdrawPrice(ctx, w.Person, w.Provider, id, uuid.New()), "not_found", "", "")
	_, err = w.DB.Books.Offer(ctx, elsewhere, id)
	refuses(t, err, "not_found", "", "")
	w.Exec(t, `UPDATE providers SET state = 'suspended', state_reason = 'unpaid fees' WHERE id = $1`, w.Provider)
	_, err = w.DB.Books.SetPrice(ctx, w.Person, w.Provider, id, books.NewPrice{Millionths: 1})
	refuses(t, err, "suspended", "", "unpaid fees")
	if sale := storetest.Must[[]books.Offer](t)(w.DB.Books.OffersForSale(ctx)); len(sale) != 0 {
		t.Errorf("a suspended provider sells %v", sale)
	}
}

// The price on a pool is the lowest of the moment of what is good there: not of another pool's hours, of what has ended or is to
// come, or of a suspended provider.
func TestPriceOn(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	other := storetest.Must[uuid.UUID](t)(w.DB.Machines.CreatePool(ctx, w.Person, w.Provider, machines.NewPool{
		Name: "other", Prefix: netip.MustParsePrefix("10.64.0.0/12"), Underlay: netip.MustParsePrefix("198.51.100.0/24"),
	}))
	price := func(pool uuid.UUID) int64 {
		t.Helper()
		p, err := w.DB.Books.PriceOn(ctx, w.Pool, pool, time.Now())
		storetest.NoError(t, err)
		if p == nil {
			return 0
		}
		if p.Currency != "EUR" {
			t.Errorf("the price is in %q", p.Currency)
		}
		return p.Millionths
	}
	if got := price(w.PoolID); got != 0 {
		t.Errorf("a price of %d where nothing is sold", got)
	}
	offer := func(o books.NewOffer) uuid.UUID {
		t.Helper()
		return storetest.Must[uuid.UUID](t)(w.DB.Books.CreateOffer(ctx, w.Person, w.Provider, o))
	}
	offer(storetest.NewOffer("standard", 45_000))
	there := storetest.NewOffer("there", 30_000)
	there.PoolID = other
	offer(there)
	ended := offer(storetest.NewOffer("ended", 10_000))
	storetest.NoError(t, w.DB.Books.EndOffer(ctx, w.Person, w.Provider, ended))
	falling := offer(storetest.NewOffer("falling", 60_000))
	storetest.Must[uuid.UUID](t)(w.DB.Books.SetPrice(ctx, w.Person, w.Provider, falling, books.NewPrice{Millionths: 1, From: time.Now().Add(time.Hour)}))
	if here, there := price(w.PoolID), price(other); here != 45_000 || there != 30_000 {
		t.Errorf("%d here and %d there, want 45000 and 30000", here, there)
	}
	storetest.NoError(t, w.DB.People.SuspendProvider(ctx, w.Person, w.Provider, "unpaid fees"))
	if got := price(w.PoolID); got != 0 {
		t.Errorf("a suspended provider's price is %d", got)
	}
}

func TestPricesAreNeverEdited(t *testing.T) {
	w := storetest.NewWorld(t)
	storetest.Must[uuid.UUID](t)(w.DB.Books.CreateOffer(t.Context(), w.Person, w.Provider, storetest.NewOffer("standard", 45_000)))
	for _, sql := range []string{
		`UPDATE offer_prices SET price = price - 1`,
		`UPDATE offer_prices SET set_by = NULL`,
		`UPDATE offer_prices SET during = tstzrange(lower(during) - interval '1 day', NULL)`,
		`DELETE FROM offer_prices`,
		`UPDATE providers SET currency = 'USD'`,
	} {
		if _, err := w.Pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: accepted", sql)
		}
	}
}

func TestPricesSetAtOnceNeverOverlap(t *testing.T) {
	w := storetest.NewWorld(t)
	id := storetest.Must[uuid.UUID](t)(w.DB.Books.CreateOffer(t.Context(), w.Person, w.Provider, storetest.NewOffer("standard", 45_000)))
	from := time.Now().Add(time.Hour)
	const people = 6
	errs := make([]error, people)
	var wait sync.WaitGroup
	for i := range people {
		wait.Go(func() {
			_, errs[i] = w.DB.Books.SetPrice(t.Context(), w.Person, w.Provider, id, books.NewPrice{Millionths: int64(i + 1), From: from})
		})
	}
	wait.Wait()
	set := 0
	for _, err := range errs {
		if err == nil {
			set++
			continue
		}
		refuses(t, err, "overlap", "from", "")
	}
	if set != 1 {
		t.Errorf("%d of %d prices for one time are set", set, people)
	}
}

func TestOffersSortFilterAndPage(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	dear := storetest.Must[uuid.UUID](t)(w.DB.Books.CreateOffer(ctx, w.Person, w.Provider, storetest.NewOffer("dear", 90_000)))
	storetest.Must[uuid.UUID](t)(w.DB.Books.CreateOffer(ctx, w.Person, w.Provider, storetest.NewOffer("cheap 100%", 10_000)))
	old := storetest.Must[uuid.UUID](t)(w.DB.Books.CreateOffer(ctx, w.Person, w.Provider, storetest.NewOffer("old", 50_000)))
	if err := w.DB.Books.EndOffer(ctx, w.Person, w.Provider, old); err != nil {
		t.Fatal(err)
	}
	names := func(f books.OfferFilter) (string, int) {
		list, total, err := w.DB.Books.ListOffers(ctx, w.Provider, f)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, o := range list {
			names = append(names, o.Name)
		}
		return strings.Join(names, ","), total
	}
	for _, c := range []struct {
		f     books.OfferFilter
		want  string
		total int
	}{
		{books.OfferFilter{}, "cheap 100%,dear,old", 3},
		{books.OfferFilter{Sort: store.Sorting{By: "price", Desc: true}}, "dear,old,cheap 100%", 3},
		{books.OfferFilter{Sort: store.Sorting{By: "name"}, Page: store.Page{Limit: 1, Offset: 1}}, "dear", 3},
		{books.OfferFilter{Page: store.Page{Limit: 1, Offset: 7}}, "", 3},
		{books.OfferFilter{Name: "100%"}, "cheap 100%", 1},
		{books.OfferFilter{State: "ended"}, "old", 1},
		{books.OfferFilter{State: "sale"}, "cheap 100%,dear", 2},
		{books.OfferFilter{Pool: &w.PoolID}, "", 0},
	} {
		if got, total := names(c.f); got != c.want || total != c.total {
			t.Errorf("%+v: %s, %d", c.f, got, total)
		}
	}
	sale := storetest.Must[[]books.Offer](t)(w.DB.Books.OffersForSale(ctx))
	if len(sale) != 2 || sale[1].ID != dear {
		t.Errorf("for sale: %+v", sale)
	}
}

func TestTheMarketCountsHoursWhereTheyAreGood(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	other := storetest.Must[uuid.UUID](t)(w.DB.Machines.CreatePool(ctx, uuid.Nil, w.Provider, machines.NewPool{
		Name: "other", Prefix: netip.MustParsePrefix("10.144.0.0/12"), Underlay: netip.MustParsePrefix("198.51.100.0/24"),
	}))
	for pool, hours := range map[uuid.UUID]billing.Hours{w.PoolID: 7, other: 1000} {
		storetest.Must[uuid.UUID](t)(w.DB.Books.GrantHours(ctx, books.Grant{
			ProviderID: w.Provider, OrganizationID: w.Organization, PoolID: pool, Hours: hours * billing.ComputeHour,
		}))
	}
	need := overview.MarketNeed{Nodes: 2, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}, LeaseSeconds: 3600}
	m := storetest.Must[overview.Market](t)(w.DB.Overview.Market(ctx, w.Organization, need, overview.MarketFilter{}))
	for _, r := range m.Rows {
		if want := map[uuid.UUID]billing.Hours{w.PoolID: 107, other: 1100}[r.PoolID] * billing.ComputeHour; r.Owned != want {
			t.Errorf("pool %s: %s h owned, want %s", r.PoolName, r.Owned, want)
		}
	}
	if len(m.Rows) == 0 {
		t.Error("no rows")
	}
}
