package people

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ChangePassword sets another password and ends the person's other sessions. Refusals: "invalid" by field (current,
// password), "throttled".
func (db *DB) ChangePassword(ctx context.Context, s Session, current, password, address string) error {
	f := store.Fields{}
	checkPassword(f, "password", password, s.Email, s.Name)
	if err := f.Refusal(); err != nil {
		return err
	}
	if err := db.repeatPassword(ctx, s, "current", current, address); err != nil {
		return err
	}
	hash, err := db.hash(ctx, password)
	if err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := setPassword(ctx, tx, s.PersonID, s.ID, hash); err != nil {
			return err
		}
		if err := db.core.Warn(ctx, tx, []uuid.UUID{s.PersonID}, store.MailPassword, map[string]string{"path": "/reset"}); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: s.PersonID, Verb: "change password", Subject: "person", SubjectID: s.PersonID})
	})
}
