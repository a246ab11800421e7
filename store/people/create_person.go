package people

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// CreatePerson adds a person. Refusals: "invalid" by field (email, name, password), "duplicate".
func (db *DB) CreatePerson(ctx context.Context, by uuid.UUID, p NewPerson) (uuid.UUID, error) {
	p.Email = normalEmail(p.Email)
	if err := p.check(); err != nil {
		return uuid.Nil, err
	}
	// Hashed before the transaction: it takes long, and a row is locked meanwhile.
	hash, err := db.hash(ctx, p.Password)
	if err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		err := insertPerson(ctx, tx, id, p, hash)
		if store.UniqueViolation(err, "people_email_key") {
			return store.Duplicate("a person", "email", p.Email)
		}
		if err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Verb: "create person", Subject: "person", SubjectID: id})
	})
}
