package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// A lock of an upload is a row, which its holder confirms again and again (handlers/uploads). It is whoever's comes next once it was
// not confirmed for a while by the database's clock. That is no advisory lock: one is a connection's, and uploads take hours.

// UploadLockLapse is after its last confirmation: from then on a lock is whoever's comes.
const UploadLockLapse = 10 * time.Second

// TakeUploadLock takes an upload's lock for a holder where nobody has it, or who has it did not confirm it for lapse.
func (db *DB) TakeUploadLock(ctx context.Context, id string, holder uuid.UUID, lapse time.Duration) (taken bool, err error) {
	tag, err := db.pool.Exec(ctx, `
		INSERT INTO upload_locks (upload_id, holder, confirmed_at) VALUES ($1, $2, clock_timestamp())
		ON CONFLICT (upload_id) DO UPDATE SET holder = excluded.holder, confirmed_at = clock_timestamp(), wanted = false
		WHERE upload_locks.confirmed_at < clock_timestamp() - $3::interval`, id, holder, lapse)
	if err != nil {
		return false, fmt.Errorf("take the lock of upload %s: %w", id, err)
	}
	return tag.RowsAffected() == 1, nil
}

// AskForUploadLock asks who has an upload's lock to let go; whoever listens (store.ListenUploads) hears of it once.
func (db *DB) AskForUploadLock(ctx context.Context, id string) error {
	if _, err := db.pool.Exec(ctx, `
		WITH asked AS (UPDATE upload_locks SET wanted = true WHERE upload_id = $1 AND NOT wanted RETURNING upload_id)
		SELECT pg_notify('volary_uploads', upload_id) FROM asked`, id); err != nil {
		return fmt.Errorf("ask for the lock of upload %s: %w", id, err)
	}
	return nil
}

// ConfirmedLock is one that its holder has still.
type ConfirmedLock struct {
	Holder uuid.UUID
	Wanted bool // somebody asks for it
}

// ConfirmUploadLocks confirms those of the holders' locks that are theirs still.
func (db *DB) ConfirmUploadLocks(ctx context.Context, holders []uuid.UUID) ([]ConfirmedLock, error) {
	rows, _ := db.pool.Query(ctx, `UPDATE upload_locks SET confirmed_at = clock_timestamp() WHERE holder = ANY ($1) RETURNING holder, wanted`, holders)
	return store.All(rows, "locks of uploads", pgx.RowToStructByName[ConfirmedLock])
}

// LeaveUploadLock gives a lock back, if the holder has it still; who asks for it hears of that.
func (db *DB) LeaveUploadLock(ctx context.Context, id string, holder uuid.UUID) error {
	if _, err := db.pool.Exec(ctx, `
		WITH gone AS (DELETE FROM upload_locks WHERE upload_id = $1 AND holder = $2 RETURNING upload_id, wanted)
		SELECT pg_notify('volary_uploads', upload_id) FROM gone WHERE wanted`, id, holder); err != nil {
		return fmt.Errorf("leave the lock of upload %s: %w", id, err)
	}
	return nil
}

// ForgetUploadLocks removes what processes that died left and nobody came for.
func (db *DB) ForgetUploadLocks(ctx context.Context) error {
	if _, err := db.pool.Exec(ctx, `DELETE FROM upload_locks WHERE confirmed_at < clock_timestamp() - interval '1 hour'`); err != nil {
		return fmt.Errorf("forget locks of uploads: %w", err)
	}
	return nil
}
