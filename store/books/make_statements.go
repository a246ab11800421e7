package books

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/store"
)

// makeStatements writes down, of each journal that had something or in which something was moved, what the month was. What hours are left at its end is
// compared with what the lots say themselves.
func makeStatements(ctx context.Context, tx pgx.Tx, a accounts) error {
	wallets, ids, err := statementIDs(ctx, tx, a)
	if err != nil {
		return err
	}
	rows, _ := tx.Query(ctx, insertStatements, a.providerID, a.month.FirstDay(), a.known.Made, wallets, ids)
	type left struct {
		Organization  uuid.UUID
		Closing, Lots int64
	}
	list, err := store.All(rows, "statements", pgx.RowToStructByPos[left])
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Closing != m.Lots {
			return fmt.Errorf("statement of organization %s: %w: %d mcs are left by its entries, %d by its lots", m.Organization, billing.ErrUntied, m.Closing, m.Lots)
		}
	}
	return makeStatementUses(ctx, tx, a)
}

// insertStatements adds up what each journal's entries of the month moved, behind what its last statement closed with.
const insertStatements = lastClosed + `,
		hours AS (
			SELECT e.wallet_id, sum(-t.hours) FILTER (WHERE t.account = 'bought' AND l.order_id IS NOT NULL) AS bought,
			       sum(-t.hours) FILTER (WHERE t.account = 'bought' AND l.order_id IS NULL) AS granted, sum(t.hours) FILTER (WHERE t.account = 'used') AS used,
			       sum(t.hours) FILTER (WHERE t.account = 'expired') AS expired, sum(t.hours) FILTER (WHERE t.account = 'refunded') AS refunded
			  FROM wallets w JOIN ledger_entries e ON e.wallet_id = w.id AND e.period = $2::text::date AND e.kind NOT IN ('hold', 'release')
			  JOIN ledger_postings t ON t.wallet_id = e.wallet_id AND t.seq = e.seq JOIN lots l ON l.id = t.lot_id
			 WHERE w.provider_id = $1 GROUP BY e.wallet_id),
		money AS (
			SELECT wallet_id, sum(-amount) FILTER (WHERE account = 'deferred' AND of_kind IN ('grant', 'opening')) AS sold,
			       sum(-amount) FILTER (WHERE account = 'revenue' AND of_kind <> 'opening') AS earned,
			       sum(-amount) FILTER (WHERE account = 'breakage' AND of_kind <> 'opening') AS lapsed,
			       sum(amount) FILTER (WHERE account = 'deferred' AND of_kind = 'credit_note') AS credited,
			       sum(amount) FILTER (WHERE account = 'receivable' AND of_kind IN ('grant', 'opening')) AS invoiced,
			       sum(-amount) FILTER (WHERE account IN ('receivable', 'credit') AND of_kind IN ('payment', 'refund')) AS paid,
			       sum(-amount) FILTER (WHERE account IN ('receivable', 'credit') AND of_kind IN ('credit_note', 'write_off', 'goodwill')) AS settled
			  FROM moved WHERE period = $2::text::date GROUP BY wallet_id),
		after AS (
			SELECT w.id AS wallet_id, (SELECT coalesce(sum(available + held), 0) FROM lots WHERE wallet_id = w.id) - coalesce((
			         SELECT sum(t.hours) FROM ledger_entries e JOIN ledger_postings t USING (wallet_id, seq)
			          WHERE e.wallet_id = w.id AND e.period > $2::text::date AND t.account IN ('available', 'held')), 0) AS hours
			  FROM wallets w WHERE w.provider_id = $1),
		sums AS (
			SELECT w.id AS wallet_id, w.organization_id, w.provider_id, coalesce(s.closing, 0) AS opening, coalesce(h.bought, 0) AS bought, coalesce(h.granted, 0) AS granted,
			       coalesce(h.used, 0) AS used, coalesce(h.expired, 0) AS expired, coalesce(h.refunded, 0) AS refunded, f.hours AS left_by_lots,
			       coalesce(s.prepaid_closing, 0) AS prepaid, coalesce(m.sold, 0) AS sold, coalesce(m.earned, 0) AS earned, coalesce(m.lapsed, 0) AS lapsed,
			       coalesce(m.credited, 0) AS credited, coalesce(s.owed_closing, 0) AS owed, coalesce(m.invoiced, 0) AS invoiced, coalesce(m.paid, 0) AS paid,
			       coalesce(m.settled, 0) AS settled, h.wallet_id IS NOT NULL OR m.wallet_id IS NOT NULL AS moved
			  FROM wallets w JOIN after f ON f.wallet_id = w.id LEFT JOIN hours h ON h.wallet_id = w.id LEFT JOIN money m ON m.wallet_id = w.id
			  LEFT JOIN LATERAL (SELECT * FROM statements WHERE wallet_id = w.id AND month < $2::text::date ORDER BY month DESC LIMIT 1) s ON true
			 WHERE w.provider_id = $1)
		INSERT INTO statements (id, provider_id, month, wallet_id, organization_id, made_at, seller, tax_id, buyer, zone, seq, hash, opening, bought, granted, used, expired, refunded,
		                        closing, currency, prepaid_opening, sold, earned, lapsed, credited, prepaid_closing, owed_opening, invoiced, paid, settled, owed_closing)
		SELECT n.id, $1, $2::text::date, x.wallet_id, x.organization_id, $3, coalesce(nullif(p.legal_name, ''), p.name), p.tax_id, o.name, p.accounting_zone, j.seq, j.hash,
		       x.opening, x.bought, x.granted, x.used, x.expired, x.refunded, x.opening + x.bought + x.granted - x.used - x.expired - x.refunded, p.currency,
		       x.prepaid, x.sold, x.earned, x.lapsed, x.credited, x.prepaid + x.sold - x.earned - x.lapsed - x.credited,
		       x.owed, x.invoiced, x.paid, x.settled, x.owed + x.invoiced - x.paid - x.settled
		  FROM sums x JOIN providers p ON p.id = x.provider_id JOIN organizations o ON o.id = x.organization_id JOIN journal_heads j ON j.wallet_id = x.wallet_id
		  JOIN unnest($4::uuid[], $5::uuid[]) n (wallet_id, id) ON n.wallet_id = x.wallet_id
		 WHERE x.moved OR x.opening <> 0 OR x.prepaid <> 0 OR x.owed <> 0
		RETURNING organization_id, closing, (SELECT hours FROM after f WHERE f.wallet_id = statements.wallet_id)::bigint`

