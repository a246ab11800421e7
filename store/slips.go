package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// SlipHours is how long a form that was taken is remembered.
const SlipHours = 24

// mostSlips bounds what is remembered of one person: the newest.
const mostSlips = 1000

// ErrTaken is what Tx returns, with nothing done, where the context's slip was taken before: see SentForm for what came of it.
var ErrTaken = errors.New("the form was taken before")

// Slip is that by which a form is taken once. The first transaction that commits under its context takes it along: the form
// is done and remembered, or neither.
type Slip struct {
	Person uuid.UUID
	ID     uuid.UUID // made when the form was shown; unique for the person
	Route  string    // the address that the form was sent to
	Digest []byte    // SHA-256 of what it held
	taken  atomic.Bool
}

// Taken tells whether a transaction under the slip's context has committed.
func (s *Slip) Taken() bool { return s.taken.Load() }

// Sent is a form that was taken.
type Sent struct {
	Route    string
	Digest   []byte
	At       time.Time
	Location *string // where its answer led, empty where that was a page; nil: not noted, yet or for ever
	Notice   *string // what its answer said
}

type slipKey struct{}

// WithSlip lets what is done under the context be done once.
func WithSlip(ctx context.Context, s *Slip) context.Context {
	return context.WithValue(ctx, slipKey{}, s)
}

// Aside is the context of what is written beside what was asked for (a try that is counted, a password that was given again): it
// takes no slip along, so that a form which is refused thereafter is not taken for done.
func Aside(ctx context.Context) context.Context {
	return context.WithValue(ctx, slipKey{}, (*Slip)(nil))
}

func slipOf(ctx context.Context) *Slip {
	s, _ := ctx.Value(slipKey{}).(*Slip)
	return s
}

// take puts the taking of the slip before what f does. A nil slip, and one that an earlier transaction took, change nothing.
func (s *Slip) take(ctx context.Context, f func(pgx.Tx) error) func(pgx.Tx) error {
	if s == nil || s.Taken() {
		return f
	}
	return func(tx pgx.Tx) error {
		// The unique index makes a second one wait here until the first has committed or not; it holds no other lock meanwhile.
		tag, err := tx.Exec(ctx, `
			INSERT INTO slips AS s (person_id, id, route, digest, at) VALUES ($1, $2, $3, $4, now())
			ON CONFLICT (person_id, id) DO UPDATE SET route = excluded.route, digest = excluded.digest, at = now(), location = NULL, notice = NULL
			WHERE s.at < now() - make_interval(hours => $5)`, s.Person, s.ID, s.Route, s.Digest, SlipHours)
		if err != nil {
			return fmt.Errorf("take slip: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return ErrTaken
		}
		return f(tx)
	}
}

// SentForm is what is remembered of a person's form; ok is false where it was not taken within SlipHours.
func (db *DB) SentForm(ctx context.Context, personID, id uuid.UUID) (sent Sent, ok bool, err error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT route, digest, at, location, notice FROM slips
		WHERE person_id = $1 AND id = $2 AND at >= now() - make_interval(hours => $3)`, personID, id, SlipHours)
	sent, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Sent])
	if errors.Is(err, pgx.ErrNoRows) {
		return Sent{}, false, nil
	}
	if err != nil {
		return Sent{}, false, fmt.Errorf("read slip: %w", err)
	}
	return sent, true, nil
}

// NoteAnswer notes where the answer to a form led and what it said, for who sends it again. A form whose deed was no transaction
// is remembered from then on.
func (db *DB) NoteAnswer(ctx context.Context, s *Slip, location, notice string) error {
	_, err := db.pool.Exec(ctx, `
		WITH noted AS (
			INSERT INTO slips AS s (person_id, id, route, digest, at, location, notice) VALUES ($1, $2, $3, $4, now(), $5, $6)
			ON CONFLICT (person_id, id) DO UPDATE SET location = excluded.location, notice = excluded.notice
			WHERE s.digest = excluded.digest AND s.location IS NULL)
		DELETE FROM slips WHERE person_id = $1 AND id IN (
			SELECT id FROM slips WHERE person_id = $1 AND id <> $2 ORDER BY at DESC OFFSET $7)`,
		s.Person, s.ID, s.Route, s.Digest, location, notice, mostSlips-1)
	if err != nil {
		return fmt.Errorf("note the answer to a form: %w", err)
	}
	return nil
}

// ForgetSlips removes what is not remembered any more. Any number of workers may do it at once.
func (db *DB) ForgetSlips(ctx context.Context) error {
	if _, err := db.pool.Exec(ctx, `DELETE FROM slips WHERE at < now() - make_interval(hours => $1)`, SlipHours); err != nil {
		return fmt.Errorf("forget slips: %w", err)
	}
	return nil
}
