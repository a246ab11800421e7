package overview_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func small(nodes int) overview.MarketNeed {
	return overview.MarketNeed{Nodes: nodes, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}, LeaseSeconds: 7200}
}

// sell gives a provider an offer with a price that holds now; pool nil is every pool.
func sell(t *testing.T, w *storetest.World, provider uuid.UUID, pool *uuid.UUID, name string, price int64) uuid.UUID {
	t.Helper()
	return sellFrom(t, w, provider, pool, name, price, "-1 day")
}

// sellFrom is sell with a price that begins some time from now.
func sellFrom(t *testing.T, w *storetest.World, provider uuid.UUID, pool *uuid.UUID, name string, price int64, from string) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	w.Exec(t, `INSERT INTO offers (id, provider_id, pool_id, name, least_hours, good_days, created_at) VALUES ($1, $2, $3, $4, $5, 365, now())`,
		id, provider, pool, name, 10*billing.ComputeHour)
	w.Exec(t, `INSERT INTO offer_prices (id, offer_id, provider_id, price, during, created_at)
		VALUES ($1, $2, $3, $4, tstzrange(now() + $5::interval, NULL), now())`, uuid.Must(uuid.NewV7()), id, provider, price, from)
	return id
}

func market(t *testing.T, w *storetest.World, need overview.MarketNeed, f overview.MarketFilter) overview.Market {
	t.Helper()
	m, err := w.DB.Overview.Market(t.Context(), w.Organization, need, f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// south adds a second provider with a pool of its own, "far", without hosts.
func south(t *testing.T, w *storetest.World) (provider, pool uuid.UUID) {
	t.Helper()
	provider, err := w.DB.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "South", Currency: "JPY", AccountingZone: "Asia/Tokyo"})
	if err != nil {
		t.Fatal(err)
	}
	pool, err = w.DB.Machines.CreatePool(t.Context(), uuid.Nil, provider, machines.NewPool{
		Name: "far", Prefix: netip.MustParsePrefix("10.64.0.0/12"), Underlay: netip.MustParsePrefix("198.51.100.0/24"),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.DB.Machines.CreateShape(t.Context(), uuid.Nil, provider, machines.NewShape{Name: "large", Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 512, DiskGiB: 4}})
	if err != nil {
		t.Fatal(err)
	}
	w.Exec(t, `UPDATE pools SET location = 'Osaka, Japan' WHERE id = $1`, pool)
	return provider, pool
}

func TestMarketPricesANeed(t *testing.T) {
	w := storetest.NewWorld(t)
	offer := sell(t, w, w.Provider, nil, "Standard", 12_345) // 0.012345 EUR
	m := market(t, w, small(3), overview.MarketFilter{})
	if m.Total != 1 || len(m.Rows) != 1 || len(m.Providers) != 1 {
		t.Fatalf("%d rows of %d providers", m.Total, len(m.Providers))
	}
	r := m.Rows[0]
	if r.OfferID != offer || r.Price.String() != "0.012345 EUR" || r.RatePerHour != 3*billing.ComputeHour || r.Need != 6*billing.ComputeHour {
		t.Errorf("row %+v", r)
	}
	// 3 × 0.012345 is 0.037035, 6 × it 0.07407: each is rounded once, not one from the other.
	if r.CostPerHour.String() != "0.04 EUR" || r.Cost.String() != "0.07 EUR" {
		t.Errorf("cost %s an hour, %s in all", r.CostPerHour, r.Cost)
	}
	if r.Owned != 100*billing.ComputeHour || r.ToBuy != 0 || r.FreeVCPUs != 20 || r.VCPUs != 20 || r.When != placement.WhenNow {
		t.Errorf("row %+v; want 100 h owned, none to buy, 20 of 20 vCPUs beside the test share free, now", r)
	}
	if r.Made.Kind() != provisioner.EmulationCost || r.Made.Model() != "Sample 8" || r.Made.Sold() != "1 vCPU sold per processor" || r.Made.Firmware() != "starts BIOS and UEFI" {
		t.Errorf("made by %+v", r.Made)
	}
	m, err := w.DB.Overview.Market(t.Context(), uuid.Nil, small(3), overview.MarketFilter{})
	if err != nil || m.Rows[0].Owned != 0 || m.Rows[0].ToBuy != m.Rows[0].Need {
		t.Errorf("nobody's hours: %+v, %v", m.Rows, err)
	}
}

func TestMarketSaysTheEarliestStart(t *testing.T) {
	w := storetest.NewWorld(t)
	first, second := w.Launch(t, "first", 8), w.Launch(t, "second", 7) // 17 of 20 vCPUs
	w.Ready(t, first)
	w.Ready(t, second)
	ends := time.Now().Add(40 * time.Minute).Truncate(time.Microsecond)
	w.Exec(t, `UPDATE clusters SET lease_ends_at = $2 WHERE id = $1`, first, ends)
	w.Exec(t, `UPDATE clusters SET lease_ends_at = $2 WHERE id = $1`, second, ends.Add(-10*time.Minute))
	for nodes, want := range map[int]struct {
		when placement.When
		at   time.Time
	}{
		3: {placement.WhenNow, time.Time{}}, 11: {placement.WhenAt, ends.Add(-10 * time.Minute)},
		20: {placement.WhenAt, ends}, 21: {placement.WhenLarger, time.Time{}},
	} {
		r := market(t, w, small(nodes), overview.MarketFilter{}).Rows[0]
		if r.When != want.when || !r.Start.Equal(want.at) || r.FreeVCPUs != 3 {
			t.Errorf("%d nodes: %s %s, %d free; want %s %s, 3 free", nodes, r.When, r.Start, r.FreeVCPUs, want.when, want.at)
		}
	}
	// What is paused keeps its room as long as a pause may last, and with what its lease has left then.
	storetest.NoError(t, w.DB.Machines.PauseCluster(t.Context(), w.Person, w.Provider, second, "a case to keep"))
	for nodes, want := range map[int]time.Time{11: ends, 20: ends.Add(machines.PausedFor - 10*time.Minute)} {
		if r := market(t, w, small(nodes), overview.MarketFilter{}).Rows[0]; r.When != placement.WhenAt || !r.Start.Equal(want) || r.FreeVCPUs != 3 {
			t.Errorf("%d nodes beside a paused cluster: %s %s, %d free; want %s", nodes, r.When, r.Start, r.FreeVCPUs, want)
		}
	}
}

func TestMarketFiltersSortsAndPages(t *testing.T) {
	w := storetest.NewWorld(t)
	provider, pool := south(t, w)
	sell(t, w, w.Provider, nil, "Standard", 50_000)
	sell(t, w, w.Provider, &w.PoolID, "Cheap", 20_000)
	sell(t, w, provider, &pool, "Far", 3_000_000)
	ended := sell(t, w, w.Provider, nil, "Ended", 1)
	w.Exec(t, `UPDATE offers SET ended_at = now() WHERE id = $1`, ended)
	names := func(need overview.MarketNeed, f overview.MarketFilter) (list []string) {
		for _, r := range market(t, w, need, f).Rows {
			list = append(list, r.OfferName)
		}
		return list
	}
	most := int64(50_000)
	for name, c := range map[string]struct {
		filter overview.MarketFilter
		want   []string
	}{
		"all, the cheapest first": {overview.MarketFilter{}, []string{"Cheap", "Standard", "Far"}},
		"by price, descending":    {overview.MarketFilter{Sorting: store.Sorting{By: "price", Desc: true}}, []string{"Standard", "Cheap", "Far"}}, // no host of Far's pool takes nodes
		"by free capacity":        {overview.MarketFilter{Sorting: store.Sorting{By: "free"}}, []string{"Far", "Cheap", "Standard"}},
		"by start":                {overview.MarketFilter{Sorting: store.Sorting{By: "start"}}, []string{"Cheap", "Standard", "Far"}},
		"a location":              {overview.MarketFilter{Location: "Osaka, Japan"}, []string{"Far"}},
		"a provider":              {overview.MarketFilter{Provider: w.Provider}, []string{"Cheap", "Standard"}},
		"a price":                 {overview.MarketFilter{MostPer: &most}, []string{"Cheap", "Standard"}},
		"the second":              {overview.MarketFilter{Page: store.Page{Limit: 1, Offset: 1}}, []string{"Standard"}},
		"behind the end":          {overview.MarketFilter{Page: store.Page{Limit: 1, Offset: 9}}, nil},
	} {
		if got := names(small(1), c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	large := small(1)
	large.Shape.VCPUs = 2
	if m := market(t, w, large, overview.MarketFilter{}); m.Lacking != 1 || m.Total != 1 || m.Rows[0].Cost.String() != "12 JPY" {
		t.Errorf("two vCPUs: %d lacking, %+v", m.Lacking, m.Rows)
	}
	w.Exec(t, `UPDATE providers SET state = 'suspended', state_reason = 'unpaid' WHERE id = $1`, provider)
	if m := market(t, w, small(1), overview.MarketFilter{}); len(m.Providers) != 1 || m.Total != 2 || len(m.Locations) != 0 {
		t.Errorf("a suspended provider is seen: %+v", m)
	}
}

// What can start comes first, however dear, and the lowest price is never one of what cannot.
func TestMarketPutsFirstWhatCanStart(t *testing.T) {
	w := storetest.NewWorld(t)
	provider, pool := south(t, w) // no hosts: takes nothing
	w.Exec(t, `UPDATE providers SET currency = 'EUR' WHERE id = $1`, provider)
	sell(t, w, provider, &pool, "closed", 1)
	sell(t, w, w.Provider, &w.PoolID, "dear", 50_000)
	sell(t, w, w.Provider, &w.PoolID, "cheap", 20_000)
	add := func(name string, price int64, change string) uuid.UUID {
		id := uuid.Must(uuid.NewV7())
		w.Exec(t, `INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at)
			VALUES ($1, $2, $3, '10.0.0.0/16', '192.0.2.0/24', 'local', 'q35', now())`, id, w.Provider, name)
		if change != "" {
			w.Exec(t, `UPDATE pools SET `+change+` WHERE id = $1`, id)
		}
		sell(t, w, w.Provider, &id, name, price)
		return id
	}
	add("short leases", 2, "max_lease_hours = 1")
	few := add("few addresses", 3, "subnet_bits = 28")
	w.Exec(t, `UPDATE hosts SET pool_id = $2 WHERE id = $1`, w.Hosts[2], few)
	// The second host is full until a lease ends.
	full := w.Launch(t, "full", 4)
	w.Exec(t, `UPDATE nodes SET host_id = $2 WHERE cluster_id = $1`, full, w.Hosts[1])
	w.Exec(t, `UPDATE hosts SET pool_id = $2 WHERE id = $1`, w.Hosts[1], add("later", 1_000, "test_vcpus = 0"))
	w.Exec(t, `UPDATE pools SET test_vcpus = 0 WHERE id = $1`, w.PoolID)
	names := func(by string) (list []string, marked []string, short map[string]string) {
		short = map[string]string{}
		for _, r := range market(t, w, small(6), overview.MarketFilter{Sorting: store.Sorting{By: by}}).Rows {
			list = append(list, r.OfferName)
			if r.Lowest {
				marked = append(marked, r.OfferName)
			}
			var words []string
			for _, s := range r.Short {
				words = append(words, s.String())
			}
			short[r.OfferName] = strings.Join(words, "; ")
		}
		return list, marked, short
	}
	for by, want := range map[string][]string{
		"":      {"cheap", "dear", "later", "few addresses", "short leases", "closed"},
		"cost":  {"later", "cheap", "dear", "few addresses", "short leases", "closed"},
		"start": {"cheap", "dear", "later", "few addresses", "short leases", "closed"},
	} {
		got, marked, short := names(by)
		if !slices.Equal(got, want) || !slices.Equal(marked, []string{"cheap"}) {
			t.Errorf("by %q: %q, the lowest %q; want %q", by, got, marked, want)
		}
		if short["cheap"] != "" || short["later"] != "vCPUs: 3 of 8 free, 6 needed" || short["closed"] != "hosts: 0 of 0 take nodes now" || !strings.Contains(short["short leases"], "lease: at most 1 h here, 2 h asked for") ||
			short["few addresses"] != "nodes: at most 5 here, 6 asked for" {
			t.Errorf("by %q: short %q", by, short)
		}
	}
	w.Launch(t, "fill", 0)
	w.Exec(t, `UPDATE pools SET prefix = '10.128.0.0/24', subnet_bits = 24 WHERE id = $1`, w.PoolID)
	if _, marked, short := names(""); len(marked) != 0 || short["cheap"] != "networks: 0 of 1 free" {
		t.Errorf("without a free network: the lowest %q, short %q", marked, short)
	}
}

func TestMarketWithoutAPrice(t *testing.T) {
	w := storetest.NewWorld(t)
	m := market(t, w, small(1), overview.MarketFilter{})
	if len(m.Rows) != 1 || m.Rows[0].Price != nil || m.Rows[0].Cost != nil || m.Rows[0].OfferID != uuid.Nil {
		t.Errorf("rows %+v; want one without a price", m.Rows)
	}
	sellFrom(t, w, w.Provider, nil, "Later", 5, "1 day")
	if m := market(t, w, small(1), overview.MarketFilter{}); len(m.Rows) != 1 || m.Rows[0].Price != nil {
		t.Errorf("rows %+v; a price that has not begun is none", m.Rows)
	}
}

// TestMarketAsksAFixedNumberOfTimes: forty more pools cost not one query more.
func TestMarketAsksAFixedNumberOfTimes(t *testing.T) {
	w := storetest.NewWorld(t)
	provider, _ := south(t, w)
	db, asked := storetest.OpenNoted(t, w.Pool, "")
	compare := func(pools int) int {
		asked.Taken()
		m, err := db.Overview.Market(t.Context(), w.Organization, small(2), overview.MarketFilter{Provider: provider})
		if err != nil || m.Total+m.Lacking != pools {
			t.Fatalf("%d pools, %v; want %d", m.Total+m.Lacking, err, pools)
		}
		return len(asked.Taken())
	}
	compare(1) // the first one also prepares
	few := compare(1)
	for i := range 40 {
		w.Exec(t, `INSERT INTO pools (id, provider_id, name, prefix, underlay, storage, machine_type, created_at)
			VALUES ($1, $2, $3, '10.0.0.0/16', '192.0.2.0/24', 'local', 'q35', now())`, uuid.New(), provider, fmt.Sprintf("pool %d", i))
	}
	many := compare(41)
	if few != many {
		t.Errorf("%d queries for 2 pools, %d for 42", few, many)
	}
}

func TestProviderProfile(t *testing.T) {
	w := storetest.NewWorld(t)
	sell(t, w, w.Provider, nil, "Standard", 2_000_000)
	w.Exec(t, `UPDATE providers SET about = 'Under the roof.', support_contact = 'help@north.example'`)
	w.Exec(t, `UPDATE pools SET location = 'Hamburg', policy = 'Quiet at night.', wipe_disks = true`)
	p, err := w.DB.Overview.ProviderProfile(t.Context(), w.Provider)
	if err != nil {
		t.Fatal(err)
	}
	if p.About != "Under the roof." || len(p.Pools) != 1 || !p.Pools[0].WipeDisks || p.Pools[0].Hosts != 3 || p.Pools[0].VCPUs != 24 || p.Pools[0].Made.Emulated != 3 {
		t.Errorf("profile %+v", p)
	}
	if len(p.Shapes) != 1 || p.Shapes[0].Hour != "2.00 EUR" || p.Record != (overview.ProviderRecord{}) {
		t.Errorf("shapes %+v, record %+v", p.Shapes, p.Record)
	}
	w.Exec(t, `UPDATE providers SET state = 'applied'`)
	_, err = w.DB.Overview.ProviderProfile(t.Context(), w.Provider)
	storetest.WantCode(t, err, "not_found")
}

func TestProviderRecord(t *testing.T) {
	w := storetest.NewWorld(t)
	for i, name := range []string{"quick", "slow", "slowest", "starting", "asked", "failed", "old"} {
		id := w.Launch(t, name, 0)
		if i < 3 || name == "old" {
			w.Ready(t, id)
			w.Exec(t, `UPDATE clusters SET created_at = (SELECT min(started_at) FROM runs WHERE cluster_id = $1) - make_interval(secs => $2) WHERE id = $1`, id, 60*(i+1))
		}
		if name == "asked" || name == "failed" {
			w.Exec(t, `UPDATE nodes SET desired = 'gone' WHERE cluster_id = $1`, id)
		}
		switch name {
		case "asked":
			w.Exec(t, `UPDATE clusters SET desired = 'gone', reason = 'asked' WHERE id = $1`, id)
		case "failed":
			w.Exec(t, `UPDATE clusters SET desired = 'gone', reason = 'gate_missed' WHERE id = $1`, id)
		case "old":
			w.Exec(t, `UPDATE clusters SET created_at = now() - interval '91 days' WHERE id = $1`, id)
		}
	}
	p, err := w.DB.Overview.ProviderProfile(t.Context(), w.Provider)
	if err != nil || p.Record != (overview.ProviderRecord{Launches: 4, Ready: 3, Median: 2 * time.Minute, P95: 3 * time.Minute}) {
		t.Errorf("record %+v, %v; want 3 of 4 ready, 2 min, 95 in 100 within 3 min", p.Record, err)
	}
}
