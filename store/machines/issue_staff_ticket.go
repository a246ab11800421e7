package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// IssueStaffTicket is IssueConsoleTicket for a provider's staff, under the organization's consent; the look is written
// to the organization's log. Refusals: "no_consent", NotFound("node").
func (db *DB) IssueStaffTicket(ctx context.Context, providerID uuid.UUID, v ConsoleViewer, nodeID uuid.UUID, part ConsolePart) (token string, err error) {
	token = store.NewToken()
	return token, db.core.Tx(ctx, func(tx pgx.Tx) error {
		var orgID, clusterID uuid.UUID
		var node string
		err := tx.QueryRow(ctx, `SELECT organization_id, cluster_id, name FROM nodes WHERE id = $1 AND provider_id = $2 AND state <> 'gone'`,
			nodeID, providerID).Scan(&orgID, &clusterID, &node)
		if err != nil {
			return store.Found(err, "node")
		}
		// Shared until the ticket is written: a consent is not withdrawn in between.
		tag, err := tx.Exec(ctx, `
			INSERT INTO console_tickets (token_hash, organization_id, node_id, person_id, session_id, staff, part, expires_at)
			SELECT $1, k.organization_id, $2, $3, $5, true, $6, least(now() + interval '30 seconds', k.until_at)
			FROM (SELECT organization_id, until_at FROM console_consents
				WHERE cluster_id = $4 AND revoked_at IS NULL AND until_at > now() FOR SHARE) AS k`, store.HashToken(token), nodeID, v.Person, clusterID, v.Session, part)
		if err != nil {
			return fmt.Errorf("issue console ticket: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return &refusal.Error{
				Code: "no_consent", Title: "The organization does not let staff see the consoles of this cluster now.",
				Next: "Ask its members: they can allow it on the cluster's page, for as long as they choose.",
			}
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: v.Person, Organization: orgID, Provider: providerID, Verb: verbLook, Subject: "cluster", SubjectID: clusterID,
			Detail: map[string]any{"node": node, "part": part},
		})
	})
}
