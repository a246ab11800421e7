package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// auditRow is what was done by whom to what. Nil ids become NULL.
type auditRow struct {
	By           uuid.UUID // Nil: the system, or the operator's command
	Organization uuid.UUID
	Provider     uuid.UUID
	Verb         string // "launch cluster"
	Subject      string // "cluster"
	SubjectID    uuid.UUID
	Detail       map[string]any
}

// writeAudit is called in the transaction that does what it records; from where it was done is the context's (WithOrigin).
func writeAudit(ctx context.Context, tx pgx.Tx, a auditRow) error {
	id, err := newID()
	if err != nil {
		return err
	}
	if a.Detail == nil {
		a.Detail = map[string]any{}
	}
	detail, err := json.Marshal(a.Detail)
	if err != nil {
		return fmt.Errorf("audit of %s: %w", a.Verb, err)
	}
	from := originOf(ctx)
	_, err = tx.Exec(ctx, `
		INSERT INTO audit (id, at, person_id, organization_id, provider_id, verb, subject, subject_id, detail, session_id, address)
		VALUES ($1, now(), $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		id, orNull(a.By), orNull(a.Organization), orNull(a.Provider), a.Verb, a.Subject, orNull(a.SubjectID), detail, orNull(from.Session), from.address())
	if err != nil {
		return fmt.Errorf("audit of %s: %w", a.Verb, err)
	}
	return nil
}
