package books_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
)

func (w *ledgerWorld) runs(node uuid.UUID) []string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `
		SELECT extract(epoch FROM started_at - $2)::int || '-' || extract(epoch FROM ended_at - $2)::int ||
		       coalesce(' ' || nullif(close_reason, ''), '')
		  FROM runs WHERE node_id = $1 ORDER BY started_at`, node, at(0))
	w.must(err)
	defer rows.Close()
	var runs []string
	for rows.Next() {
		var s string
		w.must(rows.Scan(&s))
		runs = append(runs, s)
	}
	return runs
}

func (w *ledgerWorld) wantRuns(node uuid.UUID, want ...string) {
	w.t.Helper()
	got := w.runs(node)
	if len(got) != len(want) {
		w.t.Fatalf("runs %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			w.t.Errorf("runs %v, want %v", got, want)
		}
	}
}

func TestAGapOfMoreThanTwoRoundsEndsARunAtItsLastProof(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(1_000_000, nil)
	id, nodes := w.running(1, 500, at(0))
	w.proveUntil(0, 20, nodes...)
	w.prove(at(30).Add(900*time.Millisecond), nodes...) // two rounds, a little late: one was missed
	w.wantRuns(nodes[0], "0-30")
	w.prove(at(45), nodes...)
	w.wantRuns(nodes[0], "0-30 gap", "45-45")
	w.prove(at(50), nodes...)
	w.prove(at(40), nodes...) // an old round comes late
	w.wantRuns(nodes[0], "0-30 gap", "45-50")
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.prove(at(55), nodes...) // still seen while it powers off: nothing resumes
	w.wantRuns(nodes[0], "0-30 gap", "45-50 asked")
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(60)))
	w.balance(0, 35, 965)
	w.verified()
}

func TestANewStartIdentityEndsARun(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(1_000_000, nil)
	_, nodes := w.running(1, 500, at(0))
	w.proveUntil(0, 10, nodes...)
	w.must(w.db.Books.ProveLifeNow(t.Context(), w.host, at(15), billing.Proof{NodeID: nodes[0], StartID: "s2"}))
	w.must(w.db.Books.ProveLifeNow(t.Context(), w.host, at(20), billing.Proof{NodeID: nodes[0], StartID: "s2"}))
	w.wantRuns(nodes[0], "0-10 restarted")
}

func TestARunNeverPassesTheLease(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(1_000_000, nil)
	id, nodes := w.running(2, 30, at(0).Add(999*time.Millisecond))
	w.proveUntil(0, 60, nodes...)
	w.wantRuns(nodes[0], "0-30")
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "lease_ended"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(65)))
	w.balance(0, 60, 940)
}

func TestAHostThatWasLostResumesTheSameStart(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(1_000_000, nil)
	id, nodes := w.running(2, 500, at(0))
	w.proveUntil(0, 10, nodes...)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nodes[:1], "host_lost"))
	w.must(w.db.Books.SettleNow(t.Context(), id, at(20)))
	if n := w.count(`SELECT sum(used) FROM lots`); n != 10_000 {
		t.Errorf("booked %d mcs at the end of one node's run", n)
	}
	w.prove(at(100), nodes[0])
	w.wantRuns(nodes[0], "0-10 host_lost", "100-100")
	w.exec(`UPDATE nodes SET desired = 'gone' WHERE cluster_id = $1`, id)
	w.exec(`UPDATE clusters SET desired = 'gone' WHERE id = $1`, id)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "host_lost"))
	w.prove(at(105), nodes...)
	w.wantRuns(nodes[0], "0-10 host_lost", "100-100 host_lost")
}

func TestOnlyTheNodesOwnHostProves(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(1_000_000, nil)
	_, nodes := w.running(1, 500, at(0))
	w.must(w.db.Books.ProveLifeNow(t.Context(), uuid.New(), at(5), billing.Proof{NodeID: nodes[0], StartID: "s1"}))
	w.wantRuns(nodes[0], "0-0")
}

func TestBeginningRunsTwiceOpensThemOnce(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(1_000_000, nil)
	id, nodes := w.running(3, 100, at(0))
	w.must(w.db.Books.BeginRunsNow(t.Context(), id))
	w.wantRuns(nodes[2], "0-0")
}

func TestAcceptanceTestsAreNotMetered(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(1_000_000, nil)
	id, nodes := w.clusterFor("test", 1, 100)
	w.ready(id, at(0))
	w.prove(at(5), nodes...)
	w.wantRuns(nodes[0])
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(10)))
	w.balance(0, 0, 1000)
}
