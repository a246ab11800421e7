package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// Member is a person of an organization.
type Member struct {
	PersonID uuid.UUID
	Name     string
	Email    string
	Role     OrganizationRole
	Since    time.Time
	Cap      *billing.Hours
	Total    int // of the list
}

// MemberFilter narrows Members.
type MemberFilter struct {
	Text string // in name or address
	Role OrganizationRole
	Sorting
	Page
}

// Members lists an organization's people, by name where the filter says nothing else, and how many the filters leave.
func (db *DB) Members(ctx context.Context, orgID uuid.UUID, f MemberFilter) ([]Member, int, error) {
	order := sortable{"name": "p.name", "email": "p.email", "role": "array_position(ARRAY['owner', 'manager', 'member', 'billing'], m.role)", "since": "m.created_at"}
	const from = ` FROM memberships m JOIN people p ON p.id = m.person_id
		WHERE m.organization_id = $1 AND ($2 = '' OR m.role = $2) AND (p.name ILIKE $3 OR p.email ILIKE $3)`
	rows, _ := db.pool.Query(ctx, `
		SELECT m.person_id, p.name, p.email, m.role, m.created_at AS since, m.cap,
			count(*) OVER ()::int AS total`+
		from+order.orderBy(f.Sorting, "p.name, m.person_id")+` LIMIT $4 OFFSET $5`, orgID, string(f.Role), like(f.Text), f.limit(), f.offset())
	list, err := all(rows, "members", pgx.RowToStructByName[Member])
	if err != nil || len(list) > 0 {
		return list, totalOf(list, func(m Member) int { return m.Total }), err
	}
	total, err := db.count(ctx, `SELECT count(*)`+from, orgID, string(f.Role), like(f.Text))
	return list, total, err
}

// totalOf is the total that every row of a list carries.
func totalOf[T any](list []T, total func(T) int) int {
	if len(list) == 0 {
		return 0
	}
	return total(list[0])
}

// count counts for a page behind the end of its list, whose rows tell no total.
func (db *DB) count(ctx context.Context, query string, args ...any) (n int, err error) {
	if err := db.pool.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return n, nil
}
