package overview

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
	"volary.dev/store/books"
)

// PlatformFigures are what the platform's admins look at first.
type PlatformFigures struct {
	Organizations, OrganizationsSuspended int
	People, PeopleSuspended, Admins       int
	SignUps                               int // that wait for their link to be opened
	MailsKept, MailsFailed, MailsWaiting  int // kept: in the last 14 days, after which no link of them works
	MailsRefused                          int // by a mail server, for good, in the last 14 days
	Applications                          int // providers that applied
	Clusters                              int // that are not gone
	ImagesLost                            int // whose bytes are gone from the store, or are not those that were kept
	// LedgerDay is the last day (UTC) whose audit run of the ledger ended, nil before the first; LedgerDifference what it found;
	// LedgerStuck tells that one begun since then has not ended, though long enough ago.
	LedgerDay        *time.Time
	LedgerDifference string
	LedgerStuck      bool
}

// PlatformFigures counts.
func (db *DB) PlatformFigures(ctx context.Context) (PlatformFigures, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT o.organizations, o.organizations_suspended, p.people, p.people_suspended, p.admins,
			(SELECT count(DISTINCT email)::int FROM sign_ups WHERE completed_at IS NULL AND expires_at > now()) AS sign_ups,
			m.mails_kept, m.mails_failed, m.mails_waiting, m.mails_refused,
			(SELECT count(*)::int FROM providers WHERE state = 'applied') AS applications,
			(SELECT count(*)::int FROM clusters WHERE ended_at IS NULL) AS clusters,
			(SELECT count(*)::int FROM images WHERE lost <> '') AS images_lost, l.day AS ledger_day,
			coalesce(l.difference, '') AS ledger_difference,
			EXISTS (SELECT FROM audit_runs s WHERE s.ended_at IS NULL AND s.started_at < now() - $1::interval AND (l.day IS NULL OR s.day > l.day)) AS ledger_stuck
		FROM (SELECT count(*)::int AS organizations, count(suspended_at)::int AS organizations_suspended FROM organizations) AS o,
			(SELECT count(*)::int AS people, count(suspended_at)::int AS people_suspended, count(*) FILTER (WHERE platform_admin)::int AS admins FROM people) AS p,
			(SELECT count(*) FILTER (WHERE state = 'kept' AND created_at > now() - interval '14 days')::int AS mails_kept, count(*) FILTER (WHERE state = 'failed')::int AS mails_failed,
				count(*) FILTER (WHERE state = 'waiting')::int AS mails_waiting,
				count(*) FILTER (WHERE state = 'refused' AND created_at > now() - interval '14 days')::int AS mails_refused FROM mails WHERE state <> 'sent') AS m
			LEFT JOIN LATERAL (SELECT day, difference FROM audit_runs WHERE ended_at IS NOT NULL ORDER BY day DESC LIMIT 1) AS l ON true`, books.AuditPatience)
	return store.One(rows, "figures", pgx.RowToStructByName[PlatformFigures])
}

// PlatformFilter narrows the platform's lists.
type PlatformFilter struct {
	Text  string // in names and addresses
	State string // "active", "suspended", of people also "admin"; empty: all
	store.Sorting
	store.Page
}

// PlatformOrganization is an organization as the platform's admins see it: who answers for it, not what it does.
type PlatformOrganization struct {
	ID              uuid.UUID
	Name            string
	CreatedAt       time.Time
	SuspendedAt     *time.Time
	SuspendedReason string
	Members         int
	Clusters        int // not gone
	Running         int // of them
	Total           int
}

const platformOrganizations = ` FROM organizations o
	WHERE o.name ILIKE $1 AND ($2 = '' OR ($2 = 'suspended') = (o.suspended_at IS NOT NULL))`

const selectPlatformOrganization = `
	SELECT o.id, o.name, o.created_at, o.suspended_at, o.suspended_reason,
		(SELECT count(*)::int FROM memberships m WHERE m.organization_id = o.id) AS members,
		(SELECT count(*)::int FROM clusters c WHERE c.organization_id = o.id AND c.ended_at IS NULL) AS clusters,
		(SELECT count(*)::int FROM clusters c WHERE c.organization_id = o.id AND c.ended_at IS NULL AND c.desired = 'running') AS running`

// PlatformOrganizations lists all organizations, by name where the filter says nothing else, and how many it leaves.
func (db *DB) PlatformOrganizations(ctx context.Context, f PlatformFilter) ([]PlatformOrganization, int, error) {
	order := store.Sortable{"name": "o.name", "members": "members", "clusters": "clusters", "created": "o.created_at"}
	rows, _ := db.pool.Query(ctx, selectPlatformOrganization+`, count(*) OVER ()::int AS total`+platformOrganizations+
		order.OrderBy(f.Sorting, "o.name, o.id")+` LIMIT $3 OFFSET $4`, store.Like(f.Text), f.State, f.Most(), f.Skip())
	list, err := store.All(rows, "organizations", pgx.RowToStructByName[PlatformOrganization])
	if err != nil || len(list) > 0 {
		return list, store.TotalOf(list, func(o PlatformOrganization) int { return o.Total }), err
	}
	total, err := db.core.Count(ctx, `SELECT count(*)`+platformOrganizations, store.Like(f.Text), f.State)
	return list, total, err
}

// PlatformOrganization finds one by its id.
func (db *DB) PlatformOrganization(ctx context.Context, id uuid.UUID) (PlatformOrganization, error) {
	rows, _ := db.pool.Query(ctx, selectPlatformOrganization+`, 1 AS total FROM organizations o WHERE o.id = $1`, id)
	return store.One(rows, "organization", pgx.RowToStructByName[PlatformOrganization])
}

// PlatformPerson is a person as the platform's admins see them.
type PlatformPerson struct {
	ID              uuid.UUID
	Name, Email     string
	PlatformAdmin   bool
	PlatformAuditor bool
	CreatedAt       time.Time
	ConfirmedAt     time.Time
	SuspendedAt     *time.Time
	SuspendedReason string
	SeenAt          *time.Time // nil: no session is left
	Workplaces      int
	Total           int
}

const platformPeople = ` FROM people p WHERE (p.name ILIKE $1 OR p.email ILIKE $1)
	AND ($2 = '' OR $2 = 'admin' AND p.platform_admin OR $2 <> 'admin' AND ($2 = 'suspended') = (p.suspended_at IS NOT NULL))`

const selectPlatformPerson = `
	SELECT p.id, p.name, p.email, p.platform_admin, p.platform_auditor, p.created_at, p.confirmed_at, p.suspended_at, p.suspended_reason,
		(SELECT max(s.seen_at) FROM sessions s WHERE s.person_id = p.id) AS seen_at,
		(SELECT count(*) FROM memberships m WHERE m.person_id = p.id)::int + (SELECT count(*) FROM staff s WHERE s.person_id = p.id)::int AS workplaces`

// PlatformPeople lists all people, by name where the filter says nothing else, and how many it leaves.
func (db *DB) PlatformPeople(ctx context.Context, f PlatformFilter) ([]PlatformPerson, int, error) {
	order := store.Sortable{"name": "p.name", "email": "p.email", "created": "p.created_at", "seen": "seen_at", "workplaces": "workplaces"}
	rows, _ := db.pool.Query(ctx, selectPlatformPerson+`, count(*) OVER ()::int AS total`+platformPeople+
		order.OrderBy(f.Sorting, "p.name, p.id")+` LIMIT $3 OFFSET $4`, store.Like(f.Text), f.State, f.Most(), f.Skip())
	list, err := store.All(rows, "people", pgx.RowToStructByName[PlatformPerson])
	if err != nil || len(list) > 0 {
		return list, store.TotalOf(list, func(p PlatformPerson) int { return p.Total }), err
	}
	total, err := db.core.Count(ctx, `SELECT count(*)`+platformPeople, store.Like(f.Text), f.State)
	return list, total, err
}

// PlatformPerson finds one by their id.
func (db *DB) PlatformPerson(ctx context.Context, id uuid.UUID) (PlatformPerson, error) {
	rows, _ := db.pool.Query(ctx, selectPlatformPerson+`, 1 AS total FROM people p WHERE p.id = $1`, id)
	return store.One(rows, "person", pgx.RowToStructByName[PlatformPerson])
}
