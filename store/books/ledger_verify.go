package books

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// LedgerReport is what verifying found. Difference is nil where everything is as it has to be.
type LedgerReport struct {
	Journals   int
	Entries    int
	Lines      int
	Runs       int
	Vouchers   int            // older heads that hold
	Heads      []billing.Head // of the journals that are whole
	Difference *billing.Difference

	older billing.Older   // by journals that are still to come
	terms []billing.Terms // of the journal that is looked at
}

// VerifyLedger recomputes every journal from its entries, postings and usage lines: the hash chain, that times rise, that
// each entry balances, that no account goes below zero, that the sums kept with lots and holds are those of the postings,
// that each booked second of a run is in one line, that lots, orders and invoices are what entries say of them, that the costs of
// a sold lot's lines are the share of its amount that is used, and that its accounts and what is owed follow from that. Then it
// counts each provider's papers. Entries that heads of older days are of have to have those hashes still. It reads one snapshot, changes
// nothing, and stops at the first difference.
func (db *DB) VerifyLedger(ctx context.Context, older ...billing.OlderHead) (LedgerReport, error) {
	report := LedgerReport{older: billing.NewOlder(older...)}
	err := db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT w.id, w.provider_id, w.organization_id, p.accounting_zone
			  FROM wallets w JOIN providers p ON p.id = w.provider_id ORDER BY w.id`)
		if err != nil {
			return err
		}
		wallets, err := pgx.CollectRows(rows, pgx.RowToStructByName[wallet])
		if err != nil {
			return err
		}
		for _, w := range wallets {
			report.Journals++
			if err := verifyJournal(ctx, tx, w, &report); err != nil || report.Difference != nil {
				return err
			}
		}
		if report.Difference = lostJournal(report.older); report.Difference != nil {
			return nil //nolint:nilerr // what was found is the report
		}
		return verifyPapers(ctx, tx, &report)
	})
	if err != nil {
		return report, fmt.Errorf("verify ledger: %w", err)
	}
	return report, nil
}

func verifyJournal(ctx context.Context, tx pgx.Tx, w wallet, report *LedgerReport) error {
	var unordered int64
	if err := tx.QueryRow(ctx, `SELECT unordered FROM journal_heads WHERE wallet_id = $1`, w.ID).Scan(&unordered); err != nil {
		return fmt.Errorf("head of journal %s: %w", w.ID, err)
	}
	audit := billing.NewAudit(w.journal(), unordered)
	audit.Against(report.older)
	delete(report.older, w.journal().ID())
	for {
		entries, err := readEntries(ctx, tx, w, audit.Head().Seq)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			report.Entries++
			report.Lines += len(e.lines)
			if report.Difference = audit.Next(e.Entry, e.lines); report.Difference != nil {
				return nil //nolint:nilerr // what was found is the report
			}
		}
	}
	for _, check := range []func(context.Context, pgx.Tx, wallet, *billing.Audit, *LedgerReport) error{
		verifyHead, verifyLots, verifyHolds, verifyRuns, verifyFacts, verifyCosts, verifyHoldCosts, verifyMoney,
	} {
		if err := check(ctx, tx, w, audit, report); err != nil || report.Difference != nil {
			return err
		}
	}
	report.Vouchers += audit.Vouchers
	report.Heads = append(report.Heads, audit.Head())
	return nil
}

// lostJournal names a journal that older heads are of, and that is not there.
func lostJournal(left billing.Older) *billing.Difference {
	for _, id := range slices.SortedFunc(maps.Keys(left), func(a, b billing.Digest) int { return bytes.Compare(a[:], b[:]) }) {
		h := left[id][len(left[id])-1]
		return &billing.Difference{What: fmt.Sprintf("the journal %s, which reached entry %d by %s,", id, h.Seq, h.Of), Expected: "there", Found: "missing"}
	}
	return nil
}

func differs(w wallet, what string, expected, found any) *billing.Difference {
	return &billing.Difference{Journal: w.journal(), What: what, Expected: fmt.Sprint(expected), Found: fmt.Sprint(found)}
}

// verifyHead finds entries that were cut off at the end.
func verifyHead(ctx context.Context, tx pgx.Tx, w wallet, audit *billing.Audit, report *LedgerReport) error {
	var seq int64
	var hash []byte
	if err := tx.QueryRow(ctx, `SELECT seq, hash FROM journal_heads WHERE wallet_id = $1`, w.ID).Scan(&seq, &hash); err != nil {
		return fmt.Errorf("head of journal %s: %w", w.ID, err)
	}
	if head := audit.Head(); seq != head.Seq || string(hash) != string(head.Hash[:]) {
		report.Difference = differs(w, "the last entry", fmt.Sprintf("%d (%x)", seq, hash), fmt.Sprintf("%d (%s)", head.Seq, head.Hash))
		return nil
	}
	report.Difference = audit.Lacking()
	return nil
}

func verifyLots(ctx context.Context, tx pgx.Tx, w wallet, audit *billing.Audit, report *LedgerReport) error {
	rows, err := tx.Query(ctx, `
		SELECT id, expires_at, bought, available, held, used, expired, refunded FROM lots WHERE wallet_id = $1 ORDER BY id`, w.ID)
	if err != nil {
		return err
	}
	type row struct {
		ID        uuid.UUID
		ExpiresAt *time.Time
		billing.LotBalance
	}
	lots, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return err
	}
	if n := len(audit.Balances().Lots); n != len(lots) {
		report.Difference = differs(w, "the number of lots", n, len(lots))
		return nil
	}
	for _, l := range lots {
		if want := audit.Balances().Lots[l.ID]; want != l.LotBalance {
			report.Difference = differs(w, "the sums of lot "+l.ID.String()+" in mcs", balanceText(want), balanceText(l.LotBalance))
			return nil
		}
		if want := audit.Expiry(l.ID); !want.Equal(orZero(l.ExpiresAt)) {
			report.Difference = differs(w, "the expiry of lot "+l.ID.String(), want.UTC(), orZero(l.ExpiresAt).UTC())
			return nil
		}
	}
	return nil
}

func balanceText(b billing.LotBalance) string {
	return fmt.Sprintf("bought %d, available %d, held %d, used %d, expired %d, refunded %d", b.Bought, b.Available, b.Held, b.Used, b.Expired, b.Refunded)
}

func verifyHolds(ctx context.Context, tx pgx.Tx, w wallet, audit *billing.Audit, report *LedgerReport) error {
	rows, err := tx.Query(ctx, `
		SELECT h.lot_id, h.cluster_id, h.held FROM holds h JOIN lots l ON l.id = h.lot_id
		 WHERE l.wallet_id = $1 ORDER BY h.cluster_id, h.lot_id`, w.ID)
	if err != nil {
		return err
	}
	type row struct {
		LotID, ClusterID uuid.UUID
		Held             billing.Hours
	}
	holds, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return err
	}
	if n := len(audit.Balances().Held); n != len(holds) {
		report.Difference = differs(w, "the number of holds", n, len(holds))
		return nil
	}
	for _, h := range holds {
		if want := audit.Balances().Held[billing.HeldKey{LotID: h.LotID, ClusterID: h.ClusterID}]; want != h.Held {
			report.Difference = differs(w, fmt.Sprintf("what lot %s holds for cluster %s in mcs", h.LotID, h.ClusterID), int64(want), int64(h.Held))
			return nil
		}
	}
	return nil
}

// verifyCosts compares the costs of each sold lot's lines, without what corrections took back, with what its use is of its amount,
// what its accounts hold with what its hours are worth, and the amount with the invoice's. All that is owed for what was sold is what was invoiced.
func verifyCosts(ctx context.Context, tx pgx.Tx, w wallet, audit *billing.Audit, report *LedgerReport) error {
	rows, err := tx.Query(ctx, `
		SELECT l.id, l.bought, l.used, l.expired + l.refunded AS gone, l.refunded, l.amount, l.currency, l.deferred, coalesce(i.amount, -1) AS invoiced,
		       (coalesce((SELECT sum(u.cost) FROM usage_lines u WHERE u.lot_id = l.id AND u.cost IS NOT NULL), 0)
		        - coalesce((SELECT sum(m.amount) FROM ledger_entries e JOIN money_postings m USING (wallet_id, seq)
		                     WHERE e.wallet_id = l.wallet_id AND e.corrects IS NOT NULL AND m.lot_id = l.id AND m.account = 'revenue'), 0))::bigint AS cost,
		       (SELECT count(*)::int FROM usage_lines u WHERE u.lot_id = l.id AND u.cost IS NULL) AS unpriced,
		       coalesce((SELECT sum(c.hours) FROM credit_note_lines c WHERE c.lot_id = l.id), 0)::bigint AS credited_hours,
		       coalesce((SELECT sum(c.amount) FROM credit_note_lines c WHERE c.lot_id = l.id), 0)::bigint AS credited
		  FROM lots l LEFT JOIN invoice_lines i ON i.order_id = l.order_id
		 WHERE l.wallet_id = $1 AND l.amount IS NOT NULL ORDER BY l.id`, w.ID)
	if err != nil {
		return err
	}
	lots, err := pgx.CollectRows(rows, pgx.RowToStructByName[pricedLot])
	if err != nil {
		return err
	}
	owed := map[billing.Currency]int64{}
	for _, l := range lots {
		owed[l.Currency] += l.Invoiced
		if report.Difference, err = l.differs(w, audit.Balances().Worth[l.ID]); err != nil || report.Difference != nil {
			return err
		}
	}
	for _, t := range report.terms {
		if i, ok := t.(billing.Paper); ok {
			owed[i.Net.Currency] += i.Total() - i.Net.Minor
		}
	}
	for currency, sum := range owed {
		if is := audit.Balances().Owed[currency]; is != sum {
			report.Difference = differs(w, "what is owed for sold hours in minor units of "+string(currency), sum, is)
		}
	}
	return nil
}

type pricedLot struct {
	ID                               uuid.UUID
	Bought, Used, Gone, Refunded     billing.Hours
	Amount, Deferred, Invoiced, Cost int64
	CreditedHours                    billing.Hours
	Credited                         int64
	Unpriced                         int
	Currency                         billing.Currency
}

func (l pricedLot) differs(w wallet, worth billing.LotWorth) (*billing.Difference, error) {
	what, expected, found, err := billing.SoldLot{
		ID: l.ID, Bought: l.Bought, Used: l.Used, Gone: l.Gone, Refunded: l.Refunded, Paid: billing.Money{Minor: l.Amount, Currency: l.Currency},
		Invoiced: l.Invoiced, Cost: l.Cost, Unpriced: l.Unpriced, Credited: billing.Credited{Hours: l.CreditedHours, Minor: l.Credited},
	}.Differs(worth)
	switch {
	case err != nil:
		return nil, err
	case what != "":
		return differs(w, what, expected, found), nil
	case l.Deferred != worth.Deferred:
		return differs(w, "what the row says is deferred of lot "+l.ID.String(), worth.Deferred, l.Deferred), nil
	default:
		return nil, nil
	}
}

// verifyHoldCosts compares what the use of each lot by each cluster is said to have cost with the lines of it.
func verifyHoldCosts(ctx context.Context, tx pgx.Tx, w wallet, _ *billing.Audit, report *LedgerReport) error {
	var lot, cluster uuid.UUID
	var said, cost int64
	err := tx.QueryRow(ctx, `
		WITH lines AS (
			SELECT cluster_id, lot_id, sum(cost)::bigint AS cost FROM usage_lines WHERE wallet_id = $1 AND cost IS NOT NULL GROUP BY cluster_id, lot_id),
		kept AS (SELECT h.cluster_id, h.lot_id, h.cost FROM holds h JOIN lots l ON l.id = h.lot_id WHERE l.wallet_id = $1 AND h.cost IS NOT NULL)
		SELECT lot_id, cluster_id, coalesce(kept.cost, 0), coalesce(lines.cost, 0) FROM kept FULL JOIN lines USING (cluster_id, lot_id)
		WHERE kept.cost IS DISTINCT FROM lines.cost ORDER BY cluster_id, lot_id LIMIT 1`, w.ID).Scan(&lot, &cluster, &said, &cost)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("costs of holds of %s: %w", w.ID, err)
	}
	report.Difference = differs(w, fmt.Sprintf("what the use of lot %s by cluster %s cost, in the currency's minor unit", lot, cluster), cost, said)
	return nil
}
