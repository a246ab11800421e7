package books_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"volary.dev/store/books"
	"volary.dev/store/overview"
	"volary.dev/store/storetest"
)

func TestOneWorkerProvesTheLedgerOnceADay(t *testing.T) {
	w, _ := usedWorld(t)
	var ran atomic.Int32
	var workers sync.WaitGroup
	for n := range 6 {
		workers.Go(func() {
			proof, did, err := w.db.Books.ProveLedger(t.Context(), fmt.Sprint("worker-", n))
			if err != nil {
				t.Error(err)
			}
			if did {
				ran.Add(1)
				if proof.Difference != "" || proof.Journals == 0 || proof.Entries == 0 || proof.EndedAt == nil {
					t.Errorf("proof %+v", proof)
				}
			}
		})
	}
	workers.Wait()
	list := storetest.Must[[]books.LedgerProof](t)(w.db.Books.LedgerProofs(t.Context(), 10))
	if ran.Load() != 1 || len(list) != 1 || list[0].EndedAt == nil || list[0].Entries == 0 || list[0].EndedAt.Before(list[0].StartedAt) {
		t.Fatalf("%d workers proved it: %+v", ran.Load(), list)
	}
	if _, err := w.pool.Exec(t.Context(), `UPDATE people SET platform_admin = true WHERE id = $1`, w.person); err != nil {
		t.Fatal(err)
	}
	if f := storetest.Must[overview.PlatformFigures](t)(w.db.Overview.PlatformFigures(t.Context())); f.LedgerDay == nil || f.LedgerDifference != "" || f.LedgerStuck {
		t.Errorf("the platform's first page: %+v", f)
	}
	if n := w.count(`SELECT count(*) FROM mails WHERE kind = 'ledger_differs'`); n != 0 {
		t.Errorf("%d mails about a ledger that is whole", n)
	}
	// The next day finds what someone changed by hand, keeps it, and says so where it is read.
	w.tamper(`UPDATE ledger_proofs SET day = day - 1`)
	w.tamper(`UPDATE lots SET bought = bought + 1000, available = available + 1000`)
	proof, did, err := w.db.Books.ProveLedger(t.Context(), "worker-1")
	if err != nil || !did || !strings.Contains(proof.Difference, "the sums of lot") {
		t.Errorf("after tampering: %+v, %t, %v", proof, did, err)
	}
	list = storetest.Must[[]books.LedgerProof](t)(w.db.Books.LedgerProofs(t.Context(), 10))
	if len(list) != 2 || list[0].Difference != proof.Difference || list[1].Difference != "" {
		t.Errorf("written down: %+v", list)
	}
	if f := storetest.Must[overview.PlatformFigures](t)(w.db.Overview.PlatformFigures(t.Context())); f.LedgerDifference != proof.Difference {
		t.Errorf("the platform's first page: %+v", f)
	}
	if n := w.count(`SELECT count(*) FROM mails m JOIN people p ON p.email = m.to_address WHERE p.platform_admin AND m.kind = 'ledger_differs' AND m.data->>'difference' = $1`, proof.Difference); n != 1 {
		t.Errorf("%d mails to the platform's admin", n)
	}
	w.tamper(`UPDATE ledger_proofs SET day = day + 7, ended_at = NULL, journals = NULL, entries = NULL, difference = NULL, started_at = now() - interval '2 hours' WHERE difference IS NULL`)
	if f := storetest.Must[overview.PlatformFigures](t)(w.db.Overview.PlatformFigures(t.Context())); !f.LedgerStuck {
		t.Errorf("a proof that never ended: %+v", f)
	}
}

func TestAProofWhoseWorkerDiedIsTakenOver(t *testing.T) {
	w, _ := usedWorld(t)
	prove := func() bool {
		_, did, err := w.db.Books.ProveLedger(t.Context(), "second")
		if err != nil {
			t.Fatal(err)
		}
		return did
	}
	if _, err := w.pool.Exec(t.Context(), `INSERT INTO ledger_proofs (day, worker, started_at) VALUES ((now() AT TIME ZONE 'UTC')::date, 'first', now() - interval '50 minutes')`); err != nil {
		t.Fatal(err)
	}
	if prove() {
		t.Error("a proof at work was taken over")
	}
	w.tamper(`UPDATE ledger_proofs SET started_at = started_at - interval '20 minutes'`)
	if !prove() || prove() {
		t.Error("a dead worker's proof was not taken over, once")
	}
}
