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

// Serve answers at listen until ctx ends, then stops taking requests and gives those under way stopGrace.
// There is no read or write timeout, since uploads and event streams last: handlers set their own.
func Serve(ctx context.Context, log *slog.Logger, listen string, handler http.Handler) error {
	l, err := Listen(ctx, listen)
	if err != nil {
		return err
	}
	return ServeListener(ctx, log, l, handler)
}

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

// ServeListener is Serve on a listener that is open already.
func ServeListener(ctx context.Context, log *slog.Logger, l net.Listener, handler http.Handler) error {
	base, endStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer endStreams()
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
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
