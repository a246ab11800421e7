package books

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// AuditRun is one day's recomputing of the whole ledger: that it is whole, or what differs.
type AuditRun struct {
	Day        time.Time // midnight, UTC
	Worker     string
	StartedAt  time.Time
	EndedAt    *time.Time // nil: at work, or its worker died
	Journals   int
	Entries    int
	Difference string // the first one; empty: none
}

// AuditPatience is after how long another worker takes an audit run over that was begun and never ended.
const AuditPatience = time.Hour

// AuditRuns gives the last audit runs, newest first.
func (db *DB) AuditRuns(ctx context.Context, limit int) ([]AuditRun, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT day, worker, started_at, ended_at, coalesce(journals, 0) AS journals, coalesce(entries, 0) AS entries, coalesce(difference, '') AS difference
		FROM audit_runs ORDER BY day DESC LIMIT $1`, limit)
	return store.All(rows, "audit runs of the ledger", pgx.RowToStructByName[AuditRun])
}
