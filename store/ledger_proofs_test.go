package store_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"volary.dev/store"
)

func TestOneWorkerProvesTheLedgerOnceADay(t *testing.T) {
	w, _ := usedWorld(t)
	var ran atomic.Int32
	var workers sync.WaitGroup
	for n := range 6 {
		workers.Go(func() {
			proof, did, err := w.db.ProveLedger(t.Context(), fmt.Sprint("worker-", n))
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
	list := must[[]store.LedgerProof](t)(w.db.LedgerProofs(t.Context(), 10))
	if ran.Load() != 1 || len(list) != 1 || list[0].EndedAt == nil || list[0].Entries == 0 || list[0].EndedAt.Before(list[0].StartedAt) {
		t.Fatalf("%d workers proved it: %+v", ran.Load(), list)
	}
	// The next day finds what someone changed by hand, and keeps it.
	w.tamper(`UPDATE ledger_proofs SET day = day - 1`)
	w.tamper(`UPDATE lots SET bought = bought + 1000, available = available + 1000`)
	proof, did, err := w.db.ProveLedger(t.Context(), "worker-1")
	if err != nil || !did || !strings.Contains(proof.Difference, "the sums of lot") {
		t.Errorf("after tampering: %+v, %t, %v", proof, did, err)
	}
	list = must[[]store.LedgerProof](t)(w.db.LedgerProofs(t.Context(), 10))
	if len(list) != 2 || list[0].Difference != proof.Difference || list[1].Difference != "" {
		t.Errorf("written down: %+v", list)
	}
}

func TestAProofWhoseWorkerDiedIsTakenOver(t *testing.T) {
	w, _ := usedWorld(t)
	prove := func() bool {
		_, did, err := w.db.ProveLedger(t.Context(), "second")
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
