package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Change says that something an organization or a provider sees is different now, never what. The zero Change says
// that some may have been missed.
type Change struct {
	Organization uuid.UUID `json:"organization"` // Nil: it is no organization's
	Provider     uuid.UUID `json:"provider"`     // Nil: it is no provider's
	Kind         string    `json:"kind"`         // cluster, image, upload, test, host, order, job
	ID           uuid.UUID `json:"id"`
}

// Listen calls heard for each change until ctx ends, whose error it returns. It has a connection of its own, opens another
// one where that is lost, and then calls heard with a zero Change; lost is called in between, unless another is open at once. The first call is such a one,
// too: from then on nothing is missed. Neither may block.
func (db *DB) Listen(ctx context.Context, heard func(Change), lost func()) error {
	return db.listen(ctx, "volary_changes", func() { heard(Change{}) }, lost, func(payload string) error {
		var c Change
		if err := json.Unmarshal([]byte(payload), &c); err != nil {
			return err
		}
		heard(c)
		return nil
	})
}

// ListenWork calls f with the id of each cluster of which something else is wanted; uuid.Nil says that some may have
// been missed, and comes first. See Listen.
func (db *DB) ListenWork(ctx context.Context, f func(uuid.UUID)) error {
	return db.listen(ctx, "volary_work", func() { f(uuid.Nil) }, func() {}, func(payload string) error {
		id, err := uuid.Parse(payload)
		if err != nil {
			return err
		}
		f(id)
		return nil
	})
}

// ListenRights calls f with each person whose rights may have ended; uuid.Nil says that it may be anybody's, or that some
// may have been missed, and comes first. See Listen.
func (db *DB) ListenRights(ctx context.Context, f func(person uuid.UUID)) error {
	return db.listen(ctx, "volary_rights", func() { f(uuid.Nil) }, func() {}, func(payload string) error {
		if payload == "" {
			f(uuid.Nil)
			return nil
		}
		person, err := uuid.Parse(payload)
		if err != nil {
			return err
		}
		f(person)
		return nil
	})
}

// ListenUploads calls f with the id of each upload whose lock somebody asks for, or left while somebody did; "" says that some may have
// been missed, and comes first. See Listen.
func (db *DB) ListenUploads(ctx context.Context, f func(id string)) error {
	return db.listen(ctx, "volary_uploads", func() { f("") }, func() {}, func(payload string) error { f(payload); return nil })
}

// reconnectAfter is the pause before a lost connection is opened again.
const reconnectAfter = time.Second

func (db *DB) listen(ctx context.Context, channel string, missed, lost func(), f func(payload string) error) error {
	for {
		sound, err := db.listenOnce(ctx, channel, missed, f)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if sound {
			// One that was sound is opened again at once: where that succeeds, as after one late answer, nobody is told but that
			// some may have been missed.
			db.log.InfoContext(ctx, "listening connection is opened again", slog.String("channel", channel), slog.Any("error", err))
			continue
		}
		lost()
		db.log.WarnContext(ctx, "listening connection lost", slog.String("channel", channel), slog.Any("error", err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reconnectAfter):
		}
	}
}

// listenOnce returns when its connection is lost; it was sound if it ever heard of a change or answered that it lives. It is
// not one of the pool's: those are for short work.
func (db *DB) listenOnce(ctx context.Context, channel string, missed func(), f func(payload string) error) (sound bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig)
	if err != nil {
		return false, fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	missed()
	for {
		n, err := wait(ctx, conn)
		if err != nil {
			return sound, fmt.Errorf("wait: %w", err)
		}
		sound = true
		if n == nil {
			continue
		}
		if err := f(n.Payload); err != nil {
			db.log.WarnContext(ctx, "unreadable notification", slog.String("channel", channel), slog.Any("error", err))
		}
	}
}

// A listening connection that is silent for quietTime is asked whether it lives: one whose network was cut would be waited
// on for ever.
const (
	quietTime = 10 * time.Second
	aliveTime = 5 * time.Second
)

// wait gives the next notification, or nil where there was none for a while and the connection lives.
func wait(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	quiet, cancel := context.WithTimeout(ctx, quietTime)
	defer cancel()
	n, err := conn.WaitForNotification(quiet)
	if err == nil || ctx.Err() != nil || quiet.Err() == nil {
		return n, err
	}
	alive, cancel := context.WithTimeout(ctx, aliveTime)
	defer cancel()
	return nil, conn.Ping(alive)
}
