package people

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// sessionHours is how long a session lasts, however much it is used; the database's check knows it, too.
const sessionHours = 7 * 24

// Session is who is signed in and where they work now: for one organization, for one provider, or for none.
type Session struct {
	ID               uuid.UUID
	PersonID         uuid.UUID
	Name             string
	Email            string
	OrganizationID   *uuid.UUID
	OrganizationName string
	OrganizationRole OrganizationRole // empty where OrganizationID is nil
	ProviderID       *uuid.UUID
	ProviderName     string
	ProviderRole     StaffRole // empty where ProviderID is nil
	PlatformAdmin    bool
	PlatformAuditor  bool
	Workplaces       int // where the person may work, the present one included
	// Suspended is why the organization is suspended, empty where it is not.
	Suspended string
	// ProviderSuspended is why the provider is suspended, empty where it is not.
	ProviderSuspended string
	ExpiresAt         time.Time // unless it is used before
	// Fresh is that the person gave the password within the last ten minutes, to sign in or when asked again.
	Fresh bool
}

// freshMinutes is how long a password that was given is good for what gives lasting power.
const freshMinutes = 10

// Workplace is an organization or a provider for which a person may work.
type Workplace struct {
	ID   uuid.UUID
	Name string
	Role string
}

// Workplaces are all of a person's, each kind in the order of names.
type Workplaces struct {
	Organizations []Workplace
	Providers     []Workplace
}

func orNoAddress(a netip.Addr) *netip.Addr {
	if !a.IsValid() {
		return nil
	}
	a = a.Unmap().WithZone("")
	return &a
}

// SessionByToken finds the session of a cookie, without counting as use of it: it is for what a browser asks by itself. An
// unknown session and one that is over are NotFound("session"). Where the person has left the workplace, the session has
// none.
func (db *DB) SessionByToken(ctx context.Context, token string) (Session, error) {
	rows, _ := db.pool.Query(ctx, selectSession, store.HashToken(token), freshMinutes)
	return store.One(rows, "session", pgx.RowToStructByName[Session])
}

// UseSession is SessionByToken for what a person asked, in the same single query: the session lasts for IdleTime from now,
// and no longer than sessionHours from its begin. That is written at most once a minute.
func (db *DB) UseSession(ctx context.Context, token string) (Session, error) {
	rows, _ := db.pool.Query(ctx, `
		WITH used AS (UPDATE sessions SET seen_at = now(), expires_at = least(created_at + make_interval(hours => $3), now() + $4::interval)
			WHERE token_hash = $1 AND seen_at < now() - interval '1 minute' AND expires_at > now())`+selectSession,
		store.HashToken(token), freshMinutes, sessionHours, db.core.Idle())
	return store.One(rows, "session", pgx.RowToStructByName[Session])
}

// IdleTime is how long a session lasts without use.
func (db *DB) IdleTime() time.Duration { return db.core.Idle() }

// selectSession reads the session of a token's hash ($1), $2 being freshMinutes.
const selectSession = `
	SELECT s.id, s.person_id, pe.name, pe.email, pe.platform_admin, pe.platform_auditor, s.expires_at,
		m.organization_id, coalesce(o.name, '') AS organization_name, coalesce(m.role, '') AS organization_role,
		coalesce(o.suspended_reason, '') AS suspended,
		st.provider_id, coalesce(pr.name, '') AS provider_name, coalesce(st.role, '') AS provider_role,
		CASE WHEN pr.state = 'suspended' THEN pr.state_reason ELSE '' END AS provider_suspended,
		(SELECT count(*) FROM memberships WHERE person_id = pe.id)::int + (SELECT count(*) FROM staff WHERE person_id = pe.id)::int AS workplaces,
		s.fresh_at > now() - make_interval(mins => $2) AS fresh
	FROM sessions s
	JOIN people pe ON pe.id = s.person_id
	LEFT JOIN memberships m ON m.organization_id = s.organization_id AND m.person_id = s.person_id
	LEFT JOIN organizations o ON o.id = m.organization_id
	LEFT JOIN staff st ON st.provider_id = s.provider_id AND st.person_id = s.person_id
	LEFT JOIN providers pr ON pr.id = st.provider_id
	WHERE s.token_hash = $1 AND s.expires_at > now() AND pe.suspended_at IS NULL`

// SwitchOrganization makes the session work for an organization of which its person is a member.
func (db *DB) SwitchOrganization(ctx context.Context, sessionID, orgID uuid.UUID) error {
	return db.switchTo(ctx, "organization", `
		UPDATE sessions s SET organization_id = m.organization_id, provider_id = NULL FROM memberships m
		WHERE s.id = $1 AND m.organization_id = $2 AND m.person_id = s.person_id`, sessionID, orgID)
}

// SwitchProvider makes the session work for a provider whose staff its person belongs to.
func (db *DB) SwitchProvider(ctx context.Context, sessionID, providerID uuid.UUID) error {
	return db.switchTo(ctx, "provider", `
		UPDATE sessions s SET provider_id = st.provider_id, organization_id = NULL FROM staff st
		WHERE s.id = $1 AND st.provider_id = $2 AND st.person_id = s.person_id`, sessionID, providerID)
}

func (db *DB) switchTo(ctx context.Context, what, query string, sessionID, id uuid.UUID) error {
	tag, err := db.pool.Exec(ctx, query, sessionID, id)
	if err != nil {
		return fmt.Errorf("switch to %s: %w", what, err)
	}
	if tag.RowsAffected() == 0 {
		return refusal.NotFound(what)
	}
	return nil
}

// Workplaces lists where a person may work.
func (db *DB) Workplaces(ctx context.Context, personID uuid.UUID) (w Workplaces, err error) {
	b := &pgx.Batch{}
	QueueWorkplaces(b, personID, &w)
	if err := db.pool.SendBatch(ctx, b).Close(); err != nil {
		return w, fmt.Errorf("read workplaces of a person: %w", err)
	}
	return w, nil
}

// QueueWorkplaces reads where a person may work when the batch is read.
func QueueWorkplaces(b *pgx.Batch, personID uuid.UUID, w *Workplaces) {
	store.QueueAll(b, &w.Organizations, pgx.RowToStructByName[Workplace], `
		SELECT o.id, o.name, m.role FROM memberships m JOIN organizations o ON o.id = m.organization_id
		WHERE m.person_id = $1 ORDER BY o.name`, personID)
	store.QueueAll(b, &w.Providers, pgx.RowToStructByName[Workplace], `
		SELECT p.id, p.name, s.role FROM staff s JOIN providers p ON p.id = s.provider_id
		WHERE s.person_id = $1 ORDER BY p.name`, personID)
}

// SignOut ends a session; ending it twice is no error.
func (db *DB) SignOut(ctx context.Context, sessionID uuid.UUID) error {
	if _, err := db.pool.Exec(ctx, `DELETE FROM sessions WHERE id = $1`, sessionID); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}
