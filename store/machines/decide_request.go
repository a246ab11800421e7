package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// lockedRequest is a request whose row is locked: it is decided once.
type lockedRequest struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	PersonID       uuid.UUID
	PoolID         uuid.UUID
	Form           RequestForm
	State          string
	DecidedAt      *time.Time
}

// lockRequest locks a request that waits. Refusals: "decided", NotFound("request").
func lockRequest(ctx context.Context, tx pgx.Tx, orgID, id uuid.UUID) (lockedRequest, error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, organization_id, person_id, pool_id, form, state, decided_at FROM launch_requests
		WHERE id = $1 AND organization_id = $2 FOR NO KEY UPDATE`, id, orgID)
	r, err := store.One(rows, "request", pgx.RowToStructByName[lockedRequest])
	if err != nil {
		return r, err
	}
	if r.State != "waiting" {
		return r, &refusal.Error{
			Code: "decided", Title: fmt.Sprintf("This request was %s at %s.", r.State, r.DecidedAt.UTC().Format("2 Jan 2006, 15:04 MST")),
			Next: "Nothing is left to decide.",
		}
	}
	return r, nil
}

func (r lockedRequest) refuseLeft(ctx context.Context, tx pgx.Tx) error {
	var stays bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM memberships m JOIN people p ON p.id = m.person_id
			WHERE m.organization_id = $1 AND m.person_id = $2 AND m.role NOT IN ('billing', 'auditor') AND p.suspended_at IS NULL)`,
		r.OrganizationID, r.PersonID).Scan(&stays)
	if err != nil {
		return fmt.Errorf("read who asked: %w", err)
	}
	if !stays {
		return &refusal.Error{Code: "left", Title: "Whoever asked may not launch here any more.", Next: "Decline the request."}
	}
	return nil
}

// decision ends a request.
type decision struct {
	State     string
	By        uuid.UUID
	Reason    string
	ClusterID uuid.UUID
}

func (db *DB) decide(ctx context.Context, tx pgx.Tx, r lockedRequest, d decision) error {
	_, err := tx.Exec(ctx, `
		UPDATE launch_requests SET state = $2, reason = $3, decided_by = $4, decided_at = now(), cluster_id = $5 WHERE id = $1`,
		r.ID, d.State, d.Reason, d.By, store.OrNull(d.ClusterID))
	if err != nil {
		return fmt.Errorf("decide request %s: %w", r.ID, err)
	}
	if d.State != "withdrawn" {
		err := db.core.Tell(ctx, tx, store.EventRequestEnded, store.Happening{
			Place: r.OrganizationID, Subject: r.ID, Mark: d.State, Whose: r.PersonID, By: d.By, Kind: store.MailRequestDecided,
			Data: map[string]string{"cluster": r.Form.Name, "decision": d.State, "reason": d.Reason, "path": requestPath(r.ID)},
		})
		if err != nil {
			return err
		}
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: d.By, Organization: r.OrganizationID, Verb: verbOf(d.State), Subject: "request", SubjectID: r.ID,
		Detail: map[string]any{"cluster": r.Form.Name, "reason": d.Reason},
	})
}

func verbOf(state string) string {
	switch state {
	case "approved":
		return "approve request"
	case "declined":
		return "decline request"
	default:
		return "withdraw request"
	}
}
