package middleware

import (
	"fmt"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"volary.dev/handlers/request"
	"volary.dev/provisioner"
)

// throttleKeys bounds the memory of a Throttle; when so many addresses are known, those that have waited long
// enough to be as good as new are forgotten.
const throttleKeys = 20_000

// Throttle lets each key send burst requests at once and then one per interval; further ones are refused with
// code "throttled". It counts in this process alone: what must hold across processes (failed sign-ins) store counts.
// A burst of 0 throttles nothing.
func Throttle(interval time.Duration, burst int, key func(echo.Context) string) echo.MiddlewareFunc {
	if burst == 0 {
		return func(next echo.HandlerFunc) echo.HandlerFunc { return next }
	}
	t := &throttle{interval: interval, burst: burst, known: map[string]*rate.Limiter{}}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			wait, ok := t.take(key(c), time.Now())
			if ok {
				return next(c)
			}
			seconds := int(wait.Seconds()) + 1
			c.Response().Header().Set(echo.HeaderRetryAfter, fmt.Sprint(seconds))
			return &provisioner.Refusal{
				Code: "throttled", Title: fmt.Sprintf("More than %d requests came from you in a short time.", burst),
				Next: fmt.Sprintf("Wait %d s and try again.", seconds),
			}
		}
	}
}

// ByAddress throttles each sender's address.
func ByAddress(c echo.Context) string { return c.RealIP() }

// ByPerson throttles each signed-in person, wherever they are.
func ByPerson(c echo.Context) string {
	if s := request.Session(c); s != nil {
		return s.PersonID.String()
	}
	return c.RealIP()
}

type throttle struct {
	interval time.Duration
	burst    int
	mu       sync.Mutex
	known    map[string]*rate.Limiter
}

func (t *throttle) take(key string, now time.Time) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.known[key]
	if l == nil {
		t.forget(now)
		l = rate.NewLimiter(rate.Every(t.interval), t.burst)
		t.known[key] = l
	}
	if l.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - l.TokensAt(now)
	return time.Duration(missing * float64(t.interval)), false
}

func (t *throttle) forget(now time.Time) {
	if len(t.known) < throttleKeys {
		return
	}
	for key, l := range t.known {
		if l.TokensAt(now) >= float64(t.burst) {
			delete(t.known, key)
		}
	}
}
