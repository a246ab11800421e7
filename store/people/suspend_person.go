package people

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// SuspendPerson ends a person's sessions and refuses them to sign in until the suspension is lifted. Refusals: "invalid"
// for reason, "self", "last_admin", "state" (suspended already), NotFound("person").
func (db *DB) SuspendPerson(ctx context.Context, by, personID uuid.UUID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	if by == personID {
		return &refusal.Error{Code: "self", Title: "You cannot suspend yourself.", Next: "Ask another admin of the platform."}
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := refuseLastAdmin(ctx, tx, personID); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE people SET suspended_at = now(), suspended_reason = $2 WHERE id = $1 AND suspended_at IS NULL`, personID, reason)
		if err != nil {
			return fmt.Errorf("suspend person: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return noChange(ctx, tx, personID, suspendedAlready("person"))
		}
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE person_id = $1`, personID); err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Verb: "suspend person", Subject: "person", SubjectID: personID, Detail: map[string]any{"reason": reason}})
	})
}

// refuseLastAdmin refuses ("last_admin") what would leave the platform without an admin who may sign in. The admins'
// rows are locked, so that two who take it from each other at once leave one.
func refuseLastAdmin(ctx context.Context, tx pgx.Tx, personID uuid.UUID) error {
	rows, _ := tx.Query(ctx, `SELECT id FROM people WHERE platform_admin AND suspended_at IS NULL ORDER BY id FOR NO KEY UPDATE`)
	admins, err := store.All(rows, "platform admins", pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	if slices.Equal(admins, []uuid.UUID{personID}) {
		return &refusal.Error{
			Code: "last_admin", Title: "The platform would be left without an admin: there is 1 now.", Next: "Make someone else an admin first.",
		}
	}
	return nil
}

// noChange tells a person who is not there from one whose state stays.
func noChange(ctx context.Context, tx pgx.Tx, personID uuid.UUID, state *refusal.Error) error {
	var there bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM people WHERE id = $1)`, personID).Scan(&there); err != nil {
		return fmt.Errorf("read person: %w", err)
	}
	if !there {
		return refusal.NotFound("person")
	}
	return state
}
