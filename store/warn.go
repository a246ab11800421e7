package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// mostWarnings is how many warnings a person is mailed within an hour: whoever has taken an account floods no mailbox, and
// the last one says that there may be more.
const mostWarnings = 10

// warnings are the kinds that Warn counts together.
var warnings = []string{string(MailKeyAdded), string(MailRoleGiven), string(MailHostAdded), string(MailNewPlace), string(MailPassword), string(MailCertificateKey)}

// Warn is MailTo for what people should hear of at once, since it gives lasting power in their name: a key, a role, a
// host, a place of sign-in, another password. Each person gets mostWarnings within an hour. data gets "at", and "from" where the context
// has an address (WithOrigin).
func (db *DB) Warn(ctx context.Context, tx pgx.Tx, people []uuid.UUID, kind MailKind, data map[string]string) error {
	// In the order of ids: two warnings of a person at once are counted one after the other. Not the person's row, which a
	// sign-in shares already.
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('warn:' || id)) FROM unnest($1::uuid[]) AS id ORDER BY id`, people)
	if err != nil {
		return fmt.Errorf("warn: %w", err)
	}
	rows, _ := tx.Query(ctx, `
		SELECT p.id, now() AS at, (SELECT count(*) FROM mails m
			WHERE m.to_address = p.email AND m.kind = ANY($2) AND m.created_at > now() - interval '1 hour')::int AS had
		FROM people p WHERE p.id = ANY($1) ORDER BY p.id`, people, warnings)
	type warned struct {
		ID  uuid.UUID
		At  time.Time
		Had int
	}
	list, err := All(rows, "people to warn", pgx.RowToStructByName[warned])
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.Had >= mostWarnings {
			continue
		}
		own := map[string]string{"at": p.At.UTC().Format("2 January 2006 15:04 MST")}
		for k, v := range data {
			own[k] = v
		}
		if a := originOf(ctx).address(); a != nil {
			own["from"] = a.String()
		}
		if p.Had == mostWarnings-1 {
			own["last"] = fmt.Sprint(mostWarnings)
		}
		if err := db.MailTo(ctx, tx, []uuid.UUID{p.ID}, kind, own); err != nil {
			return err
		}
	}
	return nil
}
