package books

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// Receivable is what an organization owes a provider in one currency, by how many days it is overdue, in minor units.
type Receivable struct {
	OrganizationID   uuid.UUID
	OrganizationName string
	Currency         billing.Currency
	Invoices         int   // that something is left to pay of
	Undated          int64 // of invoices of before days were printed
	NotDue           int64
	Days30           int64 // 1 to 30
	Days60           int64
	Days90           int64
	Older            int64
	Open             int64
	Credit           int64 // which is not taken off the rest
}

// ReceivableFilter narrows and orders what is owed by party, open, older or credit.
type ReceivableFilter struct {
	Page store.Page
	Sort store.Sorting
	Text string // a part of the organization's name
}

// agedWallets is one row for each organization and currency with a debt or a credit: $1 is the provider.
const agedWallets = `
	WITH aged AS (
		SELECT b.organization_id, b.currency, b.open, (now() AT TIME ZONE p.accounting_zone)::date - b.due_on AS late
		  FROM invoice_balances b JOIN providers p ON p.id = b.provider_id WHERE b.provider_id = $1 AND b.open > 0),
	owed AS (
		SELECT organization_id, currency, count(*)::int AS invoices, coalesce(sum(open) FILTER (WHERE late IS NULL), 0)::bigint AS undated,
		       coalesce(sum(open) FILTER (WHERE late <= 0), 0)::bigint AS not_due, coalesce(sum(open) FILTER (WHERE late BETWEEN 1 AND 30), 0)::bigint AS days_30,
		       coalesce(sum(open) FILTER (WHERE late BETWEEN 31 AND 60), 0)::bigint AS days_60, coalesce(sum(open) FILTER (WHERE late BETWEEN 61 AND 90), 0)::bigint AS days_90,
		       coalesce(sum(open) FILTER (WHERE late > 90), 0)::bigint AS older, sum(open)::bigint AS open
		  FROM aged GROUP BY organization_id, currency),
	credits AS (
		SELECT w.organization_id, m.currency, m.credit FROM wallet_money m JOIN wallets w ON w.id = m.wallet_id WHERE w.provider_id = $1 AND m.credit > 0),
	list AS (
		SELECT organization_id, g.name, currency, coalesce(invoices, 0) AS invoices, coalesce(undated, 0) AS undated, coalesce(not_due, 0) AS not_due,
		       coalesce(days_30, 0) AS days_30, coalesce(days_60, 0) AS days_60, coalesce(days_90, 0) AS days_90, coalesce(older, 0) AS older,
		       coalesce(open, 0) AS open, coalesce(credit, 0) AS credit
		  FROM owed FULL JOIN credits USING (organization_id, currency) JOIN organizations g ON g.id = organization_id WHERE g.name ILIKE $2)`

// Receivables gives a page of what is owed to a provider by organization, the largest debt first, with how many rows there are and the sums of
// each currency.
func (db *DB) Receivables(ctx context.Context, providerID uuid.UUID, f ReceivableFilter) (list []Receivable, total int, sums []Receivable, err error) {
	order := store.Sortable{"party": "name", "open": "open", "older": "older", "credit": "credit"}.OrderBy(f.Sort, "open DESC, name, organization_id, currency")
	args := []any{providerID, store.Like(f.Text)}
	rows, _ := db.pool.Query(ctx, agedWallets+` SELECT * FROM list`+order+` LIMIT $3 OFFSET $4`, append(args, f.Page.Most(), f.Page.Skip())...)
	if list, err = store.All(rows, "what is owed", pgx.RowToStructByPos[Receivable]); err != nil {
		return nil, 0, nil, err
	}
	rows, _ = db.pool.Query(ctx, agedWallets+`
		SELECT '00000000-0000-0000-0000-000000000000'::uuid, '', currency, sum(invoices)::int, sum(undated)::bigint, sum(not_due)::bigint, sum(days_30)::bigint,
		       sum(days_60)::bigint, sum(days_90)::bigint, sum(older)::bigint, sum(open)::bigint, sum(credit)::bigint FROM list GROUP BY currency ORDER BY currency`, args...)
	if sums, err = store.All(rows, "sums of what is owed", pgx.RowToStructByPos[Receivable]); err != nil {
		return nil, 0, nil, err
	}
	err = db.pool.QueryRow(ctx, agedWallets+` SELECT count(*) FROM list`, args...).Scan(&total)
	return list, total, sums, err
}

// Credit is what an organization has with a provider, which pays its next invoice there.
type Credit struct {
	ProviderID   uuid.UUID
	ProviderName string
	OrgName      string
	Amount       billing.Money
}

const selectCredits = `
	SELECT w.provider_id, p.name, g.name, m.credit, m.currency FROM wallet_money m JOIN wallets w ON w.id = m.wallet_id JOIN providers p ON p.id = w.provider_id
	  JOIN organizations g ON g.id = w.organization_id WHERE m.credit > 0 AND `

func rowToCredit(row pgx.CollectableRow) (Credit, error) {
	var c Credit
	err := row.Scan(&c.ProviderID, &c.ProviderName, &c.OrgName, &c.Amount.Minor, &c.Amount.Currency)
	return c, err
}

// CreditsOfOrganization is the credit that an organization has, by provider.
func (db *DB) CreditsOfOrganization(ctx context.Context, orgID uuid.UUID) ([]Credit, error) {
	rows, _ := db.pool.Query(ctx, selectCredits+`w.organization_id = $1 ORDER BY p.name, m.currency LIMIT 100`, orgID)
	return store.All(rows, "credit", rowToCredit)
}

// CreditAt is the credit that an organization has with a provider, by currency.
func (db *DB) CreditAt(ctx context.Context, providerID, orgID uuid.UUID) ([]Credit, error) {
	rows, _ := db.pool.Query(ctx, selectCredits+`w.provider_id = $1 AND w.organization_id = $2 ORDER BY m.currency`, providerID, orgID)
	return store.All(rows, "credit", rowToCredit)
}
