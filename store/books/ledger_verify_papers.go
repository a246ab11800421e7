package books

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// verifyPapers finds a provider and year whose invoices or credit notes are not numbered from one on without a gap, or whose last number is
// another than was given.
func verifyPapers(ctx context.Context, tx pgx.Tx, report *LedgerReport) error {
	for _, series := range []struct{ name, papers, numbers string }{
		{"invoices", "invoices", "invoice_numbers"}, {"credit notes", "credit_notes", "credit_note_numbers"},
	} {
		var provider uuid.UUID
		var year, last, most, count int
		err := tx.QueryRow(ctx, `
			SELECT provider_id, year, coalesce(n.last, 0), coalesce(i.most, 0), coalesce(i.count, 0)
			  FROM `+series.numbers+` n FULL JOIN (
			    SELECT provider_id, year, max(serial) AS most, count(*) FROM `+series.papers+` GROUP BY provider_id, year) i USING (provider_id, year)
			 WHERE n.last IS DISTINCT FROM i.most OR i.most IS DISTINCT FROM i.count ORDER BY provider_id, year LIMIT 1`).
			Scan(&provider, &year, &last, &most, &count)
		if errors.Is(err, pgx.ErrNoRows) {
			continue
		}
		if err != nil {
			return fmt.Errorf("serials of %s: %w", series.name, err)
		}
		report.Difference = &billing.Difference{
			Journal: billing.Journal{ProviderID: provider}, What: fmt.Sprintf("the %s of %d", series.name, year),
			Expected: fmt.Sprintf("1 to %d", last), Found: fmt.Sprintf("%d up to %d", count, most),
		}
		return nil
	}
	return nil
}
