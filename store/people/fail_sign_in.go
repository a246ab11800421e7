package people

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// mostFailed is how many failed sign-ins to a person's account are kept within an hour; one more says that others were not.
const mostFailed = 10

// failedSignIn is a sign-in that was refused after its password was looked at.
type failedSignIn struct {
	why     string // the refusal's code
	program string // what the browser says of itself
	from    netip.Addr
}

// failSignIn writes a failed sign-in into the log of the person whose address was given, Nil where it has no account.
// Whoever tries addresses learns nothing by the time it takes: the row is written for each of them, and taken back where
// it is not to be kept, in a transaction that changes the try's row in any case, and so waits for the disk.
func (db *DB) failSignIn(ctx context.Context, personID uuid.UUID, a attempt, f failedSignIn) error {
	ctx = store.WithOrigin(ctx, store.Origin{Address: f.from})
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// Two at once for one address are counted one after the other.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('failed:' || $1))`, a.bounds[0].key); err != nil {
			return fmt.Errorf("count failed sign-ins: %w", err)
		}
		var had int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM audit WHERE person_id = $1 AND verb = 'fail sign-in' AND at > now() - interval '1 hour'`, personID).Scan(&had)
		if err != nil {
			return fmt.Errorf("count failed sign-ins: %w", err)
		}
		detail := map[string]any{"why": f.why, "program": f.program}
		if had == mostFailed {
			detail["more"] = true
		}
		if err := writeOrNot(ctx, tx, personID != uuid.Nil && had <= mostFailed, store.AuditRow{
			By: personID, Verb: "fail sign-in", Subject: "person", SubjectID: personID, Detail: detail,
		}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE sign_in_failures SET at = at WHERE key = $1 AND at = $2`, a.bounds[0].key, a.at); err != nil {
			return fmt.Errorf("note failed sign-in: %w", err)
		}
		return nil
	})
}

// writeOrNot writes a row of the log and takes it back again where it is not to be kept, with the same work.
func writeOrNot(ctx context.Context, tx pgx.Tx, keep bool, row store.AuditRow) error {
	part, err := tx.Begin(ctx) // a savepoint
	if err != nil {
		return fmt.Errorf("failed sign-in: %w", err)
	}
	if err := store.WriteAudit(ctx, part, row); err != nil {
		return err
	}
	end := part.Rollback
	if keep {
		end = part.Commit
	}
	if err := end(ctx); err != nil {
		return fmt.Errorf("failed sign-in: %w", err)
	}
	return nil
}
