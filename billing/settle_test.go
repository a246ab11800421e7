package billing

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func berlin(t *testing.T) *time.Location {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestMonthWithAClockChangeHasItsRealLength(t *testing.T) {
	for month, hours := range map[string]float64{"2026-10": 31*24 + 1, "2026-03": 31*24 - 1, "2026-11": 30 * 24} {
		m, err := ParseMonth(month)
		if err != nil {
			t.Fatal(err)
		}
		p := m.Period(berlin(t))
		if got := p.To.Sub(p.From).Hours(); got != hours {
			t.Errorf("%s has %v h, not %v", month, got, hours)
		}
	}
	for _, bad := range []string{"", "2026-13", "2026-1", "November", "2026-11-01"} {
		if _, err := ParseMonth(bad); !errors.Is(err, ErrMonth) {
			t.Errorf("ParseMonth(%q): %v", bad, err)
		}
	}
}

func TestUseOverAClockChangeIsTheRealSeconds(t *testing.T) {
	zone := berlin(t)
	from := time.Date(2026, 10, 25, 1, 30, 0, 0, zone) // summer time
	to := time.Date(2026, 10, 25, 3, 30, 0, 0, zone)   // an hour was lived twice
	seg := Segment{RunID: id(1), From: from, To: to, Rate: 1000}
	if use, err := seg.Use(); err != nil || use != 3*ComputeHour {
		t.Errorf("use %s, %v", use, err)
	}
}

func TestSettleCutsAtTheMonthOfTheAccountingZone(t *testing.T) {
	zone := time.FixedZone("", 5*3600+45*60)
	border := time.Date(2026, 12, 1, 0, 0, 0, 0, zone)
	seg := Segment{RunID: id(1), ClusterID: id(5), From: border.Add(-10 * time.Second), To: border.Add(20 * time.Second), Rate: 1000}
	usages, aside := Settle([]Segment{seg}, []HeldLot{{LotID: id(9), ClusterID: id(5), Held: 30_000}}, zone)
	if len(aside) != 0 || len(usages) != 2 || usages[0].Month.String() != "2026-11" || usages[1].Month.String() != "2026-12" {
		t.Fatalf("%v %v", usages, aside)
	}
	if a, b := usages[0].Lines[0], usages[1].Lines[0]; a.Hours != 10_000 || b.Hours != 20_000 || !a.To.Equal(border) {
		t.Errorf("%v %v", a, b)
	}
}

func TestSettleSetsAsideWhatIsMalformedAndBooksTheRest(t *testing.T) {
	good := Segment{RunID: id(1), ClusterID: id(5), From: start, To: start.Add(time.Minute), Rate: 1000}
	turned, odd, free, beyond := good, good, good, good
	turned.To = start.Add(-time.Second)
	odd.From = start.Add(time.Millisecond)
	free.Rate = 0
	beyond.ClusterID = id(6)
	usages, aside := Settle([]Segment{turned, odd, good, free, beyond}, []HeldLot{{LotID: id(9), ClusterID: id(5), Held: 60_000}}, time.UTC)
	if len(usages) != 1 || len(usages[0].Lines) != 1 || usages[0].Lines[0].Hours != 60_000 {
		t.Errorf("booked %v", usages)
	}
	var malformed, short int
	for _, a := range aside {
		var shortage *Shortage
		if errors.Is(a.Reason, ErrSegment) {
			malformed++
		} else if errors.As(a.Reason, &shortage) {
			short++
		}
	}
	if malformed != 3 || short != 1 {
		t.Errorf("set aside %v", aside)
	}
}

func TestSettleBooksEachSecondOnceAndNeverBeyondTheHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var segments []Segment
		for i := range rapid.IntRange(1, 30).Draw(t, "segments") {
			from := start.Add(time.Duration(rapid.IntRange(0, 4_000_000).Draw(t, "from")) * time.Second)
			segments = append(segments, Segment{
				RunID: id(i), ClusterID: id(rapid.IntRange(1, 3).Draw(t, "cluster")), From: from,
				To:   from.Add(time.Duration(rapid.IntRange(1, 8_000_000).Draw(t, "seconds")) * time.Second),
				Rate: Rate(rapid.IntRange(1, 9999).Draw(t, "rate")),
			})
		}
		var held []HeldLot
		limit := map[HeldKey]Hours{}
		for i := range rapid.IntRange(0, 12).Draw(t, "lots") {
			h := HeldLot{LotID: id(500 + i/3), ClusterID: id(1 + i%3), Held: Hours(rapid.Int64Range(0, 5e10).Draw(t, "held"))}
			held = append(held, h)
			limit[HeldKey{h.LotID, h.ClusterID}] = h.Held
		}
		usages, aside := Settle(segments, held, time.FixedZone("", 3600))
		booked := map[string]Hours{}
		for _, u := range usages {
			for _, l := range u.Lines {
				limit[HeldKey{u.LotID, l.ClusterID}] -= l.Hours
				booked[l.RunID.String()] += l.Hours
			}
		}
		for k, left := range limit {
			if left < 0 {
				t.Fatalf("%v is overdrawn by %d", k, -left)
			}
		}
		for _, a := range aside {
			if booked[a.RunID.String()] != 0 {
				t.Fatalf("%s is both booked and set aside", a.Segment)
			}
			booked[a.RunID.String()], _ = a.Use()
		}
		for _, s := range segments {
			if want, _ := s.Use(); booked[s.RunID.String()] != want {
				t.Fatalf("%s is booked with %d of %d", s, booked[s.RunID.String()], want)
			}
		}
		rand.Shuffle(len(segments), reflect.Swapper(segments))
		rand.Shuffle(len(held), reflect.Swapper(held))
		if again, _ := Settle(segments, held, time.FixedZone("", 3600)); !reflect.DeepEqual(again, usages) {
			t.Fatal("the order of the arguments matters")
		}
	})
}

