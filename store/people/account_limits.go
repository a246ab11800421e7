package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
)

// mostFounded is how many organizations a person may found within a day: their names are taken from everyone else.
const mostFounded = 5

// refuseFounding locks the person, so that two at once are counted one after the other.
func refuseFounding(ctx context.Context, tx pgx.Tx, personID uuid.UUID) error {
	if _, err := tx.Exec(ctx, `SELECT FROM people WHERE id = $1 FOR NO KEY UPDATE`, personID); err != nil {
		return fmt.Errorf("lock person: %w", err)
	}
	var n int
	err := tx.QueryRow(ctx, `
		SELECT count(*) FROM memberships m JOIN organizations o ON o.id = m.organization_id
		WHERE m.person_id = $1 AND m.role = 'owner' AND m.created_at = o.created_at AND o.created_at > now() - interval '1 day'`, personID).Scan(&n)
	if err != nil {
		return fmt.Errorf("count organizations: %w", err)
	}
	if n >= mostFounded {
		return &refusal.Error{
			Code: "organizations", Title: fmt.Sprintf("You made %d organizations within a day, which is the most.", n), Next: "Try again tomorrow.",
		}
	}
	return nil
}
