package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// entriesAtOnce bounds what a verification keeps in memory.
const entriesAtOnce = 500

// storedEntry is an entry as it was read, with its usage lines.
type storedEntry struct {
	billing.Entry
	lines []billing.Line
}

// readEntries reads the next entries of a journal behind a sequence number, in order.
func readEntries(ctx context.Context, tx pgx.Tx, w wallet, after int64) ([]storedEntry, error) {
	rows, err := tx.Query(ctx, `
		SELECT seq, kind, at, key, person_id, expires_at, period_from, period_to, lines, lines_digest, previous, hash
		  FROM ledger_entries WHERE wallet_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`, w.ID, after, entriesAtOnce)
	if err != nil {
		return nil, fmt.Errorf("entries of journal %s: %w", w.ID, err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (storedEntry, error) { return scanEntry(row, w) })
	if err != nil {
		return nil, fmt.Errorf("entries of journal %s: %w", w.ID, err)
	}
	if len(entries) == 0 {
		return nil, nil
	}
	place := map[int64]*storedEntry{}
	for i := range entries {
		place[entries[i].Seq] = &entries[i]
	}
	last := entries[len(entries)-1].Seq
	if err := readPostings(ctx, tx, w, after, last, place); err != nil {
		return nil, err
	}
	return entries, readLines(ctx, tx, w, after, last, place)
}

func scanEntry(row pgx.CollectableRow, w wallet) (storedEntry, error) {
	var e storedEntry
	var person *uuid.UUID
	var expires, from, to *time.Time
	var digest, previous, hash []byte
	err := row.Scan(&e.Seq, &e.Kind, &e.At, &e.Key, &person, &expires, &from, &to, &e.Lines, &digest, &previous, &hash)
	e.Journal = w.journal()
	if person != nil {
		e.By = *person
	}
	e.ExpiresAt, e.Period = orZero(expires), billing.Period{From: orZero(from), To: orZero(to)}
	copy(e.LinesDigest[:], digest)
	copy(e.Previous[:], previous)
	copy(e.Hash[:], hash)
	return e, err
}

func readPostings(ctx context.Context, tx pgx.Tx, w wallet, after, last int64, place map[int64]*storedEntry) error {
	rows, err := tx.Query(ctx, `
		SELECT seq, lot_id, account, cluster_id, hours FROM ledger_postings
		 WHERE wallet_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq, number`, w.ID, after, last)
	if err != nil {
		return fmt.Errorf("postings of journal %s: %w", w.ID, err)
	}
	var seq int64
	var p billing.Posting
	var cluster *uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&seq, &p.LotID, &p.Account, &cluster, &p.Hours}, func() error {
		p.ClusterID = uuid.Nil
		if cluster != nil {
			p.ClusterID = *cluster
		}
		if e := place[seq]; e != nil {
			e.Postings = append(e.Postings, p)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("postings of journal %s: %w", w.ID, err)
	}
	return nil
}

func readLines(ctx context.Context, tx pgx.Tx, w wallet, after, last int64, place map[int64]*storedEntry) error {
	rows, err := tx.Query(ctx, `
		SELECT seq, run_id, cluster_id, node_id, from_at, to_at, rate, hours FROM usage_lines
		 WHERE wallet_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq, run_id, from_at`, w.ID, after, last)
	if err != nil {
		return fmt.Errorf("usage lines of journal %s: %w", w.ID, err)
	}
	var seq int64
	var l billing.Line
	columns := []any{&seq, &l.RunID, &l.ClusterID, &l.NodeID, &l.From, &l.To, &l.Rate, &l.Hours}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		if e := place[seq]; e != nil {
			e.lines = append(e.lines, l)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("usage lines of journal %s: %w", w.ID, err)
	}
	return nil
}
