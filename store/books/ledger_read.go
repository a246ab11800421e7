package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/typed"
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
		SELECT seq, version, kind, at, key, person_id, expires_at, period_from, period_to, lines, lines_digest, previous, hash,
		       accounting_date, period, coalesce(corrects, 0), reason, signed_by
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
	for _, read := range []func(context.Context, pgx.Tx, wallet, int64, int64, map[int64]*storedEntry) error{
		readPostings, readMoney, readFacts, readLines,
	} {
		if err := read(ctx, tx, w, after, last, place); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

func scanEntry(row pgx.CollectableRow, w wallet) (storedEntry, error) {
	var e storedEntry
	var person, signed *uuid.UUID
	var expires, from, to *time.Time
	var date, month time.Time
	var digest, previous, hash []byte
	err := row.Scan(&e.Seq, &e.Version, &e.Kind, &e.At, &e.Key, &person, &expires, &from, &to, &e.Lines, &digest, &previous, &hash,
		&date, &month, &e.Corrects.Seq, &e.Corrects.Reason, &signed)
	e.Journal = w.journal()
	e.Date, e.Month = typed.DayOf(date, time.UTC), billing.MonthOf(month, time.UTC)
	if person != nil {
		e.By = *person
	}
	if signed != nil {
		e.Corrects.SignedBy = *signed
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

func readMoney(ctx context.Context, tx pgx.Tx, w wallet, after, last int64, place map[int64]*storedEntry) error {
	rows, err := tx.Query(ctx, `
		SELECT seq, account, lot_id, currency, amount FROM money_postings
		 WHERE wallet_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq, number`, w.ID, after, last)
	if err != nil {
		return fmt.Errorf("money of journal %s: %w", w.ID, err)
	}
	var seq int64
	var p billing.MoneyPosting
	var lot *uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&seq, &p.Account, &lot, &p.Currency, &p.Minor}, func() error {
		p.LotID = uuid.Nil
		if lot != nil {
			p.LotID = *lot
		}
		if e := place[seq]; e != nil {
			e.Money = append(e.Money, p)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("money of journal %s: %w", w.ID, err)
	}
	return nil
}

func readFacts(ctx context.Context, tx pgx.Tx, w wallet, after, last int64, place map[int64]*storedEntry) error {
	rows, err := tx.Query(ctx, `
		SELECT seq, what, subject_id, digest FROM ledger_facts
		 WHERE wallet_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq, number`, w.ID, after, last)
	if err != nil {
		return fmt.Errorf("facts of journal %s: %w", w.ID, err)
	}
	var seq int64
	var f billing.Fact
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&seq, &f.What, &f.ID, &digest}, func() error {
		copy(f.Digest[:], digest)
		if e := place[seq]; e != nil {
			e.Facts = append(e.Facts, f)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("facts of journal %s: %w", w.ID, err)
	}
	return nil
}

func readLines(ctx context.Context, tx pgx.Tx, w wallet, after, last int64, place map[int64]*storedEntry) error {
	rows, err := tx.Query(ctx, `
		SELECT u.seq, u.run_id, u.cluster_id, u.node_id, u.from_at, u.to_at, u.rate, u.hours, u.lot_id, u.cost, coalesce(l.currency, '')
		  FROM usage_lines u LEFT JOIN lots l ON l.id = u.lot_id
		 WHERE u.wallet_id = $1 AND u.seq > $2 AND u.seq <= $3 ORDER BY u.seq, u.run_id, u.from_at`, w.ID, after, last)
	if err != nil {
		return fmt.Errorf("usage lines of journal %s: %w", w.ID, err)
	}
	var seq int64
	var l billing.Line
	var cost *int64
	var currency billing.Currency
	columns := []any{&seq, &l.RunID, &l.ClusterID, &l.NodeID, &l.From, &l.To, &l.Rate, &l.Hours, &l.LotID, &cost, &currency}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		l.Cost = nil
		if cost != nil {
			l.Cost = &billing.Money{Minor: *cost, Currency: currency}
		}
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
