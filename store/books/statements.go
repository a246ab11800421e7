package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

const selectStatements = `
	SELECT s.id, s.provider_id, s.month, s.organization_id, s.made_at, s.seller, s.tax_id, s.buyer, s.zone, s.seq, s.hash, s.opening, s.bought, s.granted, s.used, s.expired,
	       s.refunded, s.closing, s.currency, s.prepaid_opening, s.sold, s.earned, s.lapsed, s.credited, s.prepaid_closing, s.owed_opening, s.invoiced, s.paid, s.settled, s.owed_closing
	  FROM statements s`

func rowToStatement(row pgx.CollectableRow) (billing.Statement, error) {
	var s billing.Statement
	var month time.Time
	var zone string
	var hash []byte
	h, p, o := &s.Hours, &s.Prepaid, &s.Owed
	err := row.Scan(&s.ID, &s.ProviderID, &month, &s.OrganizationID, &s.MadeAt, &s.Seller, &s.TaxID, &s.Buyer, &zone, &s.Head.Seq, &hash, &h.Opening, &h.Bought, &h.Granted, &h.Used, &h.Expired,
		&h.Refunded, &h.Closing, &s.Currency, &p.Opening, &p.Sold, &p.Used, &p.Expired, &p.Refunded, &p.Closing, &o.Opening, &o.Invoiced, &o.Paid, &o.Settled, &o.Closing)
	if err != nil {
		return s, err
	}
	s.Month = billing.MonthOf(month, time.UTC)
	s.Head.Journal = billing.Journal{ProviderID: s.ProviderID, OrganizationID: s.OrganizationID}
	copy(s.Head.Hash[:], hash)
	s.Zone, err = time.LoadLocation(zone)
	return s, err
}

