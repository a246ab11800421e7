package main

import (
	"context"
	"fmt"
	"time"

	"volary.dev/cmd/internal/postgres"
)

// keptDatabase is the PostgreSQL that up started. It is started again where it ends by itself, at the same address: the
// servers that use it go on. The zero value is somebody else's, which we do not keep.
type keptDatabase struct {
	server   *postgres.Server // nil where DATABASE_URL names another
	log      string           // path
	since    time.Time        // when it was last started
	restarts restarts
}

// done is closed when the server has ended.
func (k *keptDatabase) done() <-chan struct{} {
	if k.server == nil {
		return nil
	}
	return k.server.Done()
}

// ended tells why the server did, and when it is to be started again.
func (k *keptDatabase) ended() (again <-chan time.Time) {
	return k.later("PostgreSQL ended", k.server.Err(), time.Since(k.since))
}

// restart starts the server again. Either it runs and done is its end, or it is to be tried again later.
func (k *keptDatabase) restart(ctx context.Context) (done <-chan struct{}, again <-chan time.Time) {
	begun := time.Now()
	err := k.server.Restart(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, nil
	case err != nil:
		return nil, k.later("PostgreSQL does not start", err, 0)
	}
	k.since = time.Now()
	fmt.Printf("PostgreSQL answers again, after %s.\n", took(begun))
	return k.server.Done(), nil
}

func (k *keptDatabase) later(what string, why error, lived time.Duration) <-chan time.Time {
	pause := k.restarts.pause(lived)
	fmt.Println(k.restarts.sentence(what, why, pause, k.log))
	return time.After(pause)
}

func (k *keptDatabase) stop() {
	if k.server != nil {
		k.server.Stop()
	}
}
