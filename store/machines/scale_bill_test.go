package machines_test

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store/books"
	"volary.dev/store/storetest"
)

// billed is a World in which time goes on as it is told, in rounds of ten seconds of its first host, which has all nodes.
type billed struct {
	*storetest.World
	t     *testing.T
	clock *storetest.Clock
	begin time.Time
	now   int // seconds since
}

func newBilled(t *testing.T) *billed {
	t.Helper()
	pool := storetest.Pool(t)
	begin := time.Date(2026, 11, 10, 8, 0, 0, 250_000_000, time.UTC)
	db, clock := storetest.OpenAt(t, pool, begin)
	w := storetest.NewWorldOver(t, db, pool)
	w.Exec(t, `UPDATE hosts SET state = 'cordoned' WHERE id <> $1`, w.Hosts[0])
	return &billed{World: w, t: t, clock: clock, begin: begin}
}

func (b *billed) at(second int) {
	b.t.Helper()
	b.now = second
	b.clock.Set(b.begin.Add(time.Duration(second) * time.Second))
}

// until has rounds see nodes run, the last one at a second.
func (b *billed) until(second int, nodes ...uuid.UUID) {
	b.t.Helper()
	for b.now < second {
		b.at(min(b.now+10, second))
		if !b.Observe(b.t, b.Hosts[0], nodes...) {
			b.t.Fatal("a round did not count")
		}
	}
}

// TestTheBillOfAScaledCluster adds up what a cluster used that grew in its first hour's end and shrank in its second's: each node from its
// own gate to its own machine's end, to the second, on the page, in the list of runs and in the provider's export.
func TestTheBillOfAScaledCluster(t *testing.T) {
	b := newBilled(t)
	ctx := t.Context()
	const hour = 600 // seconds, of ten-second rounds
	r := storetest.OneHour(b.World, "one", 2)
	r.LeaseSeconds = 4 * hour
	id := storetest.Must[uuid.UUID](t)(b.DB.Machines.LaunchCluster(ctx, b.Organization, b.Person, r))
	b.Ready(t, id)
	three := named(t, b.World, id, "head", "compute-001", "compute-002")
	b.until(hour, three...)
	held := heldFor(t, b.World, id)
	done, err := scaled(t, b.World, id, 3)
	storetest.NoError(t, err)
	if done.Held != 3*hour*1000 || heldFor(t, b.World, id) != held+done.Held {
		t.Errorf("%d are set aside for the rest of the lease, %d for all", done.Held, heldFor(t, b.World, id))
	}
	b.until(hour+37, three...)
	readyBatch(t, b.World, id)
	if got := heldFor(t, b.World, id); got != (3*(3*hour-37)+3*hour-37)*1000 {
		t.Errorf("%d are set aside once the fourth node is ready", got)
	}
	four := append(slices.Clone(three), named(t, b.World, id, "compute-003")...)
	b.until(2*hour, four...)
	_, err = scaled(t, b.World, id, 2, named(t, b.World, id, "compute-001")...)
	storetest.NoError(t, err)
	b.until(2*hour+20, four...) // it runs until its machine is off
	first := named(t, b.World, id, "compute-001")
	stay := slices.DeleteFunc(slices.Clone(four), func(n uuid.UUID) bool { return n == first[0] })
	storetest.NoError(t, b.DB.Machines.MarkNodesGone(ctx, id, first...))
	b.until(3*hour, stay...)
	if got := heldFor(t, b.World, id); got != 3*hour*1000 {
		t.Errorf("%d are set aside for three nodes and the last hour", got)
	}
	storetest.NoError(t, b.DB.Machines.DeleteCluster(ctx, b.Organization, b.Person, id))
	storetest.NoError(t, b.DB.Machines.MarkNodesGone(ctx, id))

	want := map[string]int64{"head": 3 * hour, "compute-001": 2*hour + 20, "compute-002": 3 * hour, "compute-003": 2*hour - 37}
	sum := int64(0)
	for _, seconds := range want {
		sum += seconds * 1000
	}
	d := storetest.Cluster(t, b.World, id)
	if int64(d.Used) != sum || d.Booked != d.Used || d.Held != 0 || left(t, b.World) != 100*billing.ComputeHour-d.Used {
		t.Errorf("used %d of %d, booked %d, held %d, %s left", d.Used, sum, d.Booked, d.Held, left(t, b.World))
	}
	list, total, err := b.DB.Books.ListRuns(ctx, b.Organization, id, books.RunFilter{})
	storetest.NoError(t, err)
	for _, run := range list {
		if int64(run.Used) != want[run.NodeName]*1000 || int64(run.EndedAt.Sub(run.StartedAt)/time.Second) != want[run.NodeName] {
			t.Errorf("%s ran from %s to %s", run.NodeName, run.StartedAt, run.EndedAt)
		}
	}
	if len(list) != 4 || int64(total.Used) != sum {
		t.Errorf("%d runs of %+v", len(list), total)
	}
	wantExported(t, b.World, want)
	wantVerified(t, b.World)
}

// wantExported asserts how many seconds of which nodes the provider's export of the month has.
func wantExported(t *testing.T, w *storetest.World, want map[string]int64) {
	t.Helper()
	month := storetest.Must[billing.Month](t)(billing.ParseMonth("2026-11"))
	var text bytes.Buffer
	storetest.NoError(t, w.DB.Books.ExportUsage(t.Context(), w.Provider, month, billing.NewCSV(&text, billing.UsageRuns)))
	rows := storetest.Must[[][]string](t)(csv.NewReader(&text).ReadAll())
	node, seconds := slices.Index(rows[0], "node"), slices.Index(rows[0], "seconds")
	got := map[string]int64{}
	for _, row := range rows[1:] {
		got[row[node]] = storetest.Must[int64](t)(strconv.ParseInt(row[seconds], 10, 64))
	}
	for name, s := range want {
		if got[name] != s || len(got) != len(want) {
			t.Errorf("the export has %v, want %v", got, want)
			break
		}
	}
}
