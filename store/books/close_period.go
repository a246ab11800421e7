package books

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ClosePeriod closes a provider's month for ever: no entry comes into its accounts any more, its files and statements are made and kept, and who reads
// an organization's bills is told. It waits for those who book in the month, and they for it; whoever books in another waits for nothing.
// Refusals: "not_over" before the month's end and the days of grace, "earlier" while a month before it is open, "open_questions", "conflict" where it is
// closed, NotFound("month").
func (db *DB) ClosePeriod(ctx context.Context, by, providerID uuid.UUID, month billing.Month) error {
	err := db.core.Tx(ctx, func(tx pgx.Tx) error {
		// All files are made within the transaction: as a snapshot that is long, it has its own limits.
		if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '15min', true), set_config('idle_in_transaction_session_timeout', '5min', true)`); err != nil {
			return fmt.Errorf("set time limits: %w", err)
		}
		if _, err := tx.Exec(ctx, `SELECT FROM periods WHERE provider_id = $1 AND month = $2::text::date FOR UPDATE`, providerID, month.FirstDay()); err != nil {
			return fmt.Errorf("lock month: %w", err)
		}
		p, err := readPeriod(ctx, tx, providerID, month)
		if err != nil {
			return err
		}
		if err := p.refuseToClose(ctx, tx, providerID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE periods SET closed_at = $3, closed_by = $4 WHERE provider_id = $1 AND month = $2::text::date`,
			providerID, month.FirstDay(), p.Now, store.OrNull(by)); err != nil {
			return fmt.Errorf("close month: %w", err)
		}
		return db.closeAccounts(ctx, tx, by, accounts{
			providerID, month, p.Instants, billing.AsOf{Made: p.Now.Truncate(time.Second), Settled: p.Instants.To, Closed: true},
		})
	})
	if err != nil {
		return fmt.Errorf("close %s of provider %s: %w", month, providerID, err)
	}
	return nil
}

// closeAccounts makes and keeps what is made of a month that is closed.
func (db *DB) closeAccounts(ctx context.Context, tx pgx.Tx, by uuid.UUID, a accounts) error {
	if err := keepBalances(ctx, tx, a); err != nil {
		return err
	}
	if err := makeStatements(ctx, tx, a); err != nil {
		return err
	}
	if err := makeFiles(ctx, tx, a); err != nil {
		return err
	}
	if err := db.tellStatements(ctx, tx, a); err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: by, Provider: a.providerID, Verb: "close month", Subject: "provider", SubjectID: a.providerID, Detail: map[string]any{"month": a.month.String()},
	})
}

// refuseToClose says what is in the way of closing a month, in the order in which it goes away.
func (p Period) refuseToClose(ctx context.Context, tx pgx.Tx, providerID uuid.UUID) error {
	clock := func(t time.Time) string { return t.In(p.Zone).Format("2 January 2006, 15:04 MST") }
	switch {
	case p.ClosedAt != nil:
		return &refusal.Error{
			Code: "conflict", Title: fmt.Sprintf("%s was closed at %s.", p.Month.Words(), clock(*p.ClosedAt)), Next: "Its files are on its page.",
		}
	case p.Now.Before(p.Instants.To):
		return &refusal.Error{
			Code: "not_over", Title: fmt.Sprintf("%s is not over: it ends at %s.", p.Month.Words(), clock(p.Instants.To)),
			Next: fmt.Sprintf("Close it from %s on. Its files are provisional until then.", clock(p.MayCloseAt)),
		}
	case p.Now.Before(p.MayCloseAt):
		return &refusal.Error{
			Code: "not_over", Title: fmt.Sprintf("%s ended at %s, and your days of grace last until %s.", p.Month.Words(), clock(p.Instants.To), clock(p.MayCloseAt)),
			Next: "Close it then, or set fewer days of grace under Accounts.",
		}
	case p.First.Before(p.Month):
		return &refusal.Error{
			Code: "earlier", Title: fmt.Sprintf("%s is open still, and months are closed one after the other.", p.First.Words()),
			Next: fmt.Sprintf("Close %s first.", p.First.Words()),
		}
	}
	checks, err := periodChecks(ctx, tx, providerID, p.Instants)
	if err != nil {
		return err
	}
	var open, next []string
	for _, c := range checks {
		if c.Blocks && c.Open() {
			open, next = append(open, c.Found), append(next, c.Next)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return &refusal.Error{
		Code: "open_questions", Title: fmt.Sprintf("%s has open questions: %s.", p.Month.Words(), strings.Join(open, "; ")), Next: strings.Join(next, " "),
	}
}
