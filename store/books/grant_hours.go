package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// Grant is hours that a provider gives an organization without an order.
type Grant struct {
	ProviderID     uuid.UUID
	OrganizationID uuid.UUID
	Hours          billing.Hours // mcs
	ExpiresAt      *time.Time    // nil: never
	PoolID         uuid.UUID     // the one pool of the provider they are good on; Nil: every one
	Purpose        string        // what they are for, at most 200 characters; the organization reads it
	Note           string        // at most 500 characters; the organization reads it
	By             uuid.UUID     // Nil: the operator's command
}

// GrantHours makes a lot and its ledger entry, and returns the lot. Refusals: "invalid" by field (hours, expires, pool,
// purpose, note), "suspended" for the provider, NotFound("provider" or "organization").
func (db *DB) GrantHours(ctx context.Context, g Grant) (uuid.UUID, error) {
	lotID, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		now, err := databaseNow(ctx, tx)
		if err != nil {
			return err
		}
		if err := checkGrant(ctx, tx, g, now); err != nil {
			return err
		}
		if err := people.RefuseSuspendedProvider(ctx, tx, g.ProviderID); err != nil {
			return err
		}
		w, err := lockWallet(ctx, tx, g.ProviderID, g.OrganizationID)
		if err != nil {
			return err
		}
		lot := newLot{
			Lot: billing.Lot{ID: lotID, Available: g.Hours, PoolID: g.PoolID}, Purpose: g.Purpose, Note: g.Note, By: g.By,
		}
		if g.ExpiresAt != nil {
			lot.ExpiresAt = *g.ExpiresAt
		}
		if err := lot.book(ctx, tx, w, now); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: g.By, Organization: g.OrganizationID, Provider: g.ProviderID, Verb: "grant hours", Subject: "lot",
			SubjectID: lotID, Detail: map[string]any{"mcs": g.Hours, "purpose": g.Purpose},
		})
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("grant hours: %w", err)
	}
	return lotID, nil
}

func checkGrant(ctx context.Context, tx pgx.Tx, g Grant, now time.Time) error {
	fields := map[string]string{}
	if err := g.Hours.CheckAmount(); err != nil {
		fields["hours"] = err.Error()
	}
	if g.ExpiresAt != nil && !g.ExpiresAt.After(now) {
		fields["expires"] = "the expiry has to be in the future, it is " + g.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if n := len([]rune(g.Purpose)); n > 200 {
		fields["purpose"] = fmt.Sprintf("a purpose has at most 200 characters, this one has %d", n)
	}
	if n := len([]rune(g.Note)); n > 500 {
		fields["note"] = fmt.Sprintf("a note has at most 500 characters, this one has %d", n)
	}
	if len(fields) > 0 {
		return refusal.Invalid(fields)
	}
	var provider, organization, pool bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM providers WHERE id = $1), EXISTS (SELECT FROM organizations WHERE id = $2),
		       $3::uuid IS NULL OR EXISTS (SELECT FROM pools WHERE id = $3 AND provider_id = $1)`,
		g.ProviderID, g.OrganizationID, store.OrNull(g.PoolID)).Scan(&provider, &organization, &pool)
	switch {
	case err != nil:
		return fmt.Errorf("parties of a grant: %w", err)
	case !provider:
		return refusal.NotFound("provider")
	case !organization:
		return refusal.NotFound("organization")
	case !pool:
		return refusal.Invalid(map[string]string{"pool": "Choose one of your pools, or all of them."})
	}
	return nil
}

// databaseNow is the start of the transaction in the database's time.
func databaseNow(ctx context.Context, tx pgx.Tx) (time.Time, error) {
	var now time.Time
	if err := tx.QueryRow(ctx, `SELECT now()`).Scan(&now); err != nil {
		return now, fmt.Errorf("database time: %w", err)
	}
	return now, nil
}
