package books_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/books"
)

// sell makes a lot of an approved order at 1 EUR an hour, narrowed to a pool where one is given, that expires after days.
func (w *ledgerWorld) sell(h billing.Hours, pool uuid.UUID, days int, centre string) uuid.UUID {
	w.t.Helper()
	ctx := w.t.Context()
	id := w.order(h, pool, days, centre)
	w.must(w.db.Books.ApproveOrder(ctx, uuid.Nil, w.provider, id))
	sold, err := w.db.Books.OrderOfProvider(ctx, w.provider, id)
	w.must(err)
	return *sold.LotID
}

// order is one that waits for what sell makes of it.
func (w *ledgerWorld) order(h billing.Hours, pool uuid.UUID, days int, centre string) uuid.UUID {
	w.t.Helper()
	ctx := w.t.Context()
	w.exec(`UPDATE providers SET invoice_prefix = 'NOR' WHERE id = $1`, w.provider)
	offer, err := w.db.Books.CreateOffer(ctx, uuid.Nil, w.provider, books.NewOffer{Name: uuid.NewString(), PoolID: pool, LeastHours: 1, GoodDays: days, Price: 1_000_000})
	w.must(err)
	o, err := w.db.Books.Offer(ctx, w.provider, offer)
	w.must(err)
	id, err := w.db.Books.PlaceOrder(ctx, w.org, w.person, books.OrderRequest{
		OfferID: offer, PriceID: o.Current.ID, Hours: h, References: store.References{CostCentre: centre},
	})
	w.must(err)
	return id
}

// TestUseCostsWhatItsLotsDid lets one run be paid by two orders and a grant: the lots that are used up cost to the cent
// what was paid, and the export ties.
func TestUseCostsWhatItsLotsDid(t *testing.T) {
	w := newLedgerWorld(t)
	w.sell(10_000, uuid.Nil, 1, "A")     // 10 s of a node for 0.00 EUR: it rounds to nothing
	w.sell(50_000_000, uuid.Nil, 2, "B") // 13.89 EUR
	w.grant(100_000_000, nil)
	w.exec(`UPDATE clusters SET cost_centre = 'C'`)
	id, nodes := w.running(10, 7200, at(3500))
	w.exec(`UPDATE clusters SET cost_centre = 'C' WHERE id = $1`, id)
	w.proveUntil(3500, 10_000, nodes...)
	for _, s := range []int{3665, 7265} {
		_, err := w.db.Books.SettleUsage(t.Context(), at(s))
		w.must(err)
		w.verified()
	}
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(10_001)))
	w.verified()
	if n := w.count(`SELECT count(*) FROM holds h WHERE cost IS DISTINCT FROM (SELECT sum(cost) FROM usage_lines u WHERE u.cluster_id = h.cluster_id AND u.lot_id = h.lot_id)`); n != 0 {
		t.Errorf("%d holds whose use cost something else than its lines", n)
	}
	w.tamper(`UPDATE holds SET cost = cost + 1 WHERE cost > 0`)
	if r, err := w.db.Books.VerifyLedger(t.Context()); err != nil || r.Difference == nil || !strings.Contains(r.Difference.Error(), "what the use of lot") {
		t.Errorf("a raised cost of a cluster was not found: %v, %v", r.Difference, err)
	}
	w.tamper(`UPDATE holds SET cost = cost - 1 WHERE cost > 0`)
	if n := w.count(`SELECT count(*) FROM lots l WHERE amount IS NOT NULL AND (used <> bought OR amount <>
		(SELECT sum(cost) FROM usage_lines WHERE lot_id = l.id))`); n != 0 {
		t.Errorf("%d lots whose parts do not cost what was paid", n)
	}
	if n := w.count(`SELECT count(*) FROM usage_lines u JOIN lots l ON l.id = u.lot_id WHERE (u.cost IS NULL) <> (l.amount IS NULL)`); n != 0 {
		t.Errorf("%d lines with a cost and no price, or turned around", n)
	}
	var b bytes.Buffer
	w.must(w.db.Books.ExportUsage(t.Context(), w.provider, billing.Month{Year: 2026, Month: time.November}, billing.NewCSV(&b, billing.UsageRuns)))
	rows, err := csv.NewReader(&b).ReadAll()
	w.must(err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	last := w.exported("2026-11", billing.UsageAll)[1]
	if last[6] != "13.89" || last[7] != "EUR" || rows[1][column["cost_centre"]] != "C" || rows[1][column["order_cost_centre"]] == "" {
		t.Errorf("%v\n%v", rows[1], last)
	}
	if err := books.CostOfUnknownLot(); err == nil {
		t.Error("use of a lot that is not there costs nothing")
	}
	w.tamper(`UPDATE usage_lines SET cost = NULL WHERE cost = 0`)
	if r, err := w.db.Books.VerifyLedger(t.Context()); err != nil || r.Difference == nil {
		t.Errorf("lines of a sold lot without a cost were not found: %v", err)
	}
	w.tamper(`UPDATE usage_lines SET cost = 0 WHERE cost IS NULL AND lot_id IN (SELECT id FROM lots WHERE amount IS NOT NULL)`)
	w.tamper(`UPDATE usage_lines SET cost = cost + 1 WHERE cost > 0`)
	r, err := w.db.Books.VerifyLedger(t.Context())
	if err != nil || r.Difference == nil {
		t.Errorf("a raised cost was not found: %v", err)
	}
}

