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

func TestOneWorkerAuditsTheLedgerOnceADay(t *testing.T) {
	w, _ := usedWorld(t)
	var ran atomic.Int32
	var workers sync.WaitGroup
	for n := range 6 {
		workers.Go(func() {
			run, did, err := w.db.Books.AuditLedger(t.Context(), fmt.Sprint("worker-", n), books.Known{})
			if err != nil {
				t.Error(err)
			}
			if did {
				ran.Add(1)
				if run.Difference != "" || run.Journals == 0 || run.Entries == 0 || run.EndedAt == nil {
					t.Errorf("audit run %+v", run)
				}
			}
		})
	}
	workers.Wait()
	list := storetest.Must[[]books.AuditRun](t)(w.db.Books.AuditRuns(t.Context(), 10))
	if ran.Load() != 1 || len(list) != 1 || list[0].EndedAt == nil || list[0].Entries == 0 || list[0].EndedAt.Before(list[0].StartedAt) {
		t.Fatalf("%d workers did it: %+v", ran.Load(), list)
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
	w.tamper(`UPDATE audit_runs SET day = day - 1`)
	w.tamper(`UPDATE lots SET bought = bought + 1000, available = available + 1000`)
	run, did, err := w.db.Books.AuditLedger(t.Context(), "worker-1", books.Known{})
	if err != nil || !did || !strings.Contains(run.Difference, "the sums of lot") {
		t.Errorf("after tampering: %+v, %t, %v", run, did, err)
	}
	list = storetest.Must[[]books.AuditRun](t)(w.db.Books.AuditRuns(t.Context(), 10))
	if len(list) != 2 || list[0].Difference != run.Difference || list[1].Difference != "" {
		t.Errorf("written down: %+v", list)
	}
	if f := storetest.Must[overview.PlatformFigures](t)(w.db.Overview.PlatformFigures(t.Context())); f.LedgerDifference != run.Difference {
		t.Errorf("the platform's first page: %+v", f)
	}
	storetest.MailNotices(t, w.pool)
	if n := w.count(`SELECT count(*) FROM mails m JOIN people p ON p.email = m.to_address WHERE p.platform_admin AND m.kind = 'ledger_differs' AND m.data->>'difference' = $1`, run.Difference); n != 1 {
		t.Errorf("%d mails to the platform's admin", n)
	}
	w.tamper(`UPDATE audit_runs SET day = day + 7, ended_at = NULL, journals = NULL, entries = NULL, difference = NULL, started_at = now() - interval '2 hours' WHERE difference IS NULL`)
	if f := storetest.Must[overview.PlatformFigures](t)(w.db.Overview.PlatformFigures(t.Context())); !f.LedgerStuck {
		t.Errorf("an audit run that never ended: %+v", f)
	}
}

func TestAnAuditRunWhoseWorkerDiedIsTakenOver(t *testing.T) {
	w, _ := usedWorld(t)
	audit := func() bool {
		_, did, err := w.db.Books.AuditLedger(t.Context(), "second", books.Known{})
		if err != nil {
			t.Fatal(err)
		}
		return did
	}
	if _, err := w.pool.Exec(t.Context(), `INSERT INTO audit_runs (day, worker, started_at) VALUES ((now() AT TIME ZONE 'UTC')::date, 'first', now() - interval '50 minutes')`); err != nil {
		t.Fatal(err)
	}
	if audit() {
		t.Error("an audit run at work was taken over")
	}
	w.tamper(`UPDATE audit_runs SET started_at = started_at - interval '20 minutes'`)
	if !audit() || audit() {
		t.Error("a dead worker's audit run was not taken over, once")
	}
}
