package people

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/store"
)

// Login is what a person is called on the nodes of an organization's clusters whose models have accounts.
type Login struct {
	Name string // chosen when they became a member, for ever
	UID  int    // theirs for ever, and nobody else's there
	Keys int    // that they have: without one there is no way in
}

// Login is a member's; its zero value where there was none left to give.
func (db *DB) Login(ctx context.Context, orgID, personID uuid.UUID) (Login, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT coalesce(l.login, '') AS name, coalesce(l.uid, 0) AS uid, (SELECT count(*)::int FROM ssh_keys k WHERE k.person_id = m.person_id) AS keys
		FROM memberships m LEFT JOIN logins l ON l.organization_id = m.organization_id AND l.person_id = m.person_id
		WHERE m.organization_id = $1 AND m.person_id = $2`, orgID, personID)
	return store.One(rows, "member", pgx.RowToStructByName[Login])
}
