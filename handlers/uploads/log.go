package uploads

import (
	"context"
	"log/slog"

	exp "golang.org/x/exp/slog"
)

// tusLog lets the tus handler, which knows slog from before it was in the standard library, write to our log. What
// it calls information (each request) is detail to us.
func tusLog(log *slog.Logger) *exp.Logger { return exp.New(tusHandler{log.Handler()}) }

type tusHandler struct{ to slog.Handler }

func level(l exp.Level) slog.Level {
	if l == exp.LevelInfo {
		return slog.LevelDebug
	}
	return slog.Level(l)
}

func (h tusHandler) Enabled(ctx context.Context, l exp.Level) bool {
	return h.to.Enabled(ctx, level(l))
}

func (h tusHandler) Handle(ctx context.Context, r exp.Record) error {
	to := slog.NewRecord(r.Time, level(r.Level), "upload: "+r.Message, r.PC)
	r.Attrs(func(a exp.Attr) bool {
		to.AddAttrs(attr(a))
		return true
	})
	return h.to.Handle(ctx, to)
}

func (h tusHandler) WithAttrs(list []exp.Attr) exp.Handler {
	attrs := make([]slog.Attr, len(list))
	for i, a := range list {
		attrs[i] = attr(a)
	}
	return tusHandler{h.to.WithAttrs(attrs)}
}

func (h tusHandler) WithGroup(name string) exp.Handler { return tusHandler{h.to.WithGroup(name)} }

func attr(a exp.Attr) slog.Attr { return slog.Any(a.Key, a.Value.Any()) }
