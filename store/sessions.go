package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

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
// person's first organization, else provider. Refusals: "sign_in" (unknown address and wrong password alike) and
// "throttled" (too many failures of late for the e-mail or from the address).
func (db *DB) SignIn(ctx context.Context, email, password, address, userAgent string) (token string, s Session, err error) {
	return "", Session{}, errUnwritten
}

// SessionByToken finds the session of a cookie in one query. An unknown or expired one is NotFound("session").
func (db *DB) SessionByToken(ctx context.Context, token string) (Session, error) {
	return Session{}, errUnwritten
}

// SwitchOrganization makes the session work for an organization of which its person is a member.
func (db *DB) SwitchOrganization(ctx context.Context, sessionID, orgID uuid.UUID) error {
	return errUnwritten
}

// SwitchProvider makes the session work for a provider whose staff its person belongs to.
func (db *DB) SwitchProvider(ctx context.Context, sessionID, providerID uuid.UUID) error {
	return errUnwritten
}

// Workplaces lists where a person may work.
func (db *DB) Workplaces(ctx context.Context, personID uuid.UUID) (Workplaces, error) {
	return Workplaces{}, errUnwritten
}

// SignOut ends a session; ending it twice is no error.
func (db *DB) SignOut(ctx context.Context, sessionID uuid.UUID) error { return errUnwritten }
