package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// StaffMember is one of a provider's staff.
type StaffMember struct {
	PersonID  uuid.UUID
	Name      string
	Email     string
	Role      StaffRole
	CreatedAt time.Time
}

// StaffFilter narrows and orders a list of staff. Sorting keys: name, email, role, since.
type StaffFilter struct {
	Search string // part of the name or the e-mail address
	Role   string
	store.Sorting
	store.Page
}

var staffColumns = store.Sortable{"name": "pe.name", "email": "pe.email", "role": "s.role", "since": "s.created_at"}

// Staff lists a provider's staff, by name unless asked otherwise, and how many the filter leaves.
func (db *DB) Staff(ctx context.Context, providerID uuid.UUID, f StaffFilter) (list []StaffMember, total int, err error) {
	const from = ` FROM staff s JOIN people pe ON pe.id = s.person_id
		WHERE s.provider_id = $1 AND ($2 = '' OR pe.name ILIKE $3 OR pe.email ILIKE $3) AND ($4 = '' OR s.role = $4)`
	args := []any{providerID, f.Search, store.Like(f.Search), f.Role}
	if err := db.pool.QueryRow(ctx, `SELECT count(*)`+from, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count staff: %w", err)
	}
	rows, _ := db.pool.Query(ctx, `SELECT s.person_id, pe.name, pe.email, s.role, s.created_at`+from+
		staffColumns.OrderBy(f.Sorting, "pe.name, s.person_id")+` LIMIT $5 OFFSET $6`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "staff", pgx.RowToStructByName[StaffMember])
	return list, total, err
}

// lockStaff locks all of a provider's admins, so that of two changes at once one sees the other, and refuses to leave
// none.
func lockStaff(ctx context.Context, tx pgx.Tx, providerID, personID uuid.UUID, staysAdmin bool) (was StaffRole, err error) {
	rows, _ := tx.Query(ctx, `SELECT person_id, role FROM staff WHERE provider_id = $1 AND (role = 'admin' OR person_id = $2) ORDER BY person_id FOR UPDATE`,
		providerID, personID)
	type row struct {
		PersonID uuid.UUID
		Role     StaffRole
	}
	list, err := store.All(rows, "staff", pgx.RowToStructByName[row])
	if err != nil {
		return "", err
	}
	others := 0
	for _, r := range list {
		if r.PersonID == personID {
			was = r.Role
		} else if r.Role == StaffAdmin {
			others++
		}
	}
	switch {
	case was == "":
		return "", refusal.NotFound("person")
	case was == StaffAdmin && !staysAdmin && others == 0:
		return "", &refusal.Error{
			Code: "last_admin", Title: "This is the provider's only admin, and there has to be one.",
			Next: "Make someone else an admin first.",
		}
	}
	return was, nil
}

// staffWith are the people who have one of the roles at a provider: whom MailTo writes to.
func staffWith(ctx context.Context, tx pgx.Tx, providerID uuid.UUID, roles ...StaffRole) ([]uuid.UUID, error) {
	rows, _ := tx.Query(ctx, `SELECT person_id FROM staff WHERE provider_id = $1 AND role = ANY($2)`, providerID, roles)
	return store.All(rows, "staff", pgx.RowTo[uuid.UUID])
}
