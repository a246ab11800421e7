package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// AuditRow is what was done by whom to what. Nil ids become NULL.
type AuditRow struct {
	By           uuid.UUID // Nil: the system, or the operator's command
	Organization uuid.UUID
	Provider     uuid.UUID
	Verb         string // "launch cluster"
	Subject      string // "cluster"
	SubjectID    uuid.UUID
	Detail       map[string]any
	// Elsewhere: somebody else let it be done in the name of By, so that the session and address of the request are not theirs.
	Elsewhere bool
}

// WriteAudit is called in the transaction that does what it records; from where it was done is the context's (WithOrigin).
func WriteAudit(ctx context.Context, tx pgx.Tx, a AuditRow) error {
	id, err := NewID()
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
	if a.Elsewhere {
		from = Origin{}
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO audit (id, at, person_id, organization_id, provider_id, verb, subject, subject_id, detail, session_id, address)
		VALUES ($1, now(), $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		id, OrNull(a.By), OrNull(a.Organization), OrNull(a.Provider), a.Verb, a.Subject, OrNull(a.SubjectID), detail, OrNull(from.Session), from.address())
	if err != nil {
		return fmt.Errorf("audit of %s: %w", a.Verb, err)
	}
	return nil
}
