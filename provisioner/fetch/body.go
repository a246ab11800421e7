package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// body counts what comes, and bounds it in bytes and in time.
type body struct {
	from  io.ReadCloser
	ctx   context.Context //nolint:containedctx // of the request, which lasts as long as its body
	end   context.CancelCauseFunc
	line  *http.Transport
	host  string
	pace  *rate.Limiter
	floor time.Duration
	left  time.Duration // for the rest of FloorBytes; the time in which nobody reads does not count
	some  int           // of FloorBytes
	size  int64         // of the whole file; -1: unknown
	most  int64         // that the whole file may have
	came  int64         // of the whole file
	spent time.Duration // waiting for the server
}

// waited is how long the server was waited for, without the time in which nobody read or the pace held back.
func (b *body) waited() time.Duration { return b.spent }

// Read implements io.Reader. Its errors are io.EOF at the file's end, a *Problem, and ctx's.
func (b *body) Read(p []byte) (int, error) {
	p = p[:min(len(p), stride)]
	began := time.Now()
	watch := time.AfterFunc(b.left, func() { b.end(tooSlow(b.host, b.floor)) })
	n, err := b.from.Read(p)
	watch.Stop()
	took := time.Since(began)
	b.left -= took
	b.spent += took
	if b.some += n; b.some >= FloorBytes {
		b.some, b.left = 0, b.floor
	}
	if b.came += int64(n); b.came > b.most {
		return 0, tooLarge(-1, b.most)
	}
	if n > 0 && b.pace != nil {
		if wait := b.pace.WaitN(b.ctx, n); wait != nil && b.ctx.Err() != nil {
			return n, worded(b.ctx, wait, b.host)
		}
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && (b.size < 0 || b.came == b.size):
		return n, io.EOF
	}
	return n, worded(b.ctx, err, b.host)
}

// Close ends the request.
func (b *body) Close() error {
	b.end(nil)
	err := b.from.Close()
	b.line.CloseIdleConnections()
	return err
}
