package books

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// LedgerProof is one day's proof that the ledger is whole, or what differed.
type LedgerProof struct {
	Day        time.Time // midnight, UTC
	Worker     string
	StartedAt  time.Time
	EndedAt    *time.Time // nil: at work, or its worker died
	Journals   int
	Entries    int
	Difference string // the first one; empty: none
}

// ProofPatience is after how long another worker takes a proof over that was begun and never ended.
const ProofPatience = time.Hour

// LedgerProofs gives the last proofs, newest first.
func (db *DB) LedgerProofs(ctx context.Context, limit int) ([]LedgerProof, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT day, worker, started_at, ended_at, coalesce(journals, 0) AS journals, coalesce(entries, 0) AS entries, coalesce(difference, '') AS difference
		FROM ledger_proofs ORDER BY day DESC LIMIT $1`, limit)
	return store.All(rows, "proofs of the ledger", pgx.RowToStructByName[LedgerProof])
}
