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

// RefuseSuspended refuses what would take hosts, disks or money for a suspended organization ("suspended"). The
// organization's row is shared until the transaction ends: a suspension waits for it, and then finds what it made.
// Call it after the pool's lock and before a cluster's.
func RefuseSuspended(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	return refuseSuspended(ctx, tx, orgID, " FOR SHARE")
}

// RefuseShutOut refuses as RefuseSuspended does, and does not keep it so: the worker may lock no organization.
func RefuseShutOut(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	return refuseSuspended(ctx, tx, orgID, "")
}

func refuseSuspended(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, lock string) error {
	var since *time.Time
	var name, reason string
	err := tx.QueryRow(ctx, `SELECT name, suspended_at, suspended_reason FROM organizations WHERE id = $1`+lock, orgID).
		Scan(&name, &since, &reason)
	if err != nil {
		return store.Found(err, "organization")
	}
	if since == nil {
		return nil
	}
	return &refusal.Error{
		Code:  "suspended",
		Title: fmt.Sprintf("%s has been suspended since %s: %s", typed.Isolate(name), since.UTC().Format("2 January 2006 15:04 MST"), typed.Isolate(reason)),
		Next:  "Ask the people who run this Volary to lift the suspension. Reading, downloading, stopping and deleting work meanwhile.",
	}
}

func checkReason(reason string) error {
	f := store.Fields{}
	f.Length("reason", reason, 5, 500)
	return f.Refusal()
}

func suspendedAlready(what string) *refusal.Error {
	return &refusal.Error{Code: "state", Title: "This " + what + " is suspended already.", Next: "Lift the suspension first to give another reason."}
}

func notSuspended(what string) *refusal.Error {
	return &refusal.Error{Code: "state", Title: "This " + what + " is not suspended.", Next: "Nothing is to be done."}
}
