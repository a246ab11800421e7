package uploads

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner/waittest"
)

func held(sure time.Duration) *hold {
	return &hold{sure: time.Now().Add(sure), again: make(chan struct{}), over: make(chan struct{}), letGo: func() {}}
}

// What comes while the lock is not certainly ours is written once it is confirmed, and never after it is lost.
func TestNothingIsWrittenWithoutTheLock(t *testing.T) {
	for name, c := range map[string]struct {
		sure time.Duration
		then func(*hold)
		want error
	}{
		"sure":                  {time.Hour, func(*hold) {}, nil},
		"confirmed late":        {-time.Second, func(h *hold) { h.confirm(time.Now().Add(time.Hour)) }, nil},
		"lost":                  {-time.Second, func(h *hold) { h.lose() }, errLockLost},
		"lost, and sure before": {time.Hour, func(h *hold) { h.lose() }, errLockLost},
	} {
		h := held(c.sure)
		if c.sure > 0 {
			c.then(h)
		}
		read := make(chan error, 1)
		go func() {
			n, err := h.guard(t.Context(), strings.NewReader("x")).Read(make([]byte, 1))
			if err == nil && n != 1 || err != nil && n != 0 {
				t.Errorf("%s: %d bytes, %v", name, n, err)
			}
			read <- err
		}()
		if c.sure < 0 {
			select {
			case err := <-read:
				t.Errorf("%s: read without the lock: %v", name, err)
			default:
			}
			c.then(h)
		}
		if err, _ := waittest.Receive(t, "what came", read); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	h := held(time.Hour)
	ctx, end := h.under(t.Context())
	defer end()
	h.lose()
	waittest.Receive(t, "the end of what is under the lock", ctx.Done())
	if !errors.Is(context.Cause(ctx), errLockLost) {
		t.Errorf("it ended by %v", context.Cause(ctx))
	}
}
