package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/sealing"
)

// DB is the core's handle: the database as every floor sees it. It is safe for concurrent use and holds no state but the
// pool.
type DB struct {
	pool        *pgxpool.Pool
	round       time.Duration
	idle        time.Duration
	quota       int64
	passwordKiB uint32
	log         *slog.Logger
	// mailsTo seals the secret links of mails.
	mailsTo sealing.Recipient
}

// Pool is for the floors' own statements outside of transactions.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Round is the interval of observation rounds.
func (db *DB) Round() time.Duration { return db.round }

// Idle is how long a session lasts without use.
func (db *DB) Idle() time.Duration { return db.idle }

// Quota is how many bytes an organization may keep that has no quota of its own.
func (db *DB) Quota() int64 { return db.quota }

// PasswordKiB is the memory in KiB that hashing a password takes.
func (db *DB) PasswordKiB() uint32 { return db.passwordKiB }

// Log is for the floors: what fails in passing, with nobody to return it to.
func (db *DB) Log() *slog.Logger { return db.log }

// DefaultIdle is how long a session lasts without use where nobody says otherwise.
const DefaultIdle = 12 * time.Hour

// DefaultQuota is how many bytes an organization may keep where nobody says otherwise.
const DefaultQuota = 256 << 30

// DefaultPasswordKiB is OWASP's minimum for argon2id with two passes and one lane.
const DefaultPasswordKiB = 19 * 1024

// Options of New. The zero value is good.
type Options struct {
	Logger *slog.Logger
	// Round is the interval of observation rounds (default 5 s). After more than two of them without proof of
	// life a run ends.
	Round time.Duration
	// Idle is how long a session lasts without use (default DefaultIdle). Only web opens and uses sessions.
	Idle time.Duration
	// Quota is how many bytes an organization may keep that has none of its own (default DefaultQuota). Web asks it of each upload,
	// a worker of each verdict.
	Quota int64
	// PasswordKiB is the memory that hashing a password takes (default DefaultPasswordKiB). Tests, which hash many and keep no
	// secret, take less.
	PasswordKiB uint32
	// MailRecipient seals the secret links of mails. Without one such a mail cannot be written.
	MailRecipient sealing.Recipient
}

// New makes a DB over a migrated pool, which the caller closes.
func New(pool *pgxpool.Pool, o Options) *DB {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Round == 0 {
		o.Round = 5 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	if o.Quota == 0 {
		o.Quota = DefaultQuota
	}
	if o.PasswordKiB == 0 {
		o.PasswordKiB = DefaultPasswordKiB
	}
	return &DB{pool: pool, passwordKiB: o.PasswordKiB, round: o.Round, idle: o.Idle, quota: o.Quota, log: o.Logger, mailsTo: o.MailRecipient}
}

// transactionTries is how often a transaction is tried that PostgreSQL ended for a serialization failure or a
// deadlock. Locks are taken in one order, so that the second try nearly always goes through.
const transactionTries = 5

// Tx runs f in one transaction (read committed; rows that decide are locked) and commits where f returns nil.
// f may be run again, so it must not have effects outside of the transaction. It must not call tx. The first one to commit
// under a context WithSlip takes the slip along, and returns ErrTaken where somebody did before.
func (db *DB) Tx(ctx context.Context, f func(pgx.Tx) error) error {
	slip := slipOf(ctx)
	f = slip.take(ctx, f)
	var err error
	for try := range transactionTries {
		if try > 0 {
			wait := time.NewTimer(time.Duration(try)*10*time.Millisecond + rand.N(10*time.Millisecond))
			select {
			case <-ctx.Done():
				wait.Stop()
				return ctx.Err()
			case <-wait.C:
			}
		}
		if err = pgx.BeginFunc(ctx, db.pool, f); !retryable(err) {
			if err == nil && slip != nil {
				slip.taken.Store(true)
			}
			return err
		}
	}
	return err
}

// Snapshot runs f over one state of the database, which it cannot change: what is shown or acted upon together was true
// together, at the price of two more round trips than reads apart.
func (db *DB) Snapshot(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, f)
}

// LongSnapshot is snapshot for what is known to take its time (exports, audit runs of the ledger): the limits of its process's
// pool are for people who wait and loops that come again.
func (db *DB) LongSnapshot(ctx context.Context, f func(pgx.Tx) error) error {
	return db.Snapshot(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '15min', true), set_config('idle_in_transaction_session_timeout', '5min', true)`)
		if err != nil {
			return fmt.Errorf("set time limits: %w", err)
		}
		return f(tx)
	})
}

// All collects the rows of a query.
func All[T any](rows pgx.Rows, what string, f pgx.RowToFunc[T]) ([]T, error) {
	list, err := pgx.CollectRows(rows, f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return list, nil
}

// One collects the only row of a query; none is NotFound(what).
func One[T any](rows pgx.Rows, what string, f pgx.RowToFunc[T]) (T, error) {
	v, err := pgx.CollectExactlyOneRow(rows, f)
	return v, Found(err, what)
}

// Found makes NotFound(what) of a query that gave no row, and names the reading in any other error.
func Found(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return refusal.NotFound(what)
	default:
		return fmt.Errorf("read %s: %w", what, err)
	}
}

func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// TookTooLong tells whether PostgreSQL ended a statement, or a wait for a lock, at the limit of time of its session.
func TookTooLong(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "57014" || pg.Code == "55P03" || pg.Code == "25P03")
}

// NoText tells whether PostgreSQL refused bytes that are no text to it: not UTF-8, or NUL. Whoever sent them typed them by no form.
func NoText(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "22021" || pg.Code == "22P05")
}

// UniqueViolation tells whether err is PostgreSQL's refusal of a second row, by the name of the constraint.
func UniqueViolation(err error, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == constraint
}

// ForeignKeyViolation tells whether err is PostgreSQL's refusal of a row that names another which is not there.
func ForeignKeyViolation(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23503"
}

// NewID makes an id whose order is that of creation.
func NewID() (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fmt.Errorf("new id: %w", err)
	}
	return id, nil
}

// OrNull makes the absent person of an operator's command NULL.
func OrNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// Page says which part of a list is wanted. The zero value is the first 100.
type Page struct {
	Limit  int // 1..1000; anything else takes 100
	Offset int
}

// Most is how many rows the page has at most.
func (p Page) Most() int {
	if p.Limit < 1 || p.Limit > 1000 {
		return 100
	}
	return p.Limit
}

// Skip is how many rows come before the page.
func (p Page) Skip() int { return max(p.Offset, 0) }

// Now is the database's present time.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := db.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return now, fmt.Errorf("database time: %w", err)
	}
	return now, nil
}

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.Ping(ctx) }

// QueueAll adds a query to a batch, whose rows are collected into list when the batch is read.
func QueueAll[T any](b *pgx.Batch, list *[]T, f pgx.RowToFunc[T], query string, args ...any) {
	b.Queue(query, args...).Query(func(rows pgx.Rows) (err error) {
		*list, err = pgx.CollectRows(rows, f)
		return err
	})
}

// ReadNow is the transaction's time by the database's clock.
func ReadNow(ctx context.Context, q Queryer) (time.Time, error) {
	var now time.Time
	if err := q.QueryRow(ctx, `SELECT now()`).Scan(&now); err != nil {
		return now, fmt.Errorf("database time: %w", err)
	}
	return now, nil
}

// OrNoTime makes the zero instant NULL.
func OrNoTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Queryer is a pool or a transaction, for reading.
type Queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}
