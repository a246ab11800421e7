package billing

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

func id(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("00000000-0000-7000-8000-%012d", n)) }

func TestAuthoriseTakesTheEarliestExpiryFirst(t *testing.T) {
	lots := []Lot{
		{ID: id(1), Available: 5},
		{ID: id(2), ExpiresAt: start.Add(48 * time.Hour), Available: 5},
		{ID: id(3), ExpiresAt: start.Add(24 * time.Hour), Available: 5},
		{ID: id(4), ExpiresAt: start, Available: 100},
	}
	got, err := Authorise(12, lots, uuid.Nil, start)
	want := []Share{{id(3), 5}, {id(2), 5}, {id(1), 2}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Authorise = %v, %v", got, err)
	}
}

func TestAuthoriseRefusesWithTheNumbers(t *testing.T) {
	lots := []Lot{{ID: id(1), Available: 11_700_000}}
	_, err := Authorise(8*ComputeHour, lots, uuid.Nil, start)
	var short *Shortage
	if !errors.As(err, &short) || err.Error() != "8.00 compute hours are needed, 3.25 are available." {
		t.Errorf("err = %v", err)
	}
	_, err = Authorise(8*ComputeHour, append(lots, Lot{ID: id(2), Available: ComputeHour, PoolID: id(3)}), id(4), start)
	if want := "8.00 compute hours are needed, 3.25 are available on this pool. 1.00 more are good on other pools alone."; err == nil || err.Error() != want {
		t.Errorf("err = %v", err)
	}
	for _, need := range []Hours{0, -1, MaxHours + 1} {
		if _, err := Authorise(need, lots, uuid.Nil, start); !errors.Is(err, ErrHours) {
			t.Errorf("Authorise(%d): %v", need, err)
		}
	}
}

func TestCanonicalEncodingIsFixed(t *testing.T) {
	d, err := Grant(Lot{ID: id(1), Available: 8 * ComputeHour, ExpiresAt: start.Add(time.Hour)}, id(9), start)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Seal(d, Head{Journal: Journal{id(2), id(3)}})
	if err != nil {
		t.Fatal(err)
	}
	want := `volary-ledger-1
journal 00000000-0000-7000-8000-000000000002 00000000-0000-7000-8000-000000000003
seq 1
previous 0000000000000000000000000000000000000000000000000000000000000000
kind grant
at 2026-11-22T14:00:00.000000Z
key grant:00000000-0000-7000-8000-000000000001
by 00000000-0000-7000-8000-000000000009
expires 2026-11-22T15:00:00.000000Z
period - -
lines 0 -
post 00000000-0000-7000-8000-000000000001 bought - -28800000
post 00000000-0000-7000-8000-000000000001 available - 28800000
`
	old := seal(d, Head{Journal: e.Journal}, 1)
	if diff := cmp.Diff(want, string(old.Canonical())); diff != "" {
		t.Error(diff)
	}
	if got := old.Hash.String(); got != "e3f84aec32df5007a7f7f09da92cfbbe602f437d5da0299d3c224771683854cb" {
		t.Errorf("hash %s", got)
	}
}

