package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/storetest"
)

func newSlip(person, id uuid.UUID) *store.Slip {
	return &store.Slip{Person: person, ID: id, Route: "/org/orders", Digest: make([]byte, 32)}
}

// deed is a transaction that leaves a row behind it, which its own slip does not do.
func deed(ctx context.Context, db *floors.All, s *store.Slip, word string) error {
	return db.Core.Tx(store.WithSlip(ctx, s), func(tx pgx.Tx) error { return insertWord(ctx, tx, word) })
}

func insertWord(ctx context.Context, tx pgx.Tx, word string) error {
	_, err := tx.Exec(ctx, `INSERT INTO sign_in_failures (key, at) VALUES ($1, now())`, word)
	return err
}

func count(t *testing.T, w *storetest.World, query string, args ...any) (n int) {
	t.Helper()
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

func wantWords(t *testing.T, w *storetest.World, word string, want int) {
	t.Helper()
	if n := count(t, w, `SELECT count(*) FROM sign_in_failures WHERE key = $1`, word); n != want {
		t.Errorf("%q was done %d times, want %d", word, n, want)
	}
}

func TestASlipIsTakenOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, web := t.Context(), storetest.OpenAs(t, w.Pool, store.RoleWeb)
	id := uuid.New()
	first := newSlip(w.Person, id)
	storetest.NoError(t, deed(ctx, web, first, "once"))
	if err := deed(ctx, web, newSlip(w.Person, id), "once"); !errors.Is(err, store.ErrTaken) || !first.Taken() {
		t.Errorf("the second: %v; the first is taken: %t", err, first.Taken())
	}
	wantWords(t, w, "once", 1)
	// What the same request does besides is its own; so is another person's form of the same id.
	storetest.NoError(t, deed(ctx, web, first, "besides"))
	other := newSlip(uuid.New(), id)
	storetest.NoError(t, deed(ctx, web, other, "other"))
	storetest.NoError(t, web.Core.NoteAnswer(ctx, other, "/theirs", "Theirs."))
	sent, ok, err := web.Core.SentForm(ctx, w.Person, id)
	if err != nil || !ok || sent.Location != nil || sent.Route != first.Route {
		t.Errorf("remembered: %+v, %t, %v", sent, ok, err)
	}
	storetest.NoError(t, web.Core.NoteAnswer(ctx, first, "/org/orders/1", "Ordered."))
	storetest.NoError(t, web.Core.NoteAnswer(ctx, first, "/elsewhere", "Again."))
	if sent, _, err = web.Core.SentForm(ctx, w.Person, id); err != nil || sent.Location == nil || *sent.Location != "/org/orders/1" || *sent.Notice != "Ordered." {
		t.Errorf("noted: %+v, %v", sent, err)
	}
	// After a day it is a form as any other, whether it was swept or not.
	w.Exec(t, `UPDATE slips SET at = now() - interval '24 hours 1 minute' WHERE person_id = $1`, w.Person)
	if _, ok, err := web.Core.SentForm(ctx, w.Person, id); err != nil || ok {
		t.Errorf("after a day: %t, %v", ok, err)
	}
	storetest.NoError(t, deed(ctx, web, newSlip(w.Person, id), "once"))
	wantWords(t, w, "once", 2)
	w.Exec(t, `UPDATE slips SET at = now() - interval '24 hours 1 minute' WHERE person_id = $1`, w.Person)
	storetest.NoError(t, storetest.OpenAs(t, w.Pool, store.RoleWorker).Core.ForgetSlips(ctx))
	if n := count(t, w, `SELECT count(*) FROM slips`); n != 1 {
		t.Errorf("%d slips are left, want the other person's", n)
	}
}

// What is rolled back, tried again or counted beside is not taken for done.
func TestASlipGoesWithItsTransaction(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	s := newSlip(w.Person, uuid.New())
	broken, tries := errors.New("broken"), 0
	if err := w.DB.Core.Tx(store.WithSlip(ctx, s), func(pgx.Tx) error { return broken }); !errors.Is(err, broken) || s.Taken() {
		t.Errorf("rolled back: %v, taken: %t", err, s.Taken())
	}
	storetest.NoError(t, w.DB.Core.Tx(store.Aside(store.WithSlip(ctx, s)), func(tx pgx.Tx) error { return insertWord(ctx, tx, "beside") }))
	if n := count(t, w, `SELECT count(*) FROM slips`); n != 0 || s.Taken() {
		t.Errorf("%d slips after nothing was done", n)
	}
	storetest.NoError(t, w.DB.Core.Tx(store.WithSlip(ctx, s), func(tx pgx.Tx) error {
		if tries++; tries == 1 {
			return &pgconn.PgError{Code: "40001"}
		}
		return insertWord(ctx, tx, "again")
	}))
	wantWords(t, w, "again", 1)
	if tries != 2 || !s.Taken() {
		t.Errorf("%d tries, taken: %t", tries, s.Taken())
	}
}

// The second waits for what becomes of the first.
func TestTheSecondWaitsForTheFirst(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	for _, c := range []struct {
		word  string
		first error
		want  error
	}{{"committed", nil, store.ErrTaken}, {"rolled back", errors.New("broken"), nil}} {
		id := uuid.New()
		inside, end := make(chan struct{}), make(chan struct{})
		first, second := make(chan error, 1), make(chan error, 1)
		go func() {
			first <- w.DB.Core.Tx(store.WithSlip(ctx, newSlip(w.Person, id)), func(tx pgx.Tx) error {
				close(inside)
				<-end
				return errors.Join(insertWord(ctx, tx, c.word), c.first)
			})
		}()
		waittest.Receive(t, "the first inside its transaction", inside)
		go func() { second <- deed(ctx, w.DB, newSlip(w.Person, id), c.word) }()
		waittest.Until(t, "the second waiting for the first", func() bool {
			return count(t, w, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
		})
		close(end)
		if err, _ := waittest.Receive(t, "the first's end", first); !errors.Is(err, c.first) {
			t.Errorf("%s: the first: %v", c.word, err)
		}
		if err, _ := waittest.Receive(t, "the second's end", second); !errors.Is(err, c.want) {
			t.Errorf("%s: the second: %v, want %v", c.word, err, c.want)
		}
		wantWords(t, w, c.word, 1)
	}
}

func TestTheNewestSlipsOfAPersonAreKept(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `INSERT INTO slips (person_id, id, route, digest, at)
		SELECT p, gen_random_uuid(), '/', sha256(''), now() - make_interval(secs => n) FROM generate_series(1, 1100) n, unnest(ARRAY[$1::uuid, gen_random_uuid()]) p`, w.Person)
	s := newSlip(w.Person, uuid.New())
	storetest.NoError(t, deed(t.Context(), w.DB, s, "last"))
	storetest.NoError(t, w.DB.Core.NoteAnswer(t.Context(), s, "/", ""))
	if n := count(t, w, `SELECT count(*) FROM slips WHERE person_id = $1`, w.Person); n != 1000 {
		t.Errorf("%d slips of the person are kept", n)
	}
	if n := count(t, w, `SELECT count(*) FROM slips WHERE person_id = $1 AND id = $2`, w.Person, s.ID); n != 1 {
		t.Error("not the newest")
	}
	if n := count(t, w, `SELECT count(*) FROM slips WHERE person_id <> $1`, w.Person); n != 1100 {
		t.Errorf("of another's 1100 slips %d are left", n)
	}
}
