package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// mostConsent is the longest time for which consoles may be shown to a provider's staff at once.
const mostConsent = 30 * 24 * time.Hour

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

// ConsentToConsole lets the provider's staff see the consoles of a cluster for some time, beginning now; it replaces the
// consent that is there. Refusals: "invalid" for hours, "gone", NotFound("cluster").
func (db *DB) ConsentToConsole(ctx context.Context, orgID, by, clusterID uuid.UUID, lasts time.Duration) error {
	f := fields{}
	f.check(lasts >= time.Minute && lasts <= mostConsent, "hours", "Choose between 1 minute and 30 days.")
	if err := f.refusal(); err != nil {
		return err
	}
	id, err := newID()
	if err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		providerID, gone, err := lockForConsent(ctx, tx, orgID, clusterID)
		if err != nil {
			return err
		}
		if gone {
			return &provisioner.Refusal{Code: "gone", Title: "This cluster is gone, and its consoles with it.", Next: "There is nothing to show any more."}
		}
		if _, err := tx.Exec(ctx, `UPDATE console_consents SET revoked_at = now() WHERE cluster_id = $1 AND revoked_at IS NULL`, clusterID); err != nil {
			return fmt.Errorf("replace consent: %w", err)
		}
		var until time.Time
		err = tx.QueryRow(ctx, `
			INSERT INTO console_consents (id, cluster_id, organization_id, person_id, created_at, until_at)
			VALUES ($1, $2, $3, $4, now(), now() + $5::interval) RETURNING until_at`, id, clusterID, orgID, by, lasts).Scan(&until)
		if err != nil {
			return fmt.Errorf("consent to console: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{
			By: by, Organization: orgID, Provider: providerID, Verb: "consent to console", Subject: "cluster", SubjectID: clusterID,
			Detail: map[string]any{"until": until.UTC().Format(time.RFC3339)},
		})
	})
}

func lockForConsent(ctx context.Context, tx pgx.Tx, orgID, clusterID uuid.UUID) (providerID uuid.UUID, gone bool, err error) {
	err = tx.QueryRow(ctx, `SELECT provider_id, ended_at IS NOT NULL FROM clusters WHERE id = $1 AND organization_id = $2 FOR NO KEY UPDATE`,
		clusterID, orgID).Scan(&providerID, &gone)
	return providerID, gone, found(err, "cluster")
}

// WithdrawConsoleConsent ends a consent; open consoles close at once. Withdrawing what is not there is no
// error.
func (db *DB) WithdrawConsoleConsent(ctx context.Context, orgID, by, clusterID uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		providerID, _, err := lockForConsent(ctx, tx, orgID, clusterID)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE console_consents SET revoked_at = now() WHERE cluster_id = $1 AND revoked_at IS NULL`, clusterID)
		if err != nil {
			return fmt.Errorf("withdraw consent: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		return writeAudit(ctx, tx, auditRow{By: by, Organization: orgID, Provider: providerID, Verb: "withdraw consent to console", Subject: "cluster", SubjectID: clusterID})
	})
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
func (db *DB) ConsoleLooks(ctx context.Context, orgID, clusterID uuid.UUID, p Page) ([]ConsoleLook, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT a.at, coalesce(pe.name, '') AS person_name, coalesce(a.detail ->> 'node', '') AS node_name, coalesce(a.detail ->> 'part', '') AS part
		FROM audit a LEFT JOIN people pe ON pe.id = a.person_id
		WHERE a.subject_id = $2 AND a.organization_id = $1 AND a.verb = '`+verbLook+`' ORDER BY a.at DESC, a.id DESC LIMIT $3 OFFSET $4`,
		orgID, clusterID, p.limit(), p.offset())
	return all(rows, "looks at consoles", pgx.RowToStructByName[ConsoleLook])
}

// IssueStaffTicket is IssueConsoleTicket for a provider's staff, under the organization's consent; the look is written
// to the organization's log. Refusals: "no_consent", NotFound("node").
func (db *DB) IssueStaffTicket(ctx context.Context, providerID uuid.UUID, v ConsoleViewer, nodeID uuid.UUID, part ConsolePart) (token string, err error) {
	token = newToken()
	return token, db.tx(ctx, func(tx pgx.Tx) error {
		var orgID, clusterID uuid.UUID
		var node string
		err := tx.QueryRow(ctx, `SELECT organization_id, cluster_id, name FROM nodes WHERE id = $1 AND provider_id = $2 AND state <> 'gone'`,
			nodeID, providerID).Scan(&orgID, &clusterID, &node)
		if err != nil {
			return found(err, "node")
		}
		// Shared until the ticket is written: a consent is not withdrawn in between.
		tag, err := tx.Exec(ctx, `
			INSERT INTO console_tickets (token_hash, organization_id, node_id, person_id, session_id, staff, part, expires_at)
			SELECT $1, k.organization_id, $2, $3, $5, true, $6, least(now() + interval '30 seconds', k.until_at)
			FROM (SELECT organization_id, until_at FROM console_consents
				WHERE cluster_id = $4 AND revoked_at IS NULL AND until_at > now() FOR SHARE) AS k`, hashToken(token), nodeID, v.Person, clusterID, v.Session, part)
		if err != nil {
			return fmt.Errorf("issue console ticket: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return &provisioner.Refusal{
				Code: "no_consent", Title: "The organization does not let staff see the consoles of this cluster now.",
				Next: "Ask its members: they can allow it on the cluster's page, for as long as they choose.",
			}
		}
		return writeAudit(ctx, tx, auditRow{
			By: v.Person, Organization: orgID, Provider: providerID, Verb: verbLook, Subject: "cluster", SubjectID: clusterID,
			Detail: map[string]any{"node": node, "part": part},
		})
	})
}