// The second encoding has all that the first has, and what an amount follows from.
func TestTheSecondEncodingIsFixed(t *testing.T) {
	zone, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		t.Fatal(err)
	}
	line := Line{
		Segment: Segment{RunID: id(4), ClusterID: id(5), NodeID: id(6), From: start, To: start.Add(time.Minute), Rate: 1000},
		Hours:   60_000, LotID: id(1), Cost: &Money{7, "EUR"},
	}
	u := Usage{LotID: id(1), Lines: []Line{line}}
	d, err := Use(u, start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	d.Facts = []Fact{{FactLot, id(1), Digest{1}}}
	e, err := Seal(d.Dated(zone), Head{Journal: Journal{id(2), id(3)}, Seq: 8, Hash: Digest{0xab}})
	if err != nil {
		t.Fatal(err)
	}
	want := `volary-ledger-2
journal 00000000-0000-7000-8000-000000000002 00000000-0000-7000-8000-000000000003
seq 9
previous ab00000000000000000000000000000000000000000000000000000000000000
kind use
at 2026-11-22T15:00:00.000000Z
key use:00000000-0000-7000-8000-000000000001:1c3ee345712b0190800dd49284bfc46d1b2f8a2ef88fef5ede66496449fc54d9
by -
expires -
period 2026-11-22T14:00:00.000000Z 2026-11-22T14:01:00.000000Z
lines 1 184110447814b7a54412e440bb410a6bd5c915864982623f2a00d71910563712
date 2026-11-23 2026-11
corrects - - -
fact lot 00000000-0000-7000-8000-000000000001 0100000000000000000000000000000000000000000000000000000000000000
post 00000000-0000-7000-8000-000000000001 held 00000000-0000-7000-8000-000000000005 -60000
post 00000000-0000-7000-8000-000000000001 used - 60000
money deferred 00000000-0000-7000-8000-000000000001 EUR 7
money revenue 00000000-0000-7000-8000-000000000001 EUR -7
`
	if diff := cmp.Diff(want, string(e.Canonical())); diff != "" {
		t.Error(diff)
	}
	if got := e.Hash.String(); got != "691f4b03e543dfa1fee8730194a65ff5ad98d0c8a1f35b2f0c5e33dafb47dbe5" {
		t.Errorf("hash %s", got)
	}
	dearer := line
	dearer.Cost = &Money{8, "EUR"}
	elsewhere := line
	elsewhere.LotID = id(9)
	for _, other := range []Line{dearer, elsewhere} {
		if DigestLines(1, []Line{other}) != DigestLines(1, u.Lines) || DigestLines(2, []Line{other}) == DigestLines(2, u.Lines) {
			t.Errorf("cost and lot are in the digest of the second encoding alone: %+v", other)
		}
	}
}

func TestCheckRefusesWhatDoesNotBelongTogether(t *testing.T) {
	good, err := Hold(id(5), []Share{{id(1), 10}, {id(2), 5}}, 0, start)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Draft){
		"unbalanced":               func(d *Draft) { d.Postings[1].Hours++ },
		"across lots":              func(d *Draft) { d.Postings[1].Hours, d.Postings[3].Hours = 5, 10 },
		"wrong way":                func(d *Draft) { d.Postings[0].Hours, d.Postings[1].Hours = 10, -10 },
		"wrong account":            func(d *Draft) { d.Postings[1] = Posting{id(1), Used, uuid.Nil, 10} },
		"held for no one":          func(d *Draft) { d.Postings[1].ClusterID = uuid.Nil },
		"cluster elsewhere":        func(d *Draft) { d.Postings[0].ClusterID = id(5) },
		"no postings":              func(d *Draft) { d.Postings = nil },
		"unknown kind":             func(d *Draft) { d.Kind = "gift" },
		"key with a break":         func(d *Draft) { d.Key = "a\nby x" },
		"money that no hold moves": func(d *Draft) { d.Move(Deferred, Revenue, id(1), Money{5, "EUR"}) },
		"corrects another":         func(d *Draft) { d.Corrects = Correction{1, "why", id(9)} },
	} {
		d := good
		d.Postings = slices.Clone(good.Postings)
		spoil(&d)
		if _, err := Seal(d, Head{}); !errors.Is(err, ErrUnbalanced) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// world is a journal under random commands; the properties hold after each.
type world struct {
	head    Head
	audit   *Audit
	lots    map[uuid.UUID]*Lot
	held    map[HeldKey]Hours
	ever    map[string]Hours
	keys    map[string]bool
	now     time.Time
	entries int
}

func (w *world) book(t *rapid.T, d Draft, err error, lines []Line) {
	if err != nil {
		t.Fatal(err)
	}
	if w.keys[d.Key] {
		t.Fatalf("key %s twice", d.Key)
	}
	w.keys[d.Key] = true
	e, err := Seal(d.Behind(w.head), w.head)
	if err != nil {
		t.Fatal(err)
	}
	if e.Seq > 1 && !e.At.After(w.head.At) || e.At.Before(d.At) {
		t.Fatalf("entry %d of %s behind %s, drafted for %s", e.Seq, e.At, w.head.At, d.At)
	}
	if diff := w.audit.Next(e, lines); diff != nil {
		t.Fatal(diff)
	}
	w.head = e.Head()
}

func (w *world) heldLots() []HeldLot {
	var held []HeldLot
	for k, h := range w.held {
		held = append(held, HeldLot{k.LotID, k.ClusterID, w.lots[k.LotID].ExpiresAt, h})
	}
	return held
}

func (w *world) grant(t *rapid.T) {
	lot := &Lot{ID: id(1000 + len(w.lots)), Available: Hours(rapid.Int64Range(1, 1e7).Draw(t, "hours"))}
	if rapid.Bool().Draw(t, "expires") {
		lot.ExpiresAt = w.now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "in")) * time.Hour)
	}
	w.lots[lot.ID] = lot
	d, err := Grant(*lot, id(1), w.now)
	w.book(t, d, err, nil)
}

