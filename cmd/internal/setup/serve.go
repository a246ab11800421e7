package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// stopGrace is how long requests may take to end once a stop was asked for. Uploads resume by themselves and
// event streams reconnect, so nothing is lost by cutting them.
const (
	stopGrace   = 5 * time.Second
	streamGrace = time.Second // event streams and consoles end only when told to
)

// Times are what every request and connection has until its route says otherwise by http.ResponseController. Routes that
// last lift or roll them (handlers/middleware).
type Times struct {
	Header time.Duration // for a request's head
	Read   time.Duration // from a request's first byte to its last
	Write  time.Duration // from its head to the answer's last byte
	Idle   time.Duration // between two requests
	// Rest is for what is left of a body whose answer is given already: net/http reads on for a while, so that the sender
	// hears the answer, and would wait for ever for one who sends nothing.
	Rest time.Duration
}

// ServerTimes are those of our servers.
var ServerTimes = Times{Header: 10 * time.Second, Read: 30 * time.Second, Write: 60 * time.Second, Idle: 2 * time.Minute, Rest: 5 * time.Second}

// Listen opens a TCP listener; its error says in one sentence what stands in the way.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("another program listens at %s already: stop it or choose another port: %w", address, err)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("no permission to listen at %s: choose a port above 1023: %w", address, err)
	case err != nil:
		return nil, fmt.Errorf("listen at %s: %w", address, err)
	}
	return l, nil
}

// ServeListener answers at l until ctx ends, then stops taking requests and gives those under way stopGrace. Every request
// has t's deadlines for reading and for writing.
func ServeListener(ctx context.Context, log *slog.Logger, l net.Listener, handler http.Handler, t Times) error {
	base, endStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer endStreams()
	srv := &http.Server{
		Handler:           endBodies(handler, t.Rest),
		ReadHeaderTimeout: t.Header,
		ReadTimeout:       t.Read,
		WriteTimeout:      t.Write,
		IdleTimeout:       t.Idle,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	log.Info("listening", "address", l.Addr().String())
	select {
	case err := <-ended:
		return fmt.Errorf("serve at %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	time.AfterFunc(streamGrace, endStreams)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		_ = srv.Close()
		log.Warn("cut requests that did not end", "grace", stopGrace)
	}
	return nil
}

// endBodies bounds the rest of a body once its request is answered, whatever the route had lifted.
func endBodies(next http.Handler, rest time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if r.ContentLength == 0 {
			return
		}
		// A console's connection was taken over and is closed by now; it has no deadline to set.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(rest))
	})
}