func exported(t *testing.T, table string, runs []RunUse, totals []UsageTotal) (string, error) {
	t.Helper()
	var b bytes.Buffer
	m := Month{2026, 11}
	w, err := NewUsageWriter(NewCSV(&b, table), m.Period(time.UTC), AsOf{Made: start.Add(3 * time.Hour), Settled: start.Add(2 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if err := w.Run(r); err != nil {
			return "", err
		}
	}
	err = w.Finish(totals)
	return b.String(), err
}

func TestUsageExport(t *testing.T) {
	run := RunUse{
		OrganizationID: id(1), OrganizationName: "=HYPERLINK(\"http://x\")", ClusterID: id(2), ClusterName: "trial, \"one\"",
		NodeID: id(3), NodeName: "head", RunID: id(4), VCPUs: 1, MemoryMiB: 512,
		From: start, To: start.Add(90 * time.Second), EndReason: "asked", Rate: 1000, Hours: 90_000, Cost: Cost{113, "EUR"},
		PurchaseOrder: "PO 1", CostCentre: "+49", GrantNumber: "G-7", Orders: "12 14", OrderPurchaseOrder: "PO 2; PO 3", OrderGrantNumber: "@x",
	}
	for table, want := range map[string]string{
		UsageRuns: `organization,organization_id,cluster,cluster_id,node,node_id,run_id,vcpus,memory_mib,from,to,end_reason,seconds,rate,mcs,compute_hours,cost,currency,purchase_order,cost_centre,grant_number,orders,order_purchase_order,order_cost_centre,order_grant_number,made_at,settled_until,status
"'=HYPERLINK(""http://x"")",00000000-0000-7000-8000-000000000001,"trial, ""one""",00000000-0000-7000-8000-000000000002,head,00000000-0000-7000-8000-000000000003,00000000-0000-7000-8000-000000000004,1,512,2026-11-22T14:00:00Z,2026-11-22T14:01:30Z,asked,90,1000,90000,0.025000,1.13,EUR,PO 1,'+49,G-7,12 14,PO 2; PO 3,,'@x,2026-11-22T17:00:00Z,2026-11-22T16:00:00Z,provisional
`,
		UsageOrganizations: `organization,organization_id,from,to,runs,seconds,mcs,compute_hours,cost,currency,made_at,settled_until,status
"'=HYPERLINK(""http://x"")",00000000-0000-7000-8000-000000000001,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,1,90,90000,0.025000,1.13,EUR,2026-11-22T17:00:00Z,2026-11-22T16:00:00Z,provisional
`,
		UsageAll: `from,to,runs,seconds,mcs,compute_hours,cost,currency,made_at,settled_until,status
2026-11-01T00:00:00Z,2026-12-01T00:00:00Z,1,90,90000,0.025000,1.13,EUR,2026-11-22T17:00:00Z,2026-11-22T16:00:00Z,provisional
`,
	} {
		got, err := exported(t, table, []RunUse{run}, []UsageTotal{{id(1), run.OrganizationName, 90_000, Cost{113, "EUR"}}})
		if diff := cmp.Diff(strings.ReplaceAll(want, "\n", "\r\n"), got); err != nil || diff != "" {
			t.Error(table, err, diff)
		}
	}
	if _, err := exported(t, "sums", nil, nil); !errors.Is(err, ErrNoTable) {
		t.Errorf("a table that there is not: %v", err)
	}
}

func TestUsageExportRefusesWhatDoesNotTie(t *testing.T) {
	run := RunUse{OrganizationID: id(1), RunID: id(4), From: start, To: start.Add(time.Second), Rate: 1000, Hours: 1000}
	wrong, outside := run, run
	wrong.Hours = 999
	outside.To = start.AddDate(0, 1, 0)
	outside.Hours = Hours(outside.To.Unix()-start.Unix()) * 1000
	for name, c := range map[string]struct {
		runs   []RunUse
		totals []UsageTotal
		want   error
	}{
		"postings differ":       {[]RunUse{run}, []UsageTotal{{id(1), "a", 1001, Cost{}}}, ErrUntied},
		"postings without runs": {nil, []UsageTotal{{id(1), "a", 1, Cost{}}}, ErrUntied},
		"costs differ":          {[]RunUse{run}, []UsageTotal{{id(1), "a", 1000, Cost{1, "EUR"}}}, ErrUntied},
		"runs without postings": {[]RunUse{run}, nil, ErrUntied},
		"not seconds × rate":    {[]RunUse{wrong}, nil, ErrSegment},
		"outside the month":     {[]RunUse{outside}, nil, ErrSegment},
	} {
		if _, err := exported(t, UsageRuns, c.runs, c.totals); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