func (w *world) hold(t *rapid.T) {
	var lots []Lot
	var available Hours
	for _, l := range w.lots {
		lots = append(lots, *l)
		if !l.Expired(w.now) {
			available += l.Available
		}
	}
	cluster := id(rapid.IntRange(1, 3).Draw(t, "cluster"))
	need := Hours(rapid.Int64Range(1, 2e7).Draw(t, "need"))
	shares, err := Authorise(need, lots, uuid.Nil, w.now)
	var short *Shortage
	if errors.As(err, &short) {
		if available >= need {
			t.Fatalf("refused %d of %d", need, available)
		}
		return
	}
	d, err2 := Hold(cluster, shares, w.ever["hold"+cluster.String()], w.now)
	w.book(t, d, errors.Join(err, err2), nil)
	w.ever["hold"+cluster.String()] += need
	for _, s := range shares {
		w.lots[s.LotID].Available -= s.Hours
		w.held[HeldKey{s.LotID, cluster}] += s.Hours
	}
}

func (w *world) use(t *rapid.T) {
	w.entries++
	seg := Segment{
		RunID: id(100_000 + w.entries), ClusterID: id(rapid.IntRange(1, 3).Draw(t, "cluster")), NodeID: id(7),
		From: w.now, To: w.now.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "seconds")) * time.Second),
		Rate: Rate(rapid.IntRange(1, 5000).Draw(t, "rate")),
	}
	usages, aside := Settle([]Segment{seg}, w.heldLots(), time.UTC)
	want, _ := seg.Use()
	if len(aside) == 1 {
		want = 0
	}
	for _, u := range usages {
		d, err := Use(u, w.now)
		w.book(t, d, err, u.Lines)
		for _, l := range u.Lines {
			w.held[HeldKey{u.LotID, l.ClusterID}] -= l.Hours
			want -= l.Hours
		}
	}
	if want != 0 {
		t.Fatalf("lines miss the use by %d", want)
	}
}

func (w *world) release(t *rapid.T) {
	cluster := id(rapid.IntRange(1, 3).Draw(t, "cluster"))
	var shares []Share
	var sum Hours
	for _, h := range sortedHeld(w.heldLots()) {
		if h.ClusterID == cluster && h.Held > 0 {
			shares = append(shares, Share{h.LotID, h.Held})
			sum += h.Held
		}
	}
	if sum == 0 {
		return
	}
	d, err := Release(cluster, shares, w.ever["release"+cluster.String()], w.now)
	w.book(t, d, err, nil)
	w.ever["release"+cluster.String()] += sum
	for _, s := range shares {
		w.lots[s.LotID].Available += s.Hours
		delete(w.held, HeldKey{s.LotID, cluster})
	}
}

func (w *world) expire(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour)
	for _, l := range w.lots {
		if l.Expired(w.now) && l.Available > 0 {
			d, err := Expire(Share{l.ID, l.Available}, w.ever["expire"+l.ID.String()], l.ExpiresAt, w.now)
			w.book(t, d, err, nil)
			w.ever["expire"+l.ID.String()] += l.Available
			l.Available = 0
		}
	}
}

func (w *world) check(t *rapid.T) {
	for lot, b := range w.audit.Balances().Lots {
		if b.Available != b.Bought-b.Used-b.Held-b.Expired {
			t.Fatalf("lot %s: %+v", lot, b)
		}
		if b.Available != w.lots[lot].Available {
			t.Fatalf("lot %s has %d available, not %d", lot, b.Available, w.lots[lot].Available)
		}
	}
}

