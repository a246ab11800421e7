package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// Anchor is a day's list of heads, once it is signed.
type Anchor struct {
	Day      time.Time // midnight, UTC
	Journals int
	SignedAt time.Time
	SHA256   string // of the envelope, lower-case hex
}

// UnsignedAnchor is one that waits for a signature.
type UnsignedAnchor struct {
	ID    uuid.UUID
	Heads string // as billing.WriteHeads wrote it
}

// writeAnchors writes down the heads of a day's audit run that found the ledger whole: all of them for everybody, and for each provider its own.
func writeAnchors(ctx context.Context, tx pgx.Tx, run *AuditRun, heads []billing.Head) error {
	of := map[uuid.UUID][]billing.Head{uuid.Nil: {}}
	for _, h := range heads {
		if h.Seq > 0 {
			of[uuid.Nil] = append(of[uuid.Nil], h)
			of[h.Journal.ProviderID] = append(of[h.Journal.ProviderID], h)
		}
	}
	batch := &pgx.Batch{}
	for provider, own := range of {
		list, err := billing.WriteHeads(run.Day, *run.EndedAt, own)
		if err != nil {
			return err
		}
		id, err := store.NewID()
		if err != nil {
			return err
		}
		batch.Queue(`INSERT INTO anchors (id, day, provider_id, journals, heads) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			id, run.Day, store.OrNull(provider), len(own), string(list))
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write down the heads of %s: %w", run.Day.Format(time.DateOnly), err)
	}
	return nil
}

// UnsignedAnchors gives those that wait for a signature, the oldest first.
func (db *DB) UnsignedAnchors(ctx context.Context, limit int) ([]UnsignedAnchor, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id, heads FROM anchors WHERE envelope IS NULL ORDER BY created_at, id LIMIT $1`, limit)
	return store.All(rows, "anchors to sign", pgx.RowToStructByName[UnsignedAnchor])
}

// mostMailedHeads is how many heads a mail has in its text; all are in the file.
const mostMailedHeads = 200

// SignAnchor keeps the envelope that a key of the platform signed, and tells of it: the platform's admins of all heads, a provider's staff of its own.
// An anchor is signed once; what came first stays. With a key that has ended meanwhile nothing is kept: it goes on waiting for another's.
func (db *DB) SignAnchor(ctx context.Context, id, key uuid.UUID, envelope []byte) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var day time.Time
		var provider *uuid.UUID
		var heads, sum string
		err := tx.QueryRow(ctx, `
			UPDATE anchors SET envelope = $3, key_id = $2, signed_at = clock_timestamp() WHERE id = $1 AND envelope IS NULL
			   AND NOT EXISTS (SELECT FROM certificate_key_ends e WHERE e.key_id = $2)
			RETURNING day, provider_id, heads, encode(sha256(convert_to(envelope, 'UTF8')), 'hex')`, id, key, string(envelope)).Scan(&day, &provider, &heads, &sum)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("keep anchor %s: %w", id, err)
		}
		return db.tellHeads(ctx, tx, day, provider, heads, sum)
	})
}

func (db *DB) tellHeads(ctx context.Context, tx pgx.Tx, day time.Time, provider *uuid.UUID, list, sum string) error {
	_, heads, err := billing.ReadHeads([]byte(list))
	if err != nil {
		return err
	}
	name := day.Format(time.DateOnly)
	text := ""
	for _, h := range heads[:min(len(heads), mostMailedHeads)] {
		text += h.Mark() + "\n"
	}
	if more := len(heads) - mostMailedHeads; more > 0 {
		text += fmt.Sprintf("and %d more in the file\n", more)
	}
	happening := store.Happening{Mark: name, Kind: store.MailLedgerHeads, Data: map[string]string{
		"day": name, "journals": refusal.Plural(len(heads), "journal", "journals"), "lines": text, "sha256": sum,
		"path": "/anchors/heads.json?day=" + name,
	}}
	if provider == nil {
		return db.core.Tell(ctx, tx, store.EventAllHeads, happening)
	}
	happening.Place, happening.Subject = *provider, *provider
	happening.Data["path"] = "/provider/anchors/heads.json?day=" + name
	return db.core.Tell(ctx, tx, store.EventHeads, happening)
}

// MostAnchors is how many days are listed; those before are kept, each at its address.
const MostAnchors = 400

// Anchors lists the signed heads of all journals, the newest day first.
func (db *DB) Anchors(ctx context.Context) ([]Anchor, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT day, journals, signed_at, encode(sha256(convert_to(envelope, 'UTF8')), 'hex') AS sha256
		  FROM anchors WHERE provider_id IS NULL AND envelope IS NOT NULL ORDER BY day DESC LIMIT $1`, MostAnchors)
	return store.All(rows, "anchors", pgx.RowToStructByName[Anchor])
}

// Anchor gives the envelope of a day's heads: of all journals with Nil, else of a provider's. NotFound("anchor") where none is signed.
func (db *DB) Anchor(ctx context.Context, providerID uuid.UUID, day time.Time) (string, error) {
	rows, _ := db.pool.Query(ctx, `SELECT envelope FROM anchors WHERE provider_id IS NOT DISTINCT FROM $1 AND day = $2 AND envelope IS NOT NULL`, store.OrNull(providerID), day)
	return store.One(rows, "anchor", pgx.RowTo[string])
}

// LastAnchors gives the envelopes of the newest days with all journals, which a new audit run compares with.
func (db *DB) LastAnchors(ctx context.Context, days int) ([]string, error) {
	rows, _ := db.pool.Query(ctx, `SELECT envelope FROM anchors WHERE provider_id IS NULL AND envelope IS NOT NULL ORDER BY day DESC LIMIT $1`, days)
	return store.All(rows, "anchors", pgx.RowTo[string])
}
