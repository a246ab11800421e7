package uploads

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/store/models"
)

// LockTimes are those of a lock that is a row. The zero value takes what servers have.
type LockTimes struct {
	// Beat is between two confirmations, and two looks of who waits.
	Beat time.Duration
	// Lapse, by the database's clock, is after the last confirmation: from then on the lock is whoever's comes.
	Lapse time.Duration
	// Sure, by our own clock, is after a confirmation was sent: from then on nothing is written until the next one. It is shorter than
	// Lapse by more than two clocks differ in that time.
	Sure time.Duration
	// Patience is how long one waits for a database that does not answer.
	Patience time.Duration
}

func (t LockTimes) orDefault() LockTimes {
	if t == (LockTimes{}) {
		return LockTimes{Beat: time.Second, Lapse: models.UploadLockLapse, Sure: 7 * time.Second, Patience: time.Minute}
	}
	return t
}

// errLockLost says that another process may write to the upload now.
var errLockLost = errors.New("the upload's lock is lost")

// Locks are those of uploads, over all web processes on one database: a row each, see models.TakeUploadLock. Who waits for one asks
// its holder to let go: at once where that is in this process, by a notification where Heard is told of those, and by its next
// confirmation in any case.
type Locks struct {
	models *models.DB
	log    *slog.Logger
	times  LockTimes

	mu      sync.Mutex
	held    map[uuid.UUID]*hold
	waiting map[string]map[chan struct{}]bool // by upload
	beating bool
	soon    chan struct{} // the next confirmation is now
}

// NewLocks makes the locks of a process.
func NewLocks(db *models.DB, log *slog.Logger) *Locks { return NewLocksTimed(db, log, LockTimes{}) }

// NewLocksTimed is for tests that wait for a lapse.
func NewLocksTimed(db *models.DB, log *slog.Logger, t LockTimes) *Locks {
	return &Locks{
		models: db, log: log, times: t.orDefault(),
		held: map[uuid.UUID]*hold{}, waiting: map[string]map[chan struct{}]bool{}, soon: make(chan struct{}, 1),
	}
}

// Heard is told of uploads whose lock is asked for or free; "" may be any. It does not block.
func (l *Locks) Heard(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for upload, waiters := range l.waiting {
		if id == "" || upload == id {
			for w := range waiters {
				nudge(w)
			}
		}
	}
	for _, h := range l.held {
		if id == "" || h.upload == id {
			nudge(l.soon)
			return
		}
	}
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// NewLock implements tus.Locker.
func (l *Locks) NewLock(id string) (tus.Lock, error) { return &lock{of: l, upload: id}, nil }

type lock struct {
	of     *Locks
	upload string
	hold   *hold
}

// Lock implements tus.Lock.
func (k *lock) Lock(ctx context.Context, letGo func()) error {
	l := k.of
	wake := l.wait(k.upload)
	defer l.leave(k.upload, wake)
	tick := time.NewTicker(l.times.Beat)
	defer tick.Stop()
	for holder := uuid.New(); ; {
		sent := time.Now()
		taken, err := l.models.TakeUploadLock(ctx, k.upload, holder, l.times.Lapse)
		switch {
		case ctx.Err() != nil:
			l.give(k.upload, holder) // it may be taken although the answer was lost
			return tus.ErrLockTimeout
		case err != nil:
			return k.of.failed(ctx, err)
		case taken:
			k.hold = l.begin(ctx, k.upload, holder, sent.Add(l.times.Sure), letGo)
			return nil
		}
		l.askHere(k.upload)
		if err := l.models.AskForUploadLock(ctx, k.upload); err != nil && ctx.Err() == nil {
			return k.of.failed(ctx, err)
		}
		select {
		case <-ctx.Done():
			return tus.ErrLockTimeout
		case <-wake:
		case <-tick.C:
		}
	}
}

// failed is what the tus handler may tell a client of the database.
func (l *Locks) failed(ctx context.Context, err error) error {
	return (&Handler{log: l.log}).refusal(ctx, err)
}

// Unlock implements tus.Lock.
func (k *lock) Unlock() error {
	if k.hold == nil {
		return nil
	}
	k.of.end(k.hold)
	k.of.give(k.upload, k.hold.holder)
	k.hold = nil
	return nil
}

// giveTime bounds the return of a lock. One that is not given back is free after its lapse.
const giveTime = 3 * time.Second

func (l *Locks) give(upload string, holder uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.Background(), giveTime)
	defer cancel()
	if err := l.models.LeaveUploadLock(ctx, upload, holder); err != nil {
		l.log.WarnContext(ctx, "an upload's lock is left to lapse", "upload", upload, "error", err)
	}
	l.Heard(upload)
}

func (l *Locks) wait(upload string) chan struct{} {
	wake := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting[upload] == nil {
		l.waiting[upload] = map[chan struct{}]bool{}
	}
	l.waiting[upload][wake] = true
	return wake
}

