package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// Member is a person of an organization.
type Member struct {
	PersonID uuid.UUID
	Name     string
	Email    string
	Role     OrganizationRole
	Since    time.Time
	Cap      *billing.Hours
	Login    string // on nodes of models with accounts; empty: none was left to give
	UID      int
	Total    int // of the list
}

// MemberFilter narrows Members.
type MemberFilter struct {
	Text string // in name or address
	Role OrganizationRole
	store.Sorting
	store.Page
}

// Members lists an organization's people, by name where the filter says nothing else, and how many the filters leave.
func (db *DB) Members(ctx context.Context, orgID uuid.UUID, f MemberFilter) ([]Member, int, error) {
	order := store.Sortable{"name": "p.name", "email": "p.email", "role": "array_position(ARRAY['owner', 'manager', 'member', 'billing', 'auditor'], m.role)", "since": "m.created_at"}
	const from = ` FROM memberships m JOIN people p ON p.id = m.person_id
		LEFT JOIN logins l ON l.organization_id = m.organization_id AND l.person_id = m.person_id
		WHERE m.organization_id = $1 AND ($2 = '' OR m.role = $2) AND (p.name ILIKE $3 OR p.email ILIKE $3)`
	rows, _ := db.pool.Query(ctx, `
		SELECT m.person_id, p.name, p.email, m.role, m.created_at AS since, m.cap,
			coalesce(l.login, '') AS login, coalesce(l.uid, 0) AS uid,
			count(*) OVER ()::int AS total`+
		from+order.OrderBy(f.Sorting, "p.name, m.person_id")+` LIMIT $4 OFFSET $5`, orgID, string(f.Role), store.Like(f.Text), f.Most(), f.Skip())
	list, err := store.All(rows, "members", pgx.RowToStructByName[Member])
	if err != nil || len(list) > 0 {
		return list, store.TotalOf(list, func(m Member) int { return m.Total }), err
	}
	total, err := db.core.Count(ctx, `SELECT count(*)`+from, orgID, string(f.Role), store.Like(f.Text))
	return list, total, err
}

// MembersWith are the people who have one of the roles in an organization: whom MailTo writes to.
func MembersWith(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, roles ...OrganizationRole) ([]uuid.UUID, error) {
	rows, _ := tx.Query(ctx, `SELECT person_id FROM memberships WHERE organization_id = $1 AND role = ANY($2)`, orgID, roles)
	return store.All(rows, "members", pgx.RowTo[uuid.UUID])
}

// WorkRoles are those whose members bring images and run clusters.
func WorkRoles() []OrganizationRole { return []OrganizationRole{RoleOwner, RoleManager, RoleMember} }

// RefuseWithoutWork refuses ("forbidden") who may not bring images to an organization or run clusters there now: whose role is
// another, who is no member, whose account is suspended. A membership stays as it is until the transaction ends. It is for
// what ends long after it was allowed.
func RefuseWithoutWork(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID) error {
	return refuseWithoutWork(ctx, tx, orgID, personID, " FOR SHARE")
}

// RefuseIdle refuses as RefuseSuspended and RefuseWithoutWork do, and keeps neither as it is: the worker may lock no membership.
func RefuseIdle(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID) error {
	if err := RefuseShutOut(ctx, tx, orgID); err != nil {
		return err
	}
	return refuseWithoutWork(ctx, tx, orgID, personID, "")
}

func refuseWithoutWork(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID, lock string) error {
	var role OrganizationRole
	var suspended bool
	err := tx.QueryRow(ctx, `
		SELECT m.role, p.suspended_at IS NOT NULL FROM memberships m JOIN people p ON p.id = m.person_id
		WHERE m.organization_id = $1 AND m.person_id = $2`+lock, orgID, personID).Scan(&role, &suspended)
	r := &refusal.Error{Code: "forbidden", Next: "Ask an owner of your organization to change that, or a colleague to go on."}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		r.Title = "You are not a member of this organization any more."
	case err != nil:
		return fmt.Errorf("read role of %s: %w", personID, err)
	case suspended:
		r.Title, r.Next = "Your account is suspended.", "Ask the people who run this Volary to lift the suspension, or a colleague to go on."
	case !slices.Contains(WorkRoles(), role):
		r.Title = fmt.Sprintf("Your role is %s now, which brings no images and runs no clusters.", role)
	default:
		return nil
	}
	return r
}
