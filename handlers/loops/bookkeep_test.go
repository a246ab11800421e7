package loops_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"volary.dev/billing"
	"volary.dev/handlers/loops"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// auditLog runs a bookkeeper until it has logged a line about the ledger.
func auditLog(t *testing.T, w *storetest.World) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, to := io.Pipe()
	b := &loops.Bookkeeper{Engine: loops.Engine{Core: storetest.OpenAs(t, w.Pool, store.RoleWorker).Core, Books: storetest.OpenAs(t, w.Pool, store.RoleWorker).Books, Models: storetest.OpenAs(t, w.Pool, store.RoleWorker).Models, Machines: storetest.OpenAs(t, w.Pool, store.RoleWorker).Machines, Worker: "worker-1", Log: slog.New(slog.NewTextHandler(to, nil))}}
	go func() { to.CloseWithError(b.Run(ctx)) }()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if strings.Contains(lines.Text(), "ledger") {
			cancel()
			go func() { _, _ = io.Copy(io.Discard, r) }()
			return lines.Text()
		}
	}
	t.Fatal("nothing was logged about the ledger")
	return ""
}

func TestBookkeeperHasTheLedgerAudited(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Grant(t, w.Organization, billing.ComputeHour)
	if line := auditLog(t, w); !strings.Contains(line, "level=INFO") || !strings.Contains(line, "whole") || !strings.Contains(line, "journals=1") {
		t.Errorf("logged %s", line)
	}
	w.Exec(t, `UPDATE audit_runs SET day = day - 1`)
	w.Exec(t, `ALTER TABLE lots DISABLE TRIGGER ALL`)
	w.Exec(t, `UPDATE lots SET bought = bought + 5, available = available + 5`)
	if line := auditLog(t, w); !strings.Contains(line, "level=ERROR") || !strings.Contains(line, "the sums of lot") {
		t.Errorf("logged %s", line)
	}
}
