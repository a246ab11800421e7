package middleware

import (
	"fmt"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/sender"
)

// throttleKeys bounds the memory of a Throttle: it knows at most twice as many keys. Where more come than that within the
// time of a burst, those longest silent are forgotten, and begin anew.
const throttleKeys = 10_000

// Throttle lets each key send burst requests at once and then one per interval; further ones are refused with
// code "throttled". It counts in this process alone: what must hold across processes (failed sign-ins) store counts.
// A burst of 0 throttles nothing. The time is now's.
func Throttle(interval time.Duration, burst int, now func() time.Time, key func(echo.Context) string) echo.MiddlewareFunc {
	if burst == 0 {
		return func(next echo.HandlerFunc) echo.HandlerFunc { return next }
	}
	t := newThrottle(interval, burst)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			wait, ok := t.take(key(c), now())
			if ok {
				return next(c)
			}
			seconds := int(wait.Seconds()) + 1
			c.Response().Header().Set(echo.HeaderRetryAfter, fmt.Sprint(seconds))
			return &refusal.Error{
				Code: "throttled", Title: fmt.Sprintf("More than %d requests came from you in a short time.", burst),
				Next: fmt.Sprintf("Wait %d s and try again.", seconds),
			}
		}
	}
}

// ByAddress throttles each sender's address; an IPv6 /64 is one.
func ByAddress(c echo.Context) string { return sender.One(sender.Parse(c.RealIP())).String() }

// ByPerson throttles each signed-in person, wherever they are.
func ByPerson(c echo.Context) string {
	if s := request.Session(c); s != nil {
		return s.PersonID.String()
	}
	return ByAddress(c)
}

type throttle struct {
	interval time.Duration
	burst    int
	mu       sync.Mutex
	// Two generations: a key that is asked for moves to the young; once those are throttleKeys they become the old, and
	// the old are forgotten. No key costs more than one step.
	young, old map[string]*rate.Limiter
}

func newThrottle(interval time.Duration, burst int) *throttle {
	return &throttle{interval: interval, burst: burst, young: map[string]*rate.Limiter{}}
}

func (t *throttle) take(key string, now time.Time) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.limiter(key)
	if l.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - l.TokensAt(now)
	return time.Duration(missing * float64(t.interval)), false
}

func (t *throttle) limiter(key string) *rate.Limiter {
	if l := t.young[key]; l != nil {
		return l
	}
	l := t.old[key]
	if l == nil {
		l = rate.NewLimiter(rate.Every(t.interval), t.burst)
	}
	if len(t.young) >= throttleKeys {
		t.young, t.old = make(map[string]*rate.Limiter, throttleKeys), t.young
	}
	t.young[key] = l
	return l
}
