package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// byOperator is who gave a role where no person did.
const byOperator = "the people who run this Volary"

// warnOfRole mails to a person that they have another role at a place, or of the platform where at is the zero Place. by
// is who gave it, Nil the operator's command.
func (db *DB) warnOfRole(ctx context.Context, tx pgx.Tx, at Place, personID, by uuid.UUID, role string) error {
	var place, giver string
	err := tx.QueryRow(ctx, `
		SELECT coalesce((SELECT name FROM organizations WHERE id = $1), (SELECT name FROM providers WHERE id = $2), 'the platform'),
			coalesce((SELECT name FROM people WHERE id = $3), $4)`, at.OrganizationID, at.ProviderID, by, byOperator).Scan(&place, &giver)
	if err != nil {
		return fmt.Errorf("read who gave a role: %w", err)
	}
	if by == personID {
		giver = "you"
	}
	path := "/platform"
	switch {
	case at.OrganizationID != uuid.Nil:
		path = "/org"
	case at.ProviderID != uuid.Nil:
		path = "/provider"
	}
	return db.core.Warn(ctx, tx, []uuid.UUID{personID}, store.MailRoleGiven, map[string]string{"place": place, "role": role, "by": giver, "path": path})
}
