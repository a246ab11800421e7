package overview

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/people"
)

// PlatformProvider is a provider as the platform's admins see it.
type PlatformProvider struct {
	people.ProviderSettings
	ApplicantName  string // empty: made by the operator's command
	ApplicantEmail string
	AppliedAt      *time.Time
	DecidedByName  string
	DecidedAt      *time.Time
	CreatedAt      time.Time
	Pools          int
	Hosts          int
	Staff          int
	Organizations  int // with hours there
	Clusters       int // now
	Used           billing.Hours
}

// PlatformProviderFilter narrows and orders a list of providers. Sorting keys: name, state, hosts, clusters, created.
type PlatformProviderFilter struct {
	Search string // part of the name or the legal name
	State  string
	store.Sorting
	store.Page
}

var platformProviderColumns = store.Sortable{"name": "p.name", "state": "p.state", "hosts": "hosts", "clusters": "clusters", "created": "p.created_at"}

const selectPlatformProviders = `
	SELECT p.id, p.name, p.currency, p.accounting_zone, p.state, p.state_reason, p.legal_name, p.tax_id, coalesce(p.invoice_prefix, '') AS invoice_prefix,
		p.support_contact, p.about, p.terms, p.address, p.country, p.vat_id, p.bank_name, p.iban, p.bic, p.payment_days, p.certificates_taken, false AS booked, false AS invoiced,
		coalesce(ap.name, '') AS applicant_name, coalesce(ap.email, '') AS applicant_email, p.applied_at, coalesce(de.name, '') AS decided_by_name, p.decided_at, p.created_at,
		(SELECT count(*) FROM pools x WHERE x.provider_id = p.id)::int AS pools,
		(SELECT count(*) FROM hosts x WHERE x.provider_id = p.id AND x.removed_at IS NULL)::int AS hosts,
		(SELECT count(*) FROM staff x WHERE x.provider_id = p.id)::int AS staff,
		(SELECT count(*) FROM wallets x WHERE x.provider_id = p.id)::int AS organizations,
		(SELECT count(*) FROM clusters x WHERE x.provider_id = p.id AND x.ended_at IS NULL)::int AS clusters,
		(SELECT coalesce(sum(l.used), 0) FROM wallets x JOIN lots l ON l.wallet_id = x.id WHERE x.provider_id = p.id)::bigint AS used
	FROM providers p LEFT JOIN people ap ON ap.id = p.applied_by LEFT JOIN people de ON de.id = p.decided_by`

// PlatformProviders lists every provider, those that wait for a decision first unless asked otherwise, and how many the
// filter leaves.
func (db *DB) PlatformProviders(ctx context.Context, f PlatformProviderFilter) (list []PlatformProvider, total int, err error) {
	const where = ` WHERE ($1 = '' OR p.name ILIKE $2 OR p.legal_name ILIKE $2) AND ($3 = '' OR p.state = $3)`
	args := []any{f.Search, store.Like(f.Search), f.State}
	if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM providers p`+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count providers: %w", err)
	}
	rows, _ := db.pool.Query(ctx, selectPlatformProviders+where+platformProviderColumns.OrderBy(f.Sorting, "p.state = 'applied' DESC, p.name, p.id")+` LIMIT $4 OFFSET $5`,
		append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "providers", pgx.RowToStructByName[PlatformProvider])
	return list, total, err
}

// PlatformProvider shows one provider.
func (db *DB) PlatformProvider(ctx context.Context, id uuid.UUID) (PlatformProvider, error) {
	rows, _ := db.pool.Query(ctx, selectPlatformProviders+` WHERE p.id = $1`, id)
	return store.One(rows, "provider", pgx.RowToStructByName[PlatformProvider])
}
