package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// next waits for a value of c that is wanted, passing over others.
func next[T any](t *testing.T, c <-chan T, wanted func(T) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case v := <-c:
			if wanted(v) {
				return
			}
		case <-deadline:
			t.Fatal("nothing of the kind came in 20 s")
		}
	}
}

func TestListen(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	changes, lost, ended := make(chan store.Change, 100), make(chan struct{}, 100), make(chan error, 1)
	go func() {
		ended <- w.DB.Listen(ctx, func(c store.Change) { changes <- c }, func() { lost <- struct{}{} })
	}()
	next(t, changes, func(c store.Change) bool { return c == store.Change{} })

	id := w.Launch(t, "trial-1", 0)
	want := store.Change{Organization: w.Organization, Provider: w.Provider, Kind: "cluster", ID: id}
	w.Ready(t, id)
	next(t, changes, func(c store.Change) bool { return c == want })

	w.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
	next(t, lost, func(struct{}) bool { return true })
	next(t, changes, func(c store.Change) bool { return c == store.Change{} })
	noError(t, w.DB.DeleteCluster(t.Context(), w.Organization, w.Person, id))
	next(t, changes, func(c store.Change) bool { return c == want })
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestListenWork(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	ids, ended := make(chan uuid.UUID, 100), make(chan error, 1)
	go func() { ended <- w.DB.ListenWork(ctx, func(id uuid.UUID) { ids <- id }) }()
	next(t, ids, func(id uuid.UUID) bool { return id == uuid.Nil })
	launched := w.Launch(t, "trial-1", 0)
	next(t, ids, func(id uuid.UUID) bool { return id == launched })
	noError(t, w.DB.StopCluster(t.Context(), w.Organization, w.Person, launched))
	next(t, ids, func(id uuid.UUID) bool { return id == launched })
	stop()
	<-ended
}
