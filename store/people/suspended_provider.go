package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// providerStanding is how a provider stands with the platform.
type providerStanding struct {
	Name   string
	State  string
	Reason string
	Since  *time.Time // when the state was decided; nil: by the operator's command
}

// standingOf reads how a provider stands. Its row is shared until the transaction ends: a suspension waits for it, and
// what comes after is refused.
func standingOf(ctx context.Context, tx pgx.Tx, providerID uuid.UUID) (providerStanding, error) {
	rows, _ := tx.Query(ctx, `SELECT name, state, state_reason AS reason, decided_at AS since FROM providers WHERE id = $1 FOR SHARE`, providerID)
	return store.One(rows, "provider", pgx.RowToStructByName[providerStanding])
}

// RefuseSuspendedProvider refuses what lets a provider grow or sell while the platform suspends it ("suspended"). What
// reads, and what winds down, works: rejecting orders, ending offers and announcements, retiring shapes,
// cordoning, draining and removing hosts.
func RefuseSuspendedProvider(ctx context.Context, tx pgx.Tx, providerID uuid.UUID) error {
	p, err := standingOf(ctx, tx, providerID)
	if err != nil || p.State != "suspended" {
		return err
	}
	return p.suspended()
}

func (p providerStanding) suspended() *refusal.Error {
	title := fmt.Sprintf("%s is suspended: %s", typed.Isolate(p.Name), typed.Isolate(p.Reason))
	if p.Since != nil {
		title = fmt.Sprintf("%s has been suspended since %s: %s", typed.Isolate(p.Name), p.Since.UTC().Format("2 January 2006 15:04 MST"), typed.Isolate(p.Reason))
	}
	return &refusal.Error{
		Code: "suspended", Title: title,
		Next: "Ask the people who run this Volary to lift the suspension. Reading, exporting, rejecting orders, ending offers and announcements, and cordoning, draining and removing hosts work meanwhile.",
	}
}

// Sells refuses for a provider that does not sell: it is suspended, applies still or was refused.
func Sells(ctx context.Context, tx pgx.Tx, providerID uuid.UUID) error {
	p, err := standingOf(ctx, tx, providerID)
	switch {
	case err != nil || p.State == "active":
		return err
	case p.State == "suspended":
		return p.suspended()
	default:
		return Inactive(p.Name, p.State, p.Reason)
	}
}

// Inactive says to who buys that a provider does not sell.
func Inactive(provider, state, reason string) *refusal.Error {
	r := &refusal.Error{
		Code: "provider_inactive", Title: fmt.Sprintf("%s does not sell compute hours now: it is %s.", provider, providerState(state)),
		Next: "Choose another provider, or ask the admins of the platform.",
	}
	if reason != "" {
		r.Detail = []string{reason}
	}
	return r
}

func providerState(state string) string {
	if state == "applied" {
		return "waiting to be approved"
	}
	return state
}
