package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestListen(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	changes, lost, ended := make(chan store.Change, 100), make(chan struct{}, 100), make(chan error, 1)
	go func() {
		ended <- w.DB.Core.Listen(ctx, func(c store.Change) { changes <- c }, func() { lost <- struct{}{} })
	}()
	storetest.Next(t, changes, func(c store.Change) bool { return c == store.Change{} })

	id := w.Launch(t, "trial-1", 0)
	want := store.Change{Organization: w.Organization, Provider: w.Provider, Kind: "cluster", ID: id}
	w.Ready(t, id)
	storetest.Next(t, changes, func(c store.Change) bool { return c == want })

	// A sound connection that is cut is opened again at once, and nobody is told of the moment between; one that is cut before
	// it heard anything is lost.
	const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`
	w.Exec(t, cut)
	storetest.Next(t, changes, func(c store.Change) bool { return c == store.Change{} })
	if len(lost) != 0 {
		t.Error("told of a loss that was none")
	}
	w.Exec(t, cut)
	storetest.Next(t, lost, func(struct{}) bool { return true })
	storetest.Next(t, changes, func(c store.Change) bool { return c == store.Change{} })
	storetest.NoError(t, w.DB.Machines.DeleteCluster(t.Context(), w.Organization, w.Person, id))
	storetest.Next(t, changes, func(c store.Change) bool { return c == want })
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestListenWork(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	ids, ended := make(chan uuid.UUID, 100), make(chan error, 1)
	go func() { ended <- w.DB.Core.ListenWork(ctx, func(id uuid.UUID) { ids <- id }) }()
	storetest.Next(t, ids, func(id uuid.UUID) bool { return id == uuid.Nil })
	launched := w.Launch(t, "trial-1", 0)
	storetest.Next(t, ids, func(id uuid.UUID) bool { return id == launched })
	storetest.NoError(t, w.DB.Machines.StopCluster(t.Context(), w.Organization, w.Person, launched))
	storetest.Next(t, ids, func(id uuid.UUID) bool { return id == launched })
	stop()
	<-ended
}
