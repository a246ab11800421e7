package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
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
	Sorting
	Page
}

var staffColumns = sortable{"name": "pe.name", "email": "pe.email", "role": "s.role", "since": "s.created_at"}

// Staff lists a provider's staff, by name unless asked otherwise, and how many the filter leaves.
func (db *DB) Staff(ctx context.Context, providerID uuid.UUID, f StaffFilter) (list []StaffMember, total int, err error) {
	const from = ` FROM staff s JOIN people pe ON pe.id = s.person_id
		WHERE s.provider_id = $1 AND ($2 = '' OR pe.name ILIKE $3 OR pe.email ILIKE $3) AND ($4 = '' OR s.role = $4)`
	args := []any{providerID, f.Search, like(f.Search), f.Role}
	if err := db.pool.QueryRow(ctx, `SELECT count(*)`+from, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count staff: %w", err)
	}
	rows, _ := db.pool.Query(ctx, `SELECT s.person_id, pe.name, pe.email, s.role, s.created_at`+from+
		staffColumns.orderBy(f.Sorting, "pe.name, s.person_id")+` LIMIT $5 OFFSET $6`, append(args, f.limit(), f.offset())...)
	list, err = all(rows, "staff", pgx.RowToStructByName[StaffMember])
	return list, total, err
}

// ChangeStaffRole gives one of a provider's staff another role. Refusals: "invalid" for role, "last_admin",
// NotFound("person").
func (db *DB) ChangeStaffRole(ctx context.Context, by, providerID, personID uuid.UUID, role StaffRole) error {
	known := role == StaffAdmin || role == StaffOperator || role == StaffAccountant
	return db.tx(ctx, func(tx pgx.Tx) error {
		was, err := lockStaff(ctx, tx, providerID, personID, role == StaffAdmin || !known)
		switch {
		case err != nil || was == role:
			return err
		case !known:
			return provisioner.Invalid(map[string]string{"role": "Choose admin, operator or accountant."})
		}
		if _, err := tx.Exec(ctx, `UPDATE staff SET role = $3 WHERE provider_id = $1 AND person_id = $2`, providerID, personID, role); err != nil {
			return fmt.Errorf("change role of staff: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{
			By: by, Provider: providerID, Verb: "change staff role", Subject: "person", SubjectID: personID,
			Detail: map[string]any{"from": was, "to": role},
		})
	})
}

// RemoveStaff ends a person's work for a provider; what they did stays in its log. Refusals: "last_admin",
// NotFound("person").
func (db *DB) RemoveStaff(ctx context.Context, by, providerID, personID uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		if _, err := lockStaff(ctx, tx, providerID, personID, false); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM staff WHERE provider_id = $1 AND person_id = $2`, providerID, personID); err != nil {
			return fmt.Errorf("remove staff: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE sessions SET provider_id = NULL WHERE provider_id = $1 AND person_id = $2`, providerID, personID); err != nil {
			return fmt.Errorf("end sessions of staff: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: by, Provider: providerID, Verb: "remove staff", Subject: "person", SubjectID: personID})
	})
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
	list, err := all(rows, "staff", pgx.RowToStructByName[row])
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
		return "", provisioner.NotFound("person")
	case was == StaffAdmin && !staysAdmin && others == 0:
		return "", &provisioner.Refusal{
			Code: "last_admin", Title: "This is the provider's only admin, and there has to be one.",
			Next: "Make someone else an admin first.",
		}
	}
	return was, nil
}