// statementIDs makes an id for the statement of each of a provider's journals.
func statementIDs(ctx context.Context, tx pgx.Tx, a accounts) (wallets, ids []uuid.UUID, err error) {
	rows, _ := tx.Query(ctx, `SELECT id FROM wallets WHERE provider_id = $1 ORDER BY id`, a.providerID)
	if wallets, err = store.All(rows, "journals", pgx.RowTo[uuid.UUID]); err != nil {
		return nil, nil, err
	}
	for range wallets {
		id, err := store.NewID()
		if err != nil {
			return nil, nil, err
		}
		ids = append(ids, id)
	}
	return wallets, ids, nil
}

// makeStatementUses writes by which clusters and members the hours were used, and what corrections took back. Who launched is who started the cluster last
// before the run. What was booked before journals had money cost what their opening says.
func makeStatementUses(ctx context.Context, tx pgx.Tx, a accounts) error {
	_, err := tx.Exec(ctx, `
		WITH ran AS (
			SELECT e.wallet_id, l.run_id, l.cluster_id, sum(l.hours) AS hours, sum(l.cost) FILTER (WHERE e.version > 1) AS cost
			  FROM statements s
			  JOIN ledger_entries e ON e.wallet_id = s.wallet_id AND e.period = s.month AND e.kind = 'use'
			  JOIN usage_lines l ON l.wallet_id = e.wallet_id AND l.seq = e.seq
			 WHERE s.provider_id = $1 AND s.month = $2::text::date GROUP BY e.wallet_id, l.run_id, l.cluster_id),
		uses AS (
			SELECT u.wallet_id, u.cluster_id, coalesce(b.person_id, c.person_id) AS person_id, sum(u.hours) AS hours, sum(u.cost) AS cost
			  FROM ran u JOIN runs r ON r.id = u.run_id JOIN clusters c ON c.id = u.cluster_id
			  LEFT JOIN LATERAL (SELECT person_id FROM cluster_starts WHERE cluster_id = c.id AND at <= r.started_at ORDER BY number DESC LIMIT 1) b ON true
			 GROUP BY u.wallet_id, u.cluster_id, coalesce(b.person_id, c.person_id)
			UNION ALL
			SELECT s.wallet_id, NULL, NULL, sum(t.hours), sum((
			         SELECT sum(m.amount) FROM money_postings m WHERE m.wallet_id = e.wallet_id AND m.seq = e.seq AND m.account = 'deferred' AND m.lot_id = t.lot_id))
			  FROM statements s
			  JOIN ledger_entries e ON e.wallet_id = s.wallet_id AND e.period = s.month AND e.kind = 'correction'
			  JOIN ledger_postings t ON t.wallet_id = e.wallet_id AND t.seq = e.seq AND t.account = 'used'
			 WHERE s.provider_id = $1 AND s.month = $2::text::date GROUP BY s.wallet_id)
		INSERT INTO statement_uses (statement_id, number, cluster_id, cluster_name, person_id, purchase_order, cost_centre, grant_number, hours, cost)
		SELECT s.id, row_number() OVER (PARTITION BY s.id ORDER BY c.name NULLS LAST, c.id, u.person_id), c.id, coalesce(c.name, ''), u.person_id,
		       coalesce(c.purchase_order, ''), coalesce(c.cost_centre, ''), coalesce(c.grant_number, ''), u.hours::bigint, u.cost::bigint
		  FROM uses u JOIN statements s ON s.wallet_id = u.wallet_id AND s.month = $2::text::date AND s.provider_id = $1
		  LEFT JOIN clusters c ON c.id = u.cluster_id`, a.providerID, a.month.FirstDay())
	if err != nil {
		return fmt.Errorf("uses of statements: %w", err)
	}
	return nil
}

