package machines

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ConsoleConsent is an organization's leave that the provider's staff see the consoles of a cluster.
type ConsoleConsent struct {
	PersonName string // who gave it
	CreatedAt  time.Time
	UntilAt    time.Time
}

// ConsoleLook is one time that staff looked at a console.
type ConsoleLook struct {
	At         time.Time
	PersonName string
	NodeName   string
	Part       string // "log" or "line"
}

func lockForConsent(ctx context.Context, tx pgx.Tx, orgID, clusterID uuid.UUID) (providerID uuid.UUID, gone bool, err error) {
	err = tx.QueryRow(ctx, `SELECT provider_id, ended_at IS NOT NULL FROM clusters WHERE id = $1 AND organization_id = $2 FOR NO KEY UPDATE`,
		clusterID, orgID).Scan(&providerID, &gone)
	return providerID, gone, store.Found(err, "cluster")
}

// consentNow is the consent for cluster c that holds now.
const consentNow = ` FROM console_consents k JOIN clusters c ON c.id = k.cluster_id JOIN people pe ON pe.id = k.person_id
	WHERE k.revoked_at IS NULL AND k.until_at > now() AND c.ended_at IS NULL AND c.id = $1`

// ConsoleConsent is the organization's consent for one of its clusters, nil where there is none now.
func (db *DB) ConsoleConsent(ctx context.Context, orgID, clusterID uuid.UUID) (*ConsoleConsent, error) {
	return db.consent(ctx, consentNow+` AND c.organization_id = $2`, clusterID, orgID)
}

// ConsentForProvider is the consent for a cluster on the provider's pools, nil where there is none now.
func (db *DB) ConsentForProvider(ctx context.Context, providerID, clusterID uuid.UUID) (*ConsoleConsent, error) {
	return db.consent(ctx, consentNow+` AND c.provider_id = $2`, clusterID, providerID)
}

func (db *DB) consent(ctx context.Context, from string, clusterID, owner uuid.UUID) (*ConsoleConsent, error) {
	rows, _ := db.pool.Query(ctx, `SELECT pe.name AS person_name, k.created_at, k.until_at`+from, clusterID, owner)
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[ConsoleConsent])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // no consent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("read consent: %w", err)
	}
	return c, nil
}

const verbLook = "look at console"

// ConsoleLooks lists the last times that staff looked at a cluster's consoles, the newest first.
func (db *DB) ConsoleLooks(ctx context.Context, orgID, clusterID uuid.UUID, p store.Page) ([]ConsoleLook, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT a.at, coalesce(pe.name, '') AS person_name, coalesce(a.detail ->> 'node', '') AS node_name, coalesce(a.detail ->> 'part', '') AS part
		FROM audit a LEFT JOIN people pe ON pe.id = a.person_id
		WHERE a.subject_id = $2 AND a.organization_id = $1 AND a.verb = '`+verbLook+`' ORDER BY a.at DESC, a.id DESC LIMIT $3 OFFSET $4`,
		orgID, clusterID, p.Most(), p.Skip())
	return store.All(rows, "looks at consoles", pgx.RowToStructByName[ConsoleLook])
}
