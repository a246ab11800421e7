package uploads_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/handlers/uploads"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

const lockedUpload = "0123456789abcdef0123456789abcdef"

// process is one web process's worth of locks, over a database that others have, too.
func process(t *testing.T, db *storetest.World, times uploads.LockTimes) *uploads.Locks {
	t.Helper()
	return uploads.NewLocksTimed(storetest.OpenAs(t, db.Pool, store.RoleWeb).Models, slog.New(slog.DiscardHandler), times)
}

func taken(t *testing.T, l *uploads.Locks, letGo func()) tus.Lock {
	t.Helper()
	k, err := l.NewLock(lockedUpload)
	storetest.NoError(t, err)
	ctx, done := waittest.Context(context.Background(), t, "the lock of an upload")
	defer done()
	storetest.NoError(t, k.Lock(ctx, letGo))
	return k
}

func nothing() {}

// quick lapses fast, and is sure for less.
var quick = uploads.LockTimes{Beat: 50 * time.Millisecond, Lapse: 2 * time.Second, Sure: time.Second, Patience: time.Minute}

// Of many processes that want one lock, one at a time has it, and each comes to its turn.
func TestOneProcessHasTheLock(t *testing.T) {
	w := storetest.NewWorld(t)
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		l := process(t, w, quick)
		all.Go(func() {
			for range 3 {
				k, err := l.NewLock(lockedUpload)
				if err == nil {
					err = k.Lock(context.Background(), nothing)
				}
				if err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), inside.Add(1)))
				inside.Add(-1)
				if err := k.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d had the lock at once", most.Load())
	}
	var left int
	if err := w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM upload_locks`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d locks are left, %v", left, err)
	}
}

// Another process's wish is heard of by a notification, and by a look where none comes.
func TestHolderIsAskedToLetGo(t *testing.T) {
	for name, listens := range map[string]bool{"by a notification": true, "by a look": false} {
		t.Run(name, func(t *testing.T) {
			w := storetest.NewWorld(t)
			slow := quick
			if listens {
				slow.Beat, slow.Sure, slow.Lapse = 10*time.Minute, time.Hour, time.Hour // no look helps
			}
			first, second := process(t, w, slow), process(t, w, slow)
			if listens {
				listen(t, w, first, second)
			}
			asked := make(chan struct{})
			k := taken(t, first, sync.OnceFunc(func() { close(asked) }))
			got := make(chan tus.Lock, 1)
			go func() { got <- taken(t, second, nothing) }()
			waittest.Receive(t, "the wish of another process", asked)
			storetest.NoError(t, k.Unlock())
			other, _ := waittest.Receive(t, "the lock that was given back", got)
			storetest.NoError(t, other.Unlock())
		})
	}
}

// listen tells processes of notifications, from the moment on in which none is missed.
func listen(t *testing.T, w *storetest.World, all ...*uploads.Locks) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	t.Cleanup(func() { cancel(); ended.Wait() })
	for _, l := range all {
		ready := make(chan struct{})
		begun := sync.OnceFunc(func() { close(ready) })
		ended.Go(func() {
			_ = w.DB.Core.ListenUploads(ctx, func(id string) { begun(); l.Heard(id) })
		})
		waittest.Receive(t, "the listening connection", ready)
	}
}

// A process that died confirms nothing: its lock is another's after a while, and not before.
func TestLockOfTheDeadLapses(t *testing.T) {
	w := storetest.NewWorld(t)
	_, err := w.Pool.Exec(t.Context(), `INSERT INTO upload_locks (upload_id, holder, confirmed_at) VALUES ($1, gen_random_uuid(), clock_timestamp())`, lockedUpload)
	storetest.NoError(t, err)
	l := process(t, w, quick)
	k := taken(t, l, nothing)
	var since bool
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(*) = 1 AND bool_and(NOT wanted) FROM upload_locks`).Scan(&since))
	if !since {
		t.Error("the lock that lapsed is not the next one's")
	}
	// One that is confirmed does not lapse.
	asked := make(chan struct{})
	storetest.NoError(t, k.Unlock())
	k = taken(t, l, sync.OnceFunc(func() { close(asked) }))
	waiting, cancel := context.WithCancel(t.Context())
	refused := make(chan error, 1)
	go func() {
		other, err := process(t, w, quick).NewLock(lockedUpload)
		if err == nil {
			err = other.Lock(waiting, nothing)
		}
		refused <- err
	}()
	waittest.Receive(t, "the wish of another process", asked)
	confirmed := func() (at time.Time) {
		storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT confirmed_at FROM upload_locks`).Scan(&at))
		return at
	}
	begun := confirmed()
	waittest.Until(t, "confirmations for longer than a lapse", func() bool { return confirmed().Sub(begun) > quick.Lapse+time.Second })
	cancel()
	if err, _ := waittest.Receive(t, "the end of a wait", refused); !errors.Is(err, tus.ErrLockTimeout) {
		t.Errorf("the lock of one who lives: %v", err)
	}
	storetest.NoError(t, k.Unlock())
}

// A second web process takes over what a first one is sending, over one database and one store: the first one is asked, ends, and the
// second goes on at what is here.
func TestAnotherProcessTakesOver(t *testing.T) {
	app, _, c := start(t)
	app.Listen()
	other := tusClient{t, app.Beside(), c.browser}
	url := c.create(20)
	body, send := io.Pipe()
	answered := make(chan int, 1)
	go func() {
		res, _, err := c.patch(url, 0, body)
		if err != nil {
			answered <- 0
			return
		}
		answered <- res.StatusCode
	}()
	if _, err := send.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	id := url[strings.LastIndex(url, "/")+1:]
	waittest.Until(t, "the first bytes to be here", func() bool { return app.Received(id) == 10 })
	there := other.app.URL + "/uploads/" + id
	if at := other.offset(there); at != 10 {
		t.Errorf("the second process tells of %d bytes, 10 are here", at)
	}
	send.CloseWithError(io.ErrUnexpectedEOF)
	if status, _ := waittest.Receive(t, "the first process's answer", answered); status == http.StatusNoContent {
		t.Error("the first page was told that all went well")
	}
	res, text, err := other.patch(there, 10, strings.NewReader("0123456789"))
	if err != nil || res.StatusCode != http.StatusNoContent || res.Header.Get("Volary-Upload") == "" {
		t.Fatalf("the rest by the second process: %v %s", err, text)
	}
}

// Who lost the lock is ended, in the middle of its sender's silence.
func TestWhoLostTheLockIsEnded(t *testing.T) {
	app, _, c := start(t)
	url := c.create(30)
	id := url[strings.LastIndex(url, "/")+1:]
	body, send := io.Pipe()
	answered := make(chan int, 1)
	go func() {
		res, _, err := c.patch(url, 0, body)
		if err != nil {
			answered <- 0
			return
		}
		answered <- res.StatusCode
	}()
	_, err := send.Write([]byte("0123456789"))
	storetest.NoError(t, err)
	waittest.Until(t, "the first bytes to be here", func() bool { return app.Received(id) == 10 })
	// As where its confirmations did not come through for too long, and another process took it.
	tag, err := app.Pool.Exec(t.Context(), `UPDATE upload_locks SET holder = gen_random_uuid(), confirmed_at = clock_timestamp() + interval '1 hour' WHERE upload_id = $1`, id)
	if err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("take the lock away: %v %v", tag, err)
	}
	if status, _ := waittest.Receive(t, "the end of who lost the lock", answered); status == http.StatusNoContent {
		t.Error("who lost the lock was told that all went well")
	}
	_ = send.Close()
	if got := app.Received(id); got != 10 {
		t.Errorf("%d bytes are here, want 10", got)
	}
}
