package books_test

import (
	"bytes"
	"encoding/csv"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/store/books"
)

// A group's month is by who launched: who starts a cluster again has what it uses from then on. It ties to the ledger, its
// months are the provider's, and another organization's is empty.
func TestAGroupsMonthIsByWhoLaunched(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(100_000_000, nil)
	// The month changes at midnight in Berlin, an hour before UTC's.
	border := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	id, nodes := w.running(2, 3600, border.Add(-100*time.Second))
	for s := -95; s <= 50; s += 5 {
		w.prove(border.Add(time.Duration(s)*time.Second), nodes...)
	}
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, border.Add(time.Minute)))
	bert := uuid.Must(uuid.NewV7())
	w.exec(`INSERT INTO people (id, email, name, password_hash, created_at) VALUES ($1, 'bert@example.org', 'Bert', '-', now())`, bert)
	// Ada launched it, Bert another one.
	w.exec(`DELETE FROM cluster_starts`)
	w.exec(`INSERT INTO cluster_starts (cluster_id, number, organization_id, person_id, at, base) VALUES ($1, 1, $2, $3, $4, 0)`, id, w.org, w.person, border.Add(-200*time.Second))
	again := border.Add(time.Hour)
	w.exec(`INSERT INTO cluster_starts (cluster_id, number, organization_id, person_id, at, base) VALUES ($1, 2, $2, $3, $4, 0)`, id, w.org, bert, again)
	other, more := w.running(1, 3600, again)
	w.exec(`INSERT INTO cluster_starts (cluster_id, number, organization_id, person_id, at, base) VALUES ($1, 1, $2, $3, $4, 0)`, other, w.org, bert, again)
	w.prove(again.Add(5*time.Second), more...)
	w.must(w.db.Books.EndRunsNow(t.Context(), other, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), other, again.Add(time.Minute)))

	november, december := billing.Month{Year: 2026, Month: 11}, billing.Month{Year: 2026, Month: 12}
	for name, c := range map[string]struct {
		org    uuid.UUID
		filter books.GroupFilter
		want   map[string]billing.Hours
	}{
		"november":           {w.org, books.GroupFilter{Month: november}, map[string]billing.Hours{"Ada": 200_000}},
		"december":           {w.org, books.GroupFilter{Month: december}, map[string]billing.Hours{"Ada": 100_000, "Bert": 5_000}},
		"Bert's":             {w.org, books.GroupFilter{Month: december, Person: bert}, map[string]billing.Hours{"Bert": 5_000}},
		"with nobody":        {w.org, books.GroupFilter{Month: december, Provider: uuid.New()}, nil},
		"another's":          {uuid.New(), books.GroupFilter{Month: december}, nil},
		"before all of that": {w.org, books.GroupFilter{Month: billing.Month{Year: 2026, Month: 10}}, nil},
	} {
		use, err := w.db.Books.GroupUsage(t.Context(), c.org, c.filter)
		w.must(err)
		people := use.People()
		if len(people) != len(c.want) {
			t.Errorf("%s: %+v", name, people)
		}
		for _, p := range people {
			if p.Hours != c.want[p.PersonName] {
				t.Errorf("%s: %s used %d", name, p.PersonName, p.Hours)
			}
		}
	}
	var b bytes.Buffer
	w.must(w.db.Books.ExportGroupUsage(t.Context(), w.org, books.GroupFilter{Month: december}, billing.NewCSV(&b, billing.UsageRuns)))
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 1+2+1 || rows[1][0] != "Ada" || rows[3][0] != "Bert" || rows[3][2] != "North" {
		t.Errorf("%v, %v", rows, err)
	}
	w.tamper(`UPDATE usage_lines SET hours = hours + 3600 WHERE run_id IN (SELECT id FROM runs WHERE cluster_id = (SELECT max(cluster_id::text)::uuid FROM runs))`)
	if _, err := w.db.Books.GroupUsage(t.Context(), w.org, books.GroupFilter{Month: december}); err == nil {
		t.Error("use that is not in the ledger was added up")
	}
	first, last, err := w.db.Books.MonthsOfGroup(t.Context(), w.org, border)
	if err != nil || last != december || december.Before(first) {
		t.Errorf("months %v to %v, %v", first, last, err)
	}
}
