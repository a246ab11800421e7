package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// RefusedMail is a mail that a server refused for good. Words are the server's, in one line, and may say anything.
type RefusedMail struct {
	Address string
	Server  string
	Words   string
	At      time.Time // when it was written
	Own     bool      // Address is the one that the person signs in with; otherwise one that was to become it
}

// refusedDays is for how long a person is shown that a mail to an address that was to become theirs was refused.
const refusedDays = 7

// RefusedMails are those that a person should know of: the last mail to the own address, and the last one with a link to
// confirm another, where a server refused it and none came through since.
func (db *DB) RefusedMails(ctx context.Context, personID uuid.UUID) ([]RefusedMail, error) {
	rows, _ := db.pool.Query(ctx, refusedMails, personID, refusedDays)
	return store.All(rows, "refused mails", pgx.RowToStructByName[RefusedMail])
}

// QueueRefusedMails is RefusedMails when the batch is read.
func QueueRefusedMails(b *pgx.Batch, personID uuid.UUID, list *[]RefusedMail) {
	store.QueueAll(b, list, pgx.RowToStructByName[RefusedMail], refusedMails, personID, refusedDays)
}

const refusedMails = `
		SELECT m.to_address AS address, m.refused_by AS server, m.refused AS words, m.created_at AS at, true AS own
		FROM people p JOIN LATERAL (SELECT * FROM (` + lastTo + ` p.email ORDER BY created_at DESC, id DESC LIMIT 1) AS l WHERE l.state = 'refused') AS m ON true
		WHERE p.id = $1
		UNION ALL
		SELECT m.to_address, m.refused_by, m.refused, m.created_at, false
		FROM people p JOIN LATERAL (SELECT to_address, refused_by, refused, created_at, state FROM mails
			WHERE caused_by = p.id AND invitation_id IS NULL ORDER BY created_at DESC, id DESC LIMIT 1) AS m ON true
		WHERE p.id = $1 AND m.state = 'refused' AND m.to_address <> p.email AND m.created_at > now() - make_interval(days => $2)`

// lastTo selects what became of mails to an address; those under way have not become anything.
const lastTo = `SELECT id, to_address, refused_by, refused, created_at, state FROM mails WHERE state IN ('sent', 'refused') AND to_address =`

// refusedTo is the last mail to an address, where it was refused; nil: it was not.
func (db *DB) refusedTo(ctx context.Context, email string) (*RefusedMail, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT to_address AS address, refused_by AS server, refused AS words, created_at AS at, false AS own
		FROM (`+lastTo+` $1 ORDER BY created_at DESC, id DESC LIMIT 1) AS l WHERE state = 'refused'`, email)
	list, err := store.All(rows, "refused mail", pgx.RowToStructByName[RefusedMail])
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// String says it in one sentence.
func (m RefusedMail) String() string {
	return fmt.Sprintf("A mail to %s could not be delivered: %s says “%s”.", m.Address, m.Server, m.Words)
}
