package billing

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strconv"
	"testing"
	"time"
)

// Whoever adds up a column of a file of a group's month has its sum, whichever of its tables it is; a run that leaves its
// provider's month is refused.
func TestEachTableOfAGroupsMonthSumsToTheSame(t *testing.T) {
	november, berlin := Month{2026, 11}, time.FixedZone("CET", 3600)
	parts := []GroupPart{
		{ProviderID: id(1), ProviderName: "North", Zone: berlin, Period: november.Period(berlin)},
		{ProviderID: id(2), ProviderName: "South", Zone: time.UTC, Period: november.Period(time.UTC)},
	}
	run := func(person, cluster int, seconds int64, cost Cost) GroupRun {
		return GroupRun{PersonID: id(person), PersonName: "P" + strconv.Itoa(person), RunUse: RunUse{
			ClusterID: id(cluster), From: start, To: start.Add(time.Duration(seconds) * time.Second), Rate: 1000, Hours: Hours(seconds * 1000), Cost: cost,
		}}
	}
	runs := [][]GroupRun{{run(10, 20, 60, Cost{5, "EUR"}), run(10, 20, 30, Cost{}), run(11, 21, 7, Cost{3, "EUR"})}, {run(10, 22, 100, Cost{9, "USD"})}}
	for table, lines := range map[string]int{UsageRuns: 4, GroupPeople: 3, GroupTotals: 2} {
		var b bytes.Buffer
		w, err := NewGroupUsageWriter(NewCSV(&b, table))
		for i, part := range parts {
			err = errors.Join(err, w.Begin(part))
			for _, r := range runs[i] {
				err = errors.Join(err, w.Run(r))
			}
			err = errors.Join(err, w.Tie(part, UsageTotal{Hours: []Hours{97_000, 100_000}[i], Cost: []Cost{{8, "EUR"}, {9, "USD"}}[i]}))
		}
		if err = errors.Join(err, w.Finish()); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != lines+1 {
			t.Fatalf("%s: %d rows, %v", table, len(rows), err)
		}
		sum := int64(0)
		for i, name := range rows[0] {
			for _, row := range rows[1:] {
				if n, err := strconv.ParseInt(row[i], 10, 64); name == "mcs" && err == nil {
					sum += n
				}
			}
		}
		if sum != 197_000 {
			t.Errorf("%s sums to %d mcs", table, sum)
		}
		if people := w.People(); people[0].PersonName != "P10" || people[0].Part.ProviderName != "South" || people[1].Clusters != 1 || people[1].Runs != 2 || people[1].Cost.Minor != 5 {
			t.Errorf("%+v", people)
		}
		if err := w.Tie(parts[0], UsageTotal{Hours: 97_000, Cost: Cost{9, "EUR"}}); !errors.Is(err, ErrUntied) {
			t.Errorf("a sum that is not the ledger's: %v", err)
		}
	}
	var use GroupUse
	outside := run(10, 20, 60, Cost{})
	outside.From, outside.To = outside.From.AddDate(0, 1, 0), outside.To.AddDate(0, 1, 0)
	if err := errors.Join(use.Begin(parts[0]), use.Add(outside)); !errors.Is(err, ErrSegment) {
		t.Errorf("a run of another month: %v", err)
	}
}
