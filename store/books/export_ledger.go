package books

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// ExportLedgerOfOrganization writes all journals of an organization, with what their entries follow from, so that a stranger can recompute
// them (billing.VerifyLedgerFile). It reads one snapshot, a few hundred entries at a time; the file is whole only where it returns nil.
func (db *DB) ExportLedgerOfOrganization(ctx context.Context, orgID uuid.UUID, to io.Writer) error {
	return db.exportLedger(ctx, "w.organization_id = $1", orgID, to)
}

// ExportLedgerOfProvider writes all journals of a provider likewise.
func (db *DB) ExportLedgerOfProvider(ctx context.Context, providerID uuid.UUID, to io.Writer) error {
	return db.exportLedger(ctx, "w.provider_id = $1", providerID, to)
}

type exportedWallet struct {
	wallet
	ProviderName, OrganizationName string
	Unordered                      int64
}

func (db *DB) exportLedger(ctx context.Context, scope string, owner uuid.UUID, to io.Writer) error {
	err := db.core.LongSnapshot(ctx, func(tx pgx.Tx) error {
		now, err := store.ReadNow(ctx, tx)
		if err != nil {
			return err
		}
		out, err := billing.NewLedgerWriter(to, now)
		if err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, `
			SELECT w.id, w.provider_id, w.organization_id, p.accounting_zone, p.name AS provider_name, g.name AS organization_name, h.unordered
			  FROM wallets w JOIN providers p ON p.id = w.provider_id JOIN organizations g ON g.id = w.organization_id JOIN journal_heads h ON h.wallet_id = w.id
			 WHERE `+scope+` AND h.seq > 0 ORDER BY w.id`, owner)
		wallets, err := store.All(rows, "journals", pgx.RowToStructByName[exportedWallet])
		if err != nil {
			return err
		}
		for _, w := range wallets {
			if err := exportJournal(ctx, tx, w, out); err != nil {
				return err
			}
		}
		return out.Finish()
	})
	if err != nil {
		return fmt.Errorf("export the ledger of %s: %w", owner, err)
	}
	return nil
}

func exportJournal(ctx context.Context, tx pgx.Tx, w exportedWallet, out *billing.LedgerWriter) error {
	if err := out.Journal(w.journal(), w.ProviderName, w.OrganizationName, w.Unordered); err != nil {
		return err
	}
	var after int64
	for {
		entries, err := readEntries(ctx, tx, w.wallet, after)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if err := out.Entry(e.Entry, e.lines); err != nil {
				return err
			}
			after = e.Seq
		}
	}
	terms, err := termsOf(ctx, tx, w.wallet, uuid.Nil)
	if err != nil {
		return err
	}
	for _, t := range terms {
		if err := out.Terms(t.Terms); err != nil {
			return err
		}
	}
	head, err := readHead(ctx, tx, w.wallet)
	if err != nil {
		return err
	}
	return out.Head(head)
}

// readHead reads the head as the database keeps it, which need not be the last entry there is.
func readHead(ctx context.Context, tx pgx.Tx, w wallet) (billing.Head, error) {
	head := billing.Head{Journal: w.journal()}
	var hash []byte
	var at *time.Time
	if err := tx.QueryRow(ctx, `SELECT seq, hash, at FROM journal_heads WHERE wallet_id = $1`, w.ID).Scan(&head.Seq, &hash, &at); err != nil {
		return head, fmt.Errorf("head of journal %s: %w", w.ID, err)
	}
	copy(head.Hash[:], hash)
	head.At = orZero(at)
	return head, nil
}
