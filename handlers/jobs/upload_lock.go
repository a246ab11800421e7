package jobs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"volary.dev/store/models"
)

// How an upload's lock is kept, as web processes keep theirs (handlers/uploads): confirmed each lockBeat, sure for lockSure after that by
// our own clock, and anybody's lockLapse later by the database's.
const (
	lockBeat  = time.Second
	lockSure  = 7 * time.Second
	lockLapse = 10 * time.Second
)

var (
	errLockLost   = errors.New("the upload's lock is lost")
	errLockWanted = errors.New("somebody asks for the upload's lock")
)

// uploadLock is that of an upload which a job writes to.
type uploadLock struct {
	models *models.DB
	log    *slog.Logger
	upload string
	holder uuid.UUID
	sure   atomic.Int64 // unix nanoseconds: until then nobody else has it
	end    context.CancelCauseFunc
	over   chan struct{}
}

// lockUpload takes the lock where it is free. What is written is written under the context, which ends with the lock, and as soon as
// somebody asks for it: who discards the upload waits for that.
func lockUpload(ctx context.Context, db *models.DB, log *slog.Logger, id string) (context.Context, *uploadLock, error) {
	l := &uploadLock{models: db, log: log, upload: id, holder: uuid.New(), over: make(chan struct{})}
	sent := time.Now()
	taken, err := db.TakeUploadLock(ctx, id, l.holder, lockLapse)
	if err != nil || !taken {
		return nil, nil, err
	}
	l.sure.Store(sent.Add(lockSure).UnixNano())
	held, end := context.WithCancelCause(ctx)
	l.end = end
	go l.keep(held)
	return held, l, nil
}

func (l *uploadLock) keep(ctx context.Context) {
	defer close(l.over)
	tick := time.NewTicker(lockBeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		sent := time.Now()
		bounded, cancel := context.WithTimeout(ctx, lockBeat)
		still, err := l.models.ConfirmUploadLocks(bounded, []uuid.UUID{l.holder})
		cancel()
		switch {
		case err != nil && !l.certain():
			l.log.WarnContext(ctx, "an upload's lock is not confirmed", "upload", l.upload, "error", err)
			l.end(errLockLost)
		case err != nil: // the next confirmation may come through
		case len(still) == 0:
			l.end(errLockLost)
		case still[0].Wanted:
			l.end(errLockWanted)
		default:
			l.sure.Store(sent.Add(lockSure).UnixNano())
		}
	}
}

func (l *uploadLock) certain() bool { return time.Now().UnixNano() < l.sure.Load() }

// release gives the lock back.
func (l *uploadLock) release(ctx context.Context) {
	l.end(nil)
	<-l.over
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockSure)
	defer cancel()
	if err := l.models.LeaveUploadLock(bounded, l.upload, l.holder); err != nil {
		l.log.WarnContext(bounded, "an upload's lock is left to lapse", "upload", l.upload, "error", err)
	}
}

// guarded gives what it reads only while the lock is ours: this process may have stood still before a byte.
type guarded struct {
	lock *uploadLock
	from io.Reader
}

// Read implements io.Reader.
func (g guarded) Read(p []byte) (int, error) {
	n, err := g.from.Read(p)
	if !g.lock.certain() {
		g.lock.end(errLockLost)
		return 0, errLockLost
	}
	return n, err
}