func TestJournalKeepsItsPropertiesUnderAnyCommands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		journal := Journal{id(2), id(3)}
		w := &world{
			head: Head{Journal: journal}, audit: NewAudit(journal, 0), lots: map[uuid.UUID]*Lot{},
			held: map[HeldKey]Hours{}, ever: map[string]Hours{}, keys: map[string]bool{}, now: start,
		}
		t.Repeat(map[string]func(*rapid.T){
			"grant": w.grant, "hold": w.hold, "use": w.use, "release": w.release, "expire": w.expire, "": w.check,
		})
	})
}

func TestAuditNamesTheFirstDifference(t *testing.T) {
	journal := Journal{id(2), id(3)}
	seg := Segment{RunID: id(20), ClusterID: id(5), NodeID: id(6), From: start, To: start.Add(time.Minute), Rate: 1000}
	usages, _ := Settle([]Segment{seg}, []HeldLot{{LotID: id(1), ClusterID: id(5), Held: ComputeHour}}, time.UTC)
	build := func() ([]Entry, [][]Line) {
		grant, _ := Grant(Lot{ID: id(1), Available: ComputeHour}, uuid.Nil, start)
		hold, _ := Hold(id(5), []Share{{id(1), ComputeHour}}, 0, start)
		use, _ := Use(usages[0], start)
		var entries []Entry
		head := Head{Journal: journal}
		for _, d := range []Draft{grant, hold, use} {
			e, err := Seal(d.Behind(head), head)
			if err != nil {
				t.Fatal(err)
			}
			entries, head = append(entries, e), e.Head()
		}
		return entries, [][]Line{nil, nil, slices.Clone(usages[0].Lines)}
	}
	for name, c := range map[string]struct {
		spoil func([]Entry, [][]Line)
		seq   int64
		what  string
	}{
		"untouched":     {func([]Entry, [][]Line) {}, 0, ""},
		"amount":        {func(e []Entry, _ [][]Line) { e[1].Postings = pair(nil, KindHold, id(1), id(5), 7) }, 2, "the hash"},
		"one-sided":     {func(e []Entry, _ [][]Line) { e[1].Postings[0].Hours-- }, 2, "the sum of its postings"},
		"time":          {func(e []Entry, _ [][]Line) { e[0].At = start.Add(time.Hour) }, 1, "the hash"},
		"entry missing": {func(e []Entry, _ [][]Line) { e[1] = e[2] }, 3, "the sequence number"},
		"rehashed":      {func(e []Entry, _ [][]Line) { e[0].By = id(8); e[0], _ = Seal(e[0].Draft, Head{Journal: journal}) }, 2, "the hash of the entry before"},
		"clock set back": {func(e []Entry, _ [][]Line) {
			e[1].At = start.Add(-time.Hour)
			e[1], _ = Seal(e[1].Draft, e[0].Head())
		}, 2, "the time"},
		"line shortened":  {func(_ []Entry, l [][]Line) { l[2][0].To = start.Add(time.Second) }, 3, "the digest of the usage lines"},
		"line taken away": {func(_ []Entry, l [][]Line) { l[2] = nil }, 3, "the number of usage lines"},
	} {
		entries, lines := build()
		c.spoil(entries, lines)
		audit := NewAudit(journal, 0)
		var diff *Difference
		for i := 0; i < len(entries) && diff == nil; i++ {
			diff = audit.Next(entries[i], lines[i])
		}
		if c.what == "" && diff != nil || c.what != "" && (diff == nil || diff.Seq != c.seq || diff.What != c.what) {
			t.Errorf("%s: %v", name, diff)
		}
	}
}

// Entries that were booked before times had to rise verify as they did.
func TestAuditLetsOldTimesBe(t *testing.T) {
	head := Head{Journal: Journal{id(2), id(3)}}
	audit := NewAudit(head.Journal, 2)
	for n, c := range []struct {
		at   time.Duration
		want bool
	}{{time.Hour, true}, {0, true}, {time.Minute, true}, {time.Minute, false}} {
		d, err := Grant(Lot{ID: id(n + 1), Available: 1}, uuid.Nil, start.Add(c.at))
		if err != nil {
			t.Fatal(err)
		}
		e, err := Seal(d, head)
		if err != nil {
			t.Fatal(err)
		}
		if diff := audit.Next(e, nil); (diff == nil) != c.want || diff != nil && diff.What != "the time" {
			t.Errorf("entry %d: %v", n+1, diff)
		}
		head = e.Head()
	}
}
