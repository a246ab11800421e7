package setup

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// Main runs a server's story until it ends or a SIGINT or SIGTERM asks for its end, and leaves the process with
// status 1 where it failed. A second signal ends the process at once.
func Main(name string, run func(ctx context.Context, log *slog.Logger) error) {
	log := Logger(os.Stderr, name)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := run(ctx, log)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		log.Error("ended", "error", err)
		os.Exit(1)
	}
}

// Logger writes one JSON object per line, or text where w is a terminal, at the level that VOLARY_LOG_LEVEL names.
func Logger(w io.Writer, process string) *slog.Logger {
	var level slog.Level
	// A wrong level is refused by the configuration; until then info is what one wants to see.
	_ = level.UnmarshalText([]byte(os.Getenv("VOLARY_LOG_LEVEL")))
	o := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewJSONHandler(w, o)
	if isTerminal(w) {
		h = slog.NewTextHandler(w, o)
	}
	return slog.New(h).With("process", process)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	s, err := f.Stat()
	return err == nil && s.Mode()&os.ModeCharDevice != 0
}