// StatementsOfOrganization gives a page of an organization's statements, the newest month first, and how many there are.
func (db *DB) StatementsOfOrganization(ctx context.Context, orgID uuid.UUID, page store.Page) (list []billing.Statement, total int, err error) {
	rows, _ := db.pool.Query(ctx, selectStatements+` WHERE s.organization_id = $1 ORDER BY s.month DESC, s.seller, s.id LIMIT $2 OFFSET $3`, orgID, page.Most(), page.Skip())
	if list, err = store.All(rows, "statements", rowToStatement); err != nil {
		return nil, 0, err
	}
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM statements WHERE organization_id = $1`, orgID).Scan(&total)
	return list, total, store.Found(err, "statement")
}

// StatementOfOrganization finds one of an organization's statements. NotFound("statement").
func (db *DB) StatementOfOrganization(ctx context.Context, orgID, id uuid.UUID) (billing.Statement, error) {
	rows, _ := db.pool.Query(ctx, selectStatements+` WHERE s.organization_id = $1 AND s.id = $2`, orgID, id)
	return store.One(rows, "statement", rowToStatement)
}

// StatementOf finds the statement of an organization's month with a provider. Refusals: "not_over", "not_closed", "no_statement", NotFound("provider").
func (db *DB) StatementOf(ctx context.Context, orgID, providerID uuid.UUID, month billing.Month) (uuid.UUID, error) {
	var id *uuid.UUID
	var name, zoneName string
	var days int
	var now time.Time
	var closed bool
	err := db.pool.QueryRow(ctx, `
		SELECT p.name, p.accounting_zone, p.grace_days, now(), (SELECT id FROM statements s WHERE s.wallet_id = w.id AND s.month = $3::text::date),
		       EXISTS (SELECT FROM periods x WHERE x.provider_id = p.id AND x.month >= $3::text::date AND x.closed_at IS NOT NULL)
		  FROM providers p JOIN wallets w ON w.provider_id = p.id AND w.organization_id = $1 WHERE p.id = $2`, orgID, providerID, month.FirstDay()).
		Scan(&name, &zoneName, &days, &now, &id, &closed)
	if err != nil {
		return uuid.Nil, store.Found(err, "provider")
	}
	if id != nil {
		return *id, nil
	}
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return uuid.Nil, fmt.Errorf("accounting zone %q: %w", zoneName, err)
	}
	name, end := typed.Isolate(name), month.Period(zone).To
	const until = "Until then Usage shows provisional figures, and whoever reads the bills is mailed."
	switch {
	case now.Before(end):
		return uuid.Nil, &refusal.Error{
			Code: "not_over", Title: fmt.Sprintf("%s is not over at %s: it ends at %s.", month.Words(), name, end.In(zone).Format("2 January 2006, 15:04 MST")), Next: until,
		}
	case !closed:
		return uuid.Nil, &refusal.Error{
			Code:  "not_closed",
			Title: fmt.Sprintf("%s has not closed %s yet, which it does %s or later after the month’s end.", name, month.Words(), refusal.Plural(days, "day", "days")), Next: until,
		}
	default:
		return uuid.Nil, &refusal.Error{
			Code: "no_statement", Title: fmt.Sprintf("There is no statement of %s with %s: nothing was left, owed or moved.", month.Words(), name), Next: "Choose another month.",
		}
	}
}

// StatementUseFilter orders the uses of a statement by cluster, person or used.
type StatementUseFilter struct {
	store.Page
	store.Sorting
}

const selectStatementUses = `
	SELECT coalesce(u.cluster_id, '00000000-0000-0000-0000-000000000000'), u.cluster_name, coalesce(u.person_id, '00000000-0000-0000-0000-000000000000'), coalesce(y.name, ''),
	       u.purchase_order, u.cost_centre, u.grant_number, u.hours, u.cost, s.currency
	  FROM statements s JOIN statement_uses u ON u.statement_id = s.id LEFT JOIN people y ON y.id = u.person_id
	 WHERE s.organization_id = $1 AND s.id = $2`

func rowToStatementUse(row pgx.CollectableRow) (billing.StatementUse, error) {
	var u billing.StatementUse
	var cost *int64
	var currency billing.Currency
	err := row.Scan(&u.ClusterID, &u.ClusterName, &u.PersonID, &u.PersonName, &u.PurchaseOrder, &u.CostCentre, &u.GrantNumber, &u.Hours, &cost, &currency)
	if cost != nil {
		u.Cost = billing.Cost{Minor: *cost, Currency: currency}
	}
	return u, err
}

// StatementUses gives a page of what clusters used by a statement, and how many lines there are.
func (db *DB) StatementUses(ctx context.Context, orgID, id uuid.UUID, f StatementUseFilter) (list []billing.StatementUse, total int, err error) {
	order := store.Sortable{"cluster": "u.cluster_name", "person": "y.name", "used": "u.hours"}.OrderBy(f.Sorting, "u.number")
	rows, _ := db.pool.Query(ctx, selectStatementUses+order+` LIMIT $3 OFFSET $4`, orgID, id, f.Most(), f.Skip())
	if list, err = store.All(rows, "uses of a statement", rowToStatementUse); err != nil {
		return nil, 0, err
	}
	err = db.pool.QueryRow(ctx, `
		SELECT count(*) FROM statements s JOIN statement_uses u ON u.statement_id = s.id WHERE s.organization_id = $1 AND s.id = $2`, orgID, id).Scan(&total)
	return list, total, store.Found(err, "statement")
}

// StatementSum is what one member, cost centre or grant used.
type StatementSum struct {
	Name  string // empty: none was said
	Hours billing.Hours
	Cost  *int64 // in minor units; nil: granted hours alone
}

// StatementBy is what a statement's uses are added up by.
type StatementBy string

// The ways.
const (
	ByMember     StatementBy = "member"
	ByCostCentre StatementBy = "cost_centre"
	ByGrant      StatementBy = "grant"
)

// MostStatementSums is how many sums a page has; the file has all uses.
const MostStatementSums = 100

var errNoSum = errors.New("uses are not added up by this")

// StatementSums adds the uses of a statement up, the most first, at most MostStatementSums.
func (db *DB) StatementSums(ctx context.Context, orgID, id uuid.UUID, by StatementBy) ([]StatementSum, error) {
	column := map[StatementBy]string{ByMember: "coalesce(y.name, '')", ByCostCentre: "u.cost_centre", ByGrant: "u.grant_number"}[by]
	if column == "" {
		return nil, fmt.Errorf("%w: %q", errNoSum, by)
	}
	group := column
	if by == ByMember {
		group = "y.id" // two may be called the same
	}
	rows, _ := db.pool.Query(ctx, `
		SELECT `+column+`, sum(u.hours)::bigint, sum(u.cost)::bigint
		  FROM statements s JOIN statement_uses u ON u.statement_id = s.id LEFT JOIN people y ON y.id = u.person_id
		 WHERE s.organization_id = $1 AND s.id = $2 GROUP BY `+group+` ORDER BY 2 DESC, 1 LIMIT $3`, orgID, id, MostStatementSums)
	return store.All(rows, "sums of a statement", pgx.RowToStructByPos[StatementSum])
}

// ExportStatement writes a statement of an organization with all its uses; it is good only where it returns nil.
func (db *DB) ExportStatement(ctx context.Context, orgID uuid.UUID, s billing.Statement, to billing.Book) error {
	w, err := billing.NewStatementWriter(to, s)
	if err != nil {
		return err
	}
	rows, err := db.pool.Query(ctx, selectStatementUses+` ORDER BY u.number`, orgID, s.ID)
	if err != nil {
		return fmt.Errorf("uses of statement %s: %w", s.ID, err)
	}
	defer rows.Close()
	for rows.Next() {
		u, err := rowToStatementUse(rows)
		if err != nil {
			return fmt.Errorf("uses of statement %s: %w", s.ID, err)
		}
		if err := w.Use(u); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("uses of statement %s: %w", s.ID, err)
	}
	return w.Finish()
}