func TestHoursOfOnePoolArePaidWithOnThatPoolAlone(t *testing.T) {
	w := newLedgerWorld(t)
	elsewhere := uuid.Must(uuid.NewV7())
	w.exec(`INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at)
		VALUES ($1, $2, 'other', '10.68.0.0/14', '192.0.2.0/24', 'local', 'q35', now())`, elsewhere, w.provider)
	w.sell(20_000_000, elsewhere, 1, "")
	narrowed, everywhere := w.sell(4_000_000, w.poolID, 2, ""), w.sell(4_000_000, uuid.Nil, 3, "")
	id, _ := w.cluster(1, 100)
	refuses(t, w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, 8_000_001, time.Now()), "balance", "", "2.22 are available on this pool. 5.55 more are good on other pools alone.")
	w.must(w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, 5_000_000, time.Now()))
	for lot, want := range map[uuid.UUID]int64{narrowed: 4_000_000, everywhere: 1_000_000} {
		if held := w.count(`SELECT coalesce(sum(held), 0)::bigint FROM holds WHERE lot_id = $1`, lot); held != want {
			t.Errorf("lot %s holds %d, want %d", lot, held, want)
		}
	}
	w.verified()
}

func TestGrantsForAPurpose(t *testing.T) {
	w := newLedgerWorld(t)
	end := time.Now().Add(10 * 24 * time.Hour)
	grant := books.Grant{ProviderID: w.provider, OrganizationID: w.org, Hours: billing.ComputeHour, ExpiresAt: &end, PoolID: w.poolID, Purpose: "summer school", By: w.person}
	_, err := w.db.Books.GrantHours(t.Context(), grant)
	w.must(err)
	w.sell(2*billing.ComputeHour, uuid.Nil, 90, "")
	grant.PoolID = uuid.New()
	_, err = w.db.Books.GrantHours(t.Context(), grant)
	refuses(t, err, "invalid", "pool", "")
	lots, sum, err := w.db.Books.LotsOfProvider(t.Context(), w.provider, books.LotFilter{Kind: "granted"})
	if err != nil || sum.Count != 1 || lots[0].Purpose != "summer school" || lots[0].PoolName != "main" || lots[0].ByName != "Ada" || lots[0].Amount != nil {
		t.Errorf("%+v, %+v, %v", lots, sum, err)
	}
	lots, sum, err = w.db.Books.Lots(t.Context(), w.org, books.LotFilter{Kind: "bought", Open: true, Sort: store.Sorting{By: "left"}})
	if err != nil || sum.Count != 1 || lots[0].OrderNumber == 0 || lots[0].Amount.String() != "2.00 EUR" {
		t.Errorf("%+v, %+v, %v", lots, sum, err)
	}
	if c := w.card(); c.Granted != billing.ComputeHour || c.Expiring != billing.ComputeHour || c.Bought != 3*billing.ComputeHour {
		t.Errorf("%+v", c)
	}
	entries, _, err := w.db.Books.LedgerEntries(t.Context(), w.org, books.LedgerFilter{Sort: store.Sorting{By: "hours"}})
	if err != nil || len(entries) != 2 || entries[0].OrderNumber != nil || entries[0].Purpose != "summer school" || entries[1].OrderNumber == nil {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestOutlookCountsWhatRuns(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(10*billing.ComputeHour, nil)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)
	_, nodes := w.running(3, 7200, begin)
	for s := 5; s <= 100; s += 5 {
		w.prove(begin.Add(time.Duration(s)*time.Second), nodes...)
	}
	o, err := w.db.Books.Outlook(t.Context(), w.org)
	w.must(err)
	if got := o[w.provider]; got.Rate != 3000 || got.Week != 300_000 || got.Full != 10*billing.ComputeHour || len(got.Lots) != 1 ||
		got.Lots[0].Available != 10*billing.ComputeHour-3*7200*1000 || !got.Lots[0].ExpiresAt.IsZero() {
		t.Errorf("%+v", got)
	}
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	w.grant(billing.ComputeHour, &soon)
	o, err = w.db.Books.Outlook(t.Context(), w.org)
	w.must(err)
	if got := o[w.provider]; len(got.Lots) != 2 || !slices.ContainsFunc(got.Lots, func(l billing.Lot) bool { return l.ExpiresAt.Equal(soon) && l.Available == billing.ComputeHour }) {
		t.Errorf("%+v", got)
	}
	if o, err := w.db.Books.Outlook(t.Context(), uuid.New()); err != nil || len(o) != 0 {
		t.Errorf("%v, %v", o, err)
	}
}

// A person's own file has what they wrote on their cluster, and nothing of the orders that paid: members do not read these.
func TestAPersonsOwnFileSaysNothingOfOrders(t *testing.T) {
	w := newLedgerWorld(t)
	at := func(s int) time.Time { return time.Date(2026, 11, 10, 0, 0, s, 0, time.UTC) }
	w.sell(50_000_000, uuid.Nil, 2000, "B")
	w.tamper(`UPDATE orders SET purchase_order = 'P', grant_number = 'G'`)
	id, nodes := w.running(1, 3600, at(0))
	w.exec(`UPDATE clusters SET cost_centre = 'C' WHERE id = $1`, id)
	w.prove(at(5), nodes...)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(60)))
	for person, said := range map[uuid.UUID]bool{uuid.Nil: true, w.person: false} {
		var b bytes.Buffer
		f := books.GroupFilter{Month: billing.Month{Year: 2026, Month: time.November}, Person: person}
		w.must(w.db.Books.ExportGroupUsage(t.Context(), w.org, f, billing.NewCSV(&b, billing.UsageRuns)))
		rows, err := csv.NewReader(&b).ReadAll()
		w.must(err)
		if len(rows) != 2 {
			t.Fatalf("of %s: %v", person, rows)
		}
		orders := 0
		for i, name := range rows[0] {
			if strings.HasPrefix(name, "order") {
				if orders++; (rows[1][i] != "") != said {
					t.Errorf("of %s: %s is %q", person, name, rows[1][i])
				}
			}
			if name == "cost_centre" && rows[1][i] != "C" {
				t.Errorf("of %s: the cluster's cost centre is %q", person, rows[1][i])
			}
		}
		if orders != 4 {
			t.Errorf("%d columns of orders", orders)
		}
	}
}