// tellStatements tells each organization of its statement.
func (db *DB) tellStatements(ctx context.Context, tx pgx.Tx, a accounts) error {
	rows, _ := tx.Query(ctx, `
		SELECT s.id, s.organization_id, o.name, p.name, s.closing, s.used, s.owed_closing, s.currency
		  FROM statements s JOIN organizations o ON o.id = s.organization_id JOIN providers p ON p.id = s.provider_id
		 WHERE s.provider_id = $1 AND s.month = $2::text::date ORDER BY s.id`, a.providerID, a.month.FirstDay())
	var list []store.Happening
	var id, organization uuid.UUID
	var name, provider string
	var closing, used billing.Hours
	var owed billing.Money
	_, err := pgx.ForEachRow(rows, []any{&id, &organization, &name, &provider, &closing, &used, &owed.Minor, &owed.Currency}, func() error {
		list = append(list, store.Happening{Place: organization, Subject: id, Mark: "made", Kind: store.MailStatement, Data: map[string]string{
			"organization": name, "provider": provider, "month": a.month.Words(), "used": used.String(), "left": closing.String(), "owed": owed.String(),
			"path": "/org/statements/" + id.String(),
		}})
		return nil
	})
	if err != nil {
		return fmt.Errorf("statements to tell of: %w", err)
	}
	return db.core.Tell(ctx, tx, store.EventStatement, list...)
}
