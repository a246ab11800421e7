package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// booking is a draft with the usage lines it sums up, if it is a use.
type booking struct {
	billing.Draft
	lines []billing.Line
}

// book appends drafts to the locked wallet's journal. The chain's head is the last lock a transaction takes. The
// database moves the head with each entry, and the sums of lots and holds as the postings arrive; it refuses an entry that
// does not continue the chain, and a key it has seen.
func book(ctx context.Context, tx pgx.Tx, w wallet, bookings []booking) error {
	if len(bookings) == 0 {
		return nil
	}
	head, err := lockHead(ctx, tx, w)
	if err != nil {
		return err
	}
	zone, err := w.zone()
	if err != nil {
		return err
	}
	months := openMonths{}
	batch := &pgx.Batch{}
	var postings postingColumns
	var money moneyColumns
	var lines lineColumns
	for _, b := range bookings {
		d := b.Draft.Behind(head).Dated(zone)
		month, err := months.of(ctx, tx, w, d.Month)
		if err != nil {
			return err
		}
		e, err := billing.Seal(d.InAccountsOf(month), head)
		if err != nil {
			return fmt.Errorf("book %s: %w", b.Key, err)
		}
		queueEntry(batch, w, e)
		postings.add(e)
		money.add(e)
		lines.add(e, b.lines)
		head = e.Head()
	}
	postings.queue(batch, w)
	money.queue(batch, w)
	lines.queue(batch, w)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("book %d entries in journal %s: %w", len(bookings), w.ID, err)
	}
	return nil
}

func lockHead(ctx context.Context, tx pgx.Tx, w wallet) (billing.Head, error) {
	head := billing.Head{Journal: w.journal()}
	var hash []byte
	var last *time.Time
	err := tx.QueryRow(ctx, `SELECT seq, hash, at FROM journal_heads WHERE wallet_id = $1 FOR NO KEY UPDATE`, w.ID).Scan(&head.Seq, &hash, &last)
	if err != nil {
		return head, fmt.Errorf("lock head of journal %s: %w", w.ID, err)
	}
	copy(head.Hash[:], hash)
	head.At = orZero(last)
	return head, nil
}

func queueEntry(batch *pgx.Batch, w wallet, e billing.Entry) {
	var digest []byte
	if !e.LinesDigest.IsZero() {
		digest = e.LinesDigest[:]
	}
	batch.Queue(`
		INSERT INTO ledger_entries (wallet_id, seq, version, kind, at, key, person_id, expires_at, period_from, period_to,
		                            lines, lines_digest, previous, hash, accounting_date, period, corrects, reason, signed_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::text::date, ($16::text || '-01')::date, nullif($17::bigint, 0), $18, $19)`,
		w.ID, e.Seq, e.Version, e.Kind, e.At, e.Key, store.OrNull(e.By), store.OrNoTime(e.ExpiresAt), store.OrNoTime(e.Period.From), store.OrNoTime(e.Period.To),
		e.Lines, digest, e.Previous[:], e.Hash[:], e.Date.String(), e.Month.String(),
		e.Corrects.Seq, e.Corrects.Reason, store.OrNull(e.Corrects.SignedBy))
	for i, f := range e.Facts {
		batch.Queue(`INSERT INTO ledger_facts (wallet_id, seq, number, what, subject_id, digest) VALUES ($1, $2, $3, $4, $5, $6)`,
			w.ID, e.Seq, i+1, f.What, f.ID, f.Digest[:])
	}
}

// postingColumns gathers the postings of all entries for one statement, so that the sums move once.
type postingColumns struct {
	seq     []int64
	number  []int32
	lot     []uuid.UUID
	account []string
	cluster []*uuid.UUID
	hours   []int64
}

func (c *postingColumns) add(e billing.Entry) {
	for i, p := range e.Postings {
		c.seq = append(c.seq, e.Seq)
		c.number = append(c.number, int32(i+1))
		c.lot = append(c.lot, p.LotID)
		c.account = append(c.account, string(p.Account))
		c.cluster = append(c.cluster, store.OrNull(p.ClusterID))
		c.hours = append(c.hours, int64(p.Hours))
	}
}

func (c *postingColumns) queue(batch *pgx.Batch, w wallet) {
	batch.Queue(`
		INSERT INTO ledger_postings (wallet_id, seq, number, lot_id, account, cluster_id, hours)
		SELECT $1, u.* FROM unnest($2::bigint[], $3::int[], $4::uuid[], $5::text[], $6::uuid[], $7::bigint[]) u`,
		w.ID, c.seq, c.number, c.lot, c.account, c.cluster, c.hours)
}

// moneyColumns are the same of money.
type moneyColumns struct {
	seq, amount       []int64
	number            []int32
	account, currency []string
	lot               []*uuid.UUID
}

func (c *moneyColumns) add(e billing.Entry) {
	for i, p := range e.Money {
		c.seq = append(c.seq, e.Seq)
		c.number = append(c.number, int32(i+1))
		c.account = append(c.account, string(p.Account))
		c.lot = append(c.lot, store.OrNull(p.LotID))
		c.currency = append(c.currency, string(p.Currency))
		c.amount = append(c.amount, p.Minor)
	}
}

func (c *moneyColumns) queue(batch *pgx.Batch, w wallet) {
	if len(c.seq) == 0 {
		return
	}
	batch.Queue(`
		INSERT INTO money_postings (wallet_id, seq, number, account, lot_id, currency, amount)
		SELECT $1, u.* FROM unnest($2::bigint[], $3::int[], $4::text[], $5::uuid[], $6::text[], $7::bigint[]) u`,
		w.ID, c.seq, c.number, c.account, c.lot, c.currency, c.amount)
}

// lineColumns are the same of usage lines, of which there may be many: their ids are bytes, which pgx sends as they
// are, while it asks each uuid.UUID for its text.
type lineColumns struct {
	seq, rate, hours        []int64
	run, cluster, node, lot [][16]byte
	from, to                []time.Time
	cost                    []*int64
}

func (c *lineColumns) add(e billing.Entry, lines []billing.Line) {
	for _, l := range lines {
		c.seq = append(c.seq, e.Seq)
		c.rate = append(c.rate, int64(l.Rate))
		c.hours = append(c.hours, int64(l.Hours))
		c.run = append(c.run, l.RunID)
		c.cluster = append(c.cluster, l.ClusterID)
		c.node = append(c.node, l.NodeID)
		c.lot = append(c.lot, l.LotID)
		c.from = append(c.from, l.From)
		c.to = append(c.to, l.To)
		var cost *int64
		if l.Cost != nil {
			cost = &l.Cost.Minor
		}
		c.cost = append(c.cost, cost)
	}
}

func (c *lineColumns) queue(batch *pgx.Batch, w wallet) {
	if len(c.seq) == 0 {
		return
	}
	batch.Queue(`
		INSERT INTO usage_lines (wallet_id, seq, run_id, cluster_id, node_id, lot_id, from_at, to_at, rate, hours, cost)
		SELECT $1, u.* FROM unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[],
		                           $7::timestamptz[], $8::timestamptz[], $9::bigint[], $10::bigint[], $11::bigint[]) u`,
		w.ID, c.seq, c.run, c.cluster, c.node, c.lot, c.from, c.to, c.rate, c.hours, c.cost)
}
