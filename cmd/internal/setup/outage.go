package setup

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"volary.dev/store"
)

// Times of an outage.
const (
	outageLook  = time.Second     // between two looks whether the database answers
	outageCalm  = 3 * time.Second // nothing fails for so long before an outage is over
	outageAgain = 5 * time.Minute // between two lines of one that lasts
)

// outage keeps a log short while the database does not answer: the first line that fails for it is written, the others are
// counted by their message, and a line says when it is over and what was counted. All other lines pass.
type outage struct {
	next slog.Handler // what writes
	ping func(context.Context) error
	now  func() time.Time

	mu     sync.Mutex
	since  time.Time // zero: the database answers
	last   time.Time // when something last failed for it
	said   time.Time
	failed map[string]int
}

// TellOutages gives the log of all that uses the database, which ping asks; watch has to run until ctx ends.
func TellOutages(log *slog.Logger, ping func(context.Context) error) (told *slog.Logger, watch func(ctx context.Context) error) {
	o := newOutage(log, ping)
	return o.logger(), o.watch
}

// newOutage stands before the handler of log. ping asks the database, and watch has to run.
func newOutage(log *slog.Logger, ping func(context.Context) error) *outage {
	return &outage{next: log.Handler(), ping: ping, now: time.Now, failed: map[string]int{}}
}

func (o *outage) logger() *slog.Logger { return slog.New(outageHandler{Handler: o.next, outage: o}) }

// watch looks for the end of outages until ctx ends.
func (o *outage) watch(ctx context.Context) error {
	tick := time.NewTicker(outageLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			o.look(ctx)
		}
	}
}

func (o *outage) look(ctx context.Context) {
	o.mu.Lock()
	waits := !o.since.IsZero() && o.now().Sub(o.last) >= outageCalm
	o.mu.Unlock()
	if !waits {
		o.remind(ctx)
		return
	}
	bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if o.ping(bounded) != nil {
		o.remind(ctx)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now().Sub(o.last) < outageCalm {
		return
	}
	o.write(ctx, slog.LevelInfo, "the database answers again", o.last)
	o.since, o.failed = time.Time{}, map[string]int{}
}

// remind says from time to time that an outage lasts.
func (o *outage) remind(ctx context.Context) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.since.IsZero() && o.now().Sub(o.said) >= outageAgain {
		o.write(ctx, slog.LevelError, "the database does not answer yet", o.now())
	}
}

func (o *outage) write(ctx context.Context, level slog.Level, words string, until time.Time) {
	o.said = o.now()
	r := slog.NewRecord(o.said, level, words, 0)
	r.AddAttrs(slog.Time("since", o.since), slog.String("lasted", until.Sub(o.since).Round(time.Second).String()), slog.String("failed", o.counted()))
	_ = o.next.Handle(ctx, r) // a log that cannot be written has nowhere to say so
}

// counted is "Producer: Error fetching jobs (24), claim hosts (3)", the most frequent ones first.
func (o *outage) counted() string {
	const most = 10
	names := slices.SortedFunc(maps.Keys(o.failed), func(a, b string) int {
		if d := o.failed[b] - o.failed[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var words []string
	for _, n := range names[:min(len(names), most)] {
		words = append(words, fmt.Sprintf("%s (%d)", n, o.failed[n]))
	}
	if more := len(names) - most; more > 0 {
		words = append(words, fmt.Sprintf("and %d more kinds", more))
	}
	return strings.Join(words, ", ")
}

// count takes a line that failed for the database, and tells whether it is the first of an outage. What only likely did
// begins none.
func (o *outage) count(message string, f fault) (first, counted bool) {
	const kinds = 200
	o.mu.Lock()
	defer o.mu.Unlock()
	if f == faultOther || f == faultLikely && o.since.IsZero() {
		return false, false
	}
	o.last = o.now()
	if first = o.since.IsZero(); first {
		o.since, o.said = o.last, o.last
	}
	if _, known := o.failed[message]; !known && len(o.failed) >= kinds {
		message = "others"
	}
	o.failed[message]++
	return first, true
}

// outageHandler is one logger's share of an outage: attributes and groups are the embedded handler's.
type outageHandler struct {
	slog.Handler
	outage *outage
}

func (h outageHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return outageHandler{Handler: h.Handler.WithAttrs(attrs), outage: h.outage}
}

func (h outageHandler) WithGroup(name string) slog.Handler {
	return outageHandler{Handler: h.Handler.WithGroup(name), outage: h.outage}
}

func (h outageHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return h.Handler.Handle(ctx, r)
	}
	first, counted := h.outage.count(r.Message, databaseFault(r))
	switch {
	case first:
		r = r.Clone()
		r.AddAttrs(slog.String("database", "does not answer: what fails for that is counted until it does"))
	case counted:
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// fault tells whether a line failed for the database.
type fault int

const (
	faultOther  fault = iota
	faultLikely       // a connection was cut, which may have been another's
	faultSure
)

// databaseFault looks at a line's error. Libraries give the text alone.
func databaseFault(r slog.Record) (f fault) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "error" && a.Key != "err" {
			return true
		}
		v := a.Value.Resolve()
		err, _ := v.Any().(error)
		switch {
		case store.AwayText(v.String()):
			f = faultSure
		case store.Away(err) || strings.Contains(v.String(), io.ErrUnexpectedEOF.Error()):
			f = faultLikely
		}
		return f == faultOther
	})
	return f
}
