package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// sessionDays is how long a session lasts, however much it is used.
const sessionDays = 7

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
	Workplaces       int // where the person may work, the present one included
	ExpiresAt        time.Time
}

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

// SignIn makes a session and its token, which is nowhere kept and belongs into a cookie. The session begins at the
// person's first organization, else provider. Refusals: "sign_in" (unknown e-mail and wrong password alike, and in
// about the same time) and "throttled" (too many failures of late for the e-mail or from the address).
func (db *DB) SignIn(ctx context.Context, email, password, address, userAgent string) (token string, s Session, err error) {
	email = normalEmail(email)
	from, _ := netip.ParseAddr(address) // an unreadable one counts as one address
	attempt, err := db.countAttempt(ctx, email, from)
	if err != nil {
		return "", s, err
	}
	personID, err := db.checkPassword(ctx, email, password)
	if err != nil {
		return "", s, err
	}
	if token, err = db.openSession(ctx, personID, attempt, from, userAgent); err != nil {
		return "", s, err
	}
	s, err = db.SessionByToken(ctx, token)
	return token, s, err
}

// checkPassword hashes a dummy where there is no such person, so that time tells nothing.
func (db *DB) checkPassword(ctx context.Context, email, password string) (uuid.UUID, error) {
	refused := &provisioner.Refusal{
		Code: "sign_in", Title: "E-mail address and password do not belong together.", Next: "Check both and try again.",
	}
	if len([]rune(password)) > mostLetters {
		return uuid.Nil, refused
	}
	var id uuid.UUID
	var phc string
	err := db.pool.QueryRow(ctx, `SELECT id, password_hash FROM people WHERE email = $1`, email).Scan(&id, &phc)
	if errors.Is(err, pgx.ErrNoRows) {
		if _, err := db.hash(ctx, password); err != nil {
			return uuid.Nil, err
		}
		return uuid.Nil, refused
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("sign in: %w", err)
	}
	switch ok, err := db.matches(ctx, password, phc); {
	case err != nil:
		return uuid.Nil, fmt.Errorf("sign in of %s: %w", id, err)
	case !ok:
		return uuid.Nil, refused
	}
	return id, nil
}

// openSession also forgets the failures for the person's e-mail, this attempt, and whatever has expired.
func (db *DB) openSession(ctx context.Context, personID uuid.UUID, a attempt, from netip.Addr, userAgent string) (string, error) {
	id, err := newID()
	if err != nil {
		return "", err
	}
	token := newToken()
	if len(userAgent) > 300 {
		userAgent = userAgent[:300]
	}
	return token, db.tx(ctx, func(tx pgx.Tx) error {
		if err := a.forgive(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE expires_at < now()`); err != nil {
			return fmt.Errorf("forget expired sessions: %w", err)
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO sessions (id, token_hash, person_id, organization_id, provider_id, user_agent, address, created_at, seen_at, expires_at)
			SELECT $1, $2, $3, o.id, CASE WHEN o.id IS NULL THEN p.id END, $4, $5, now(), now(), now() + make_interval(days => $6)
			FROM (SELECT 1) AS always
			LEFT JOIN LATERAL (SELECT o.id FROM memberships m JOIN organizations o ON o.id = m.organization_id
				WHERE m.person_id = $3 ORDER BY o.name LIMIT 1) AS o ON true
			LEFT JOIN LATERAL (SELECT p.id FROM staff s JOIN providers p ON p.id = s.provider_id
				WHERE s.person_id = $3 ORDER BY p.name LIMIT 1) AS p ON true`,
			id, hashToken(token), personID, strings.ToValidUTF8(strings.ReplaceAll(userAgent, "\x00", ""), "?"), orNoAddress(from), sessionDays)
		if err != nil {
			return fmt.Errorf("open session: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: personID, Verb: "sign in", Subject: "session", SubjectID: id})
	})
}

func newToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func orNoAddress(a netip.Addr) *netip.Addr {
	if !a.IsValid() {
		return nil
	}
	a = a.Unmap().WithZone("")
	return &a
}

// SessionByToken finds the session of a cookie in one query, which also notes, at most once a minute, that it is used.
// An unknown or expired one is NotFound("session"). Where the person has left the workplace, the session has none.
func (db *DB) SessionByToken(ctx context.Context, token string) (Session, error) {
	rows, _ := db.pool.Query(ctx, `
		WITH seen AS (UPDATE sessions SET seen_at = now()
			WHERE token_hash = $1 AND seen_at < now() - interval '1 minute' AND expires_at > now())
		SELECT s.id, s.person_id, pe.name, pe.email, pe.platform_admin, s.expires_at,
			m.organization_id, coalesce(o.name, '') AS organization_name, coalesce(m.role, '') AS organization_role,
			st.provider_id, coalesce(pr.name, '') AS provider_name, coalesce(st.role, '') AS provider_role,
			(SELECT count(*) FROM memberships WHERE person_id = pe.id)::int + (SELECT count(*) FROM staff WHERE person_id = pe.id)::int AS workplaces
		FROM sessions s
		JOIN people pe ON pe.id = s.person_id
		LEFT JOIN memberships m ON m.organization_id = s.organization_id AND m.person_id = s.person_id
		LEFT JOIN organizations o ON o.id = m.organization_id
		LEFT JOIN staff st ON st.provider_id = s.provider_id AND st.person_id = s.person_id
		LEFT JOIN providers pr ON pr.id = st.provider_id
		WHERE s.token_hash = $1 AND s.expires_at > now()`, hashToken(token))
	return one(rows, "session", pgx.RowToStructByName[Session])
}

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
		return provisioner.NotFound(what)
	}
	return nil
}

// Workplaces lists where a person may work.
func (db *DB) Workplaces(ctx context.Context, personID uuid.UUID) (w Workplaces, err error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT o.id, o.name, m.role FROM memberships m JOIN organizations o ON o.id = m.organization_id
		WHERE m.person_id = $1 ORDER BY o.name`, personID)
	if w.Organizations, err = pgx.CollectRows(rows, pgx.RowToStructByName[Workplace]); err != nil {
		return w, fmt.Errorf("read organizations of a person: %w", err)
	}
	rows, _ = db.pool.Query(ctx, `
		SELECT p.id, p.name, s.role FROM staff s JOIN providers p ON p.id = s.provider_id
		WHERE s.person_id = $1 ORDER BY p.name`, personID)
	if w.Providers, err = pgx.CollectRows(rows, pgx.RowToStructByName[Workplace]); err != nil {
		return w, fmt.Errorf("read providers of a person: %w", err)
	}
	return w, nil
}

// SignOut ends a session; ending it twice is no error.
func (db *DB) SignOut(ctx context.Context, sessionID uuid.UUID) error {
	if _, err := db.pool.Exec(ctx, `DELETE FROM sessions WHERE id = $1`, sessionID); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}
