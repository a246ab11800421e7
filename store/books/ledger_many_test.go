package books_test

import (
	"testing"

	"volary.dev/store/storetest"
)

// TestManyWriters has 16 writers do 20,000 operations: sums are zero, nothing is negative, the chain is whole. `dev bench ledger` does
// ten times as many from twice as many.
func TestManyWriters(t *testing.T) {
	w := storetest.NewWorld(t)
	const writers = 16
	report, err := storetest.NewCrowd(t, w, storetest.OpenMany(t, w.Pool, writers), writers).Run(t.Context(), w.Pool, 20_000)
	storetest.NoError(t, err)
	if report.Refused == 0 || report.Entries < 5000 {
		t.Errorf("%+v: nobody lacked hours, or too little was booked", report)
	}
	t.Logf("%d operations in %s: %d entries, %d refusals", report.Operations, report.Took, report.Entries, report.Refused)
}
