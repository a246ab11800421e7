package uploads

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func held(sure time.Duration) *hold {
	return &hold{sure: time.Now().Add(sure), again: make(chan struct{}), over: make(chan struct{}), letGo: func() {}}
}

// What comes while the lock is not certainly ours is written once it is confirmed, and never after it is lost.
func TestNothingIsWrittenWithoutTheLock(t *testing.T) {
	for name, c := range map[string]struct {
		sure time.Duration
		then func(*hold)
		want error
	}{
		"sure":                  {time.Hour, func(*hold) {}, nil},
		"confirmed late":        {-time.Second, func(h *hold) { h.confirm(time.Now().Add(time.Hour)) }, nil},
		"lost":                  {-time.Second, func(h *hold) { h.lose() }, errLockLost},
		"lost, and sure before": {time.Hour, func(h *hold) { h.lose() }, errLockLost},
	} {
		h := held(c.sure)
		if c.sure > 0 {
			c.then(h)
		}
		read := make(chan error, 1)
		go func() {
			n, err := h.guard(t.Context(), strings.NewReader("x")).Read(make([]byte, 1))
			if err == nil && n != 1 || err != nil && n != 0 {
				t.Errorf("%s: %d bytes, %v", name, n, err)
			}
			read <- err
		}()
		if c.sure < 0 {
			select {
			case err := <-read:
				t.Errorf("%s: read without the lock: %v", name, err)
			default:
			}
			c.then(h)
		}
		if err, _ := waittest.Receive(t, "what came", read); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	h := held(time.Hour)
	ctx, end := h.under(t.Context())
	defer end()
	h.lose()
	waittest.Receive(t, "the end of what is under the lock", ctx.Done())
	if !errors.Is(context.Cause(ctx), errLockLost) {
		t.Errorf("it ended by %v", context.Cause(ctx))
	}
}

// A database that is away for a while ends no upload: what comes meanwhile waits, and is written once the lock is confirmed.
func TestDatabaseIsAwayForAMoment(t *testing.T) {
	pool := storetest.Pool(t)
	db := storetest.OpenAs(t, pool, store.RoleWeb).Models
	l := NewLocksTimed(db, slog.New(slog.DiscardHandler), LockTimes{Beat: 20 * time.Millisecond, Lapse: time.Hour, Sure: 300 * time.Millisecond, Patience: time.Hour})
	h := &hold{}
	ctx := context.WithValue(t.Context(), principalKey{}, principal{hold: h})
	k, err := l.NewLock("0123456789abcdef0123456789abcdef")
	storetest.NoError(t, err)
	storetest.NoError(t, k.Lock(ctx, func() { t.Error("it was asked to let go") }))
	rename := func(from, to string) {
		_, err := pool.Exec(t.Context(), `ALTER TABLE `+from+` RENAME TO `+to)
		storetest.NoError(t, err)
	}
	rename("upload_locks", "upload_locks_away")
	waittest.Until(t, "the lock to be no longer certain", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return time.Now().After(h.sure)
	})
	read := make(chan error, 1)
	go func() {
		_, err := h.guard(ctx, strings.NewReader("x")).Read(make([]byte, 1))
		read <- err
	}()
	select {
	case err := <-read:
		t.Errorf("read without a confirmed lock: %v", err)
	default:
	}
	rename("upload_locks_away", "upload_locks")
	if err, _ := waittest.Receive(t, "what came meanwhile", read); err != nil {
		t.Error(err)
	}
	storetest.NoError(t, k.Unlock())
}
