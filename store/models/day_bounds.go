package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
)

// What one organization may make within 24 hours: a version keeps a document of up to 256 KiB for ever, and whoever signs up may make
// some. Two at the same moment may be one more than that, which changes nothing.
const (
	modelsPerDay   = 100
	versionsPerDay = 200
)

// mostChecking is how many of an organization's uploads wait for their check, those that stayed unverified among them: one is checked at
// a time, and each that waits is looked at again and again.
const mostChecking = 32

func refuseManyModels(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	return refuseManyToday(ctx, tx, `SELECT count(*) FROM model_clusters WHERE organization_id = $1 AND created_at > now() - interval '1 day'`, orgID, modelsPerDay, "model clusters")
}

func refuseManyVersions(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	return refuseManyToday(ctx, tx, `SELECT count(*) FROM model_versions WHERE organization_id = $1 AND created_at > now() - interval '1 day'`, orgID, versionsPerDay, "versions")
}

func refuseManyToday(ctx context.Context, tx pgx.Tx, count string, orgID uuid.UUID, most int, what string) error {
	var n int
	if err := tx.QueryRow(ctx, count, orgID).Scan(&n); err != nil {
		return fmt.Errorf("count %s of %s: %w", what, orgID, err)
	}
	if n < most {
		return nil
	}
	return &refusal.Error{
		Code: "day_limit", Title: fmt.Sprintf("Your organization has made %d %s in the last 24 hours, which is the most.", n, what), Next: "Try again tomorrow.",
	}
}

func refuseManyChecking(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM uploads WHERE organization_id = $1 AND state IN ('checking', 'unverified')`, orgID).Scan(&n); err != nil {
		return fmt.Errorf("count uploads of %s that are checked: %w", orgID, err)
	}
	if n < mostChecking {
		return nil
	}
	return &refusal.Error{
		Code: "uploads", Title: fmt.Sprintf("%d uploads of your organization wait for their check, %d may.", n, mostChecking), Next: "Go on when some have been checked, or discard some.",
	}
}