func (l *Locks) leave(upload string, wake chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if delete(l.waiting[upload], wake); len(l.waiting[upload]) == 0 {
		delete(l.waiting, upload)
	}
}

// askHere asks a holder in this process.
func (l *Locks) askHere(upload string) {
	l.mu.Lock()
	var ask []func()
	for _, h := range l.held {
		if h.upload == upload {
			ask = append(ask, h.letGo)
		}
	}
	l.mu.Unlock()
	for _, letGo := range ask {
		letGo()
	}
}

// begin fills the request's hold, which is what its writing goes by, and has it confirmed until end.
func (l *Locks) begin(ctx context.Context, upload string, holder uuid.UUID, sure time.Time, letGo func()) *hold {
	h := holdOf(ctx)
	if h == nil {
		h = &hold{}
	}
	h.upload, h.holder, h.letGo, h.sure, h.since = upload, holder, letGo, sure, time.Now()
	h.again, h.over = make(chan struct{}), make(chan struct{})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[holder] = h
	if !l.beating {
		l.beating = true
		go l.beat()
	}
	return h
}

func (l *Locks) end(h *hold) {
	l.mu.Lock()
	delete(l.held, h.holder)
	l.mu.Unlock()
	h.lose()
}

// beat confirms what this process holds, as long as it holds any.
func (l *Locks) beat() {
	tick := time.NewTicker(l.times.Beat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.soon:
		}
		l.mu.Lock()
		holds := make([]*hold, 0, len(l.held))
		for _, h := range l.held {
			holds = append(holds, h)
		}
		if len(holds) == 0 {
			l.beating = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.confirm(holds)
	}
}

func (l *Locks) confirm(holds []*hold) {
	ctx, cancel := context.WithTimeout(context.Background(), l.times.Sure)
	defer cancel()
	holders := make([]uuid.UUID, len(holds))
	for i, h := range holds {
		holders[i] = h.holder
	}
	sent := time.Now()
	still, err := l.models.ConfirmUploadLocks(ctx, holders)
	if err != nil {
		l.log.WarnContext(ctx, "locks of uploads are not confirmed", "locks", len(holds), "error", err)
		for _, h := range holds {
			if h.unsure() > l.times.Patience && h.lose() {
				h.letGo()
			}
		}
		return
	}
	wanted := map[uuid.UUID]bool{}
	for _, c := range still {
		wanted[c.Holder] = c.Wanted
	}
	for _, h := range holds {
		ask, ours := wanted[h.holder]
		switch {
		case !ours:
			if h.lose() { // else it was just left
				h.letGo() // ends the silence in which it reads
			}
		case ask:
			h.confirm(sent.Add(l.times.Sure))
			h.letGo()
		default:
			h.confirm(sent.Add(l.times.Sure))
		}
	}
}

// hold is a request's lock, from its taking to its end.
type hold struct {
	upload string
	holder uuid.UUID
	letGo  func()

	mu    sync.Mutex
	sure  time.Time     // until then nobody else has it
	since time.Time     // of the last confirmation
	again chan struct{} // closed by the next confirmation
	over  chan struct{} // closed once it is lost or left
	ended bool
}

// holdOf is the hold of a request; one that is not the tus handler's has none.
func holdOf(ctx context.Context) *hold {
	who, _ := ctx.Value(principalKey{}).(principal)
	return who.hold
}

func (h *hold) confirm(until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sure, h.since = until, time.Now()
	close(h.again)
	h.again = make(chan struct{})
}

func (h *hold) unsure() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.since)
}

// lose ends it, and tells whether it was not over before.
func (h *hold) lose() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return false
	}
	h.ended = true
	close(h.over)
	return true
}

// certain waits until the lock is ours for certain.
func (h *hold) certain(ctx context.Context) error {
	for {
		h.mu.Lock()
		sure, again, ended := h.sure, h.again, h.ended
		h.mu.Unlock()
		if ended {
			return errLockLost
		}
		if time.Now().Before(sure) {
			return nil
		}
		select {
		case <-again:
		case <-h.over:
			return errLockLost
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// under is a context that also ends with the lock.
func (h *hold) under(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if h == nil || h.over == nil {
		return ctx, func() { cancel(nil) }
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-h.over:
			cancel(errLockLost)
		case <-done:
		}
	}()
	return ctx, sync.OnceFunc(func() { close(done); cancel(nil) })
}

// guard gives what it reads only while the lock is ours: it may have been lost in the silence before a byte.
func (h *hold) guard(ctx context.Context, from io.Reader) io.Reader {
	if h == nil || h.over == nil {
		return from
	}
	return guarded{ctx, h, from}
}

type guarded struct {
	ctx  context.Context
	hold *hold
	from io.Reader
}

// Read implements io.Reader.
func (g guarded) Read(p []byte) (int, error) {
	n, err := g.from.Read(p)
	if n == 0 {
		return 0, err
	}
	if lost := g.hold.certain(g.ctx); lost != nil {
		return 0, lost
	}
	return n, err
}
