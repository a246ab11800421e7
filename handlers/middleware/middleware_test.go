package middleware

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"volary.dev/provisioner/refusal"
)

func TestAddressBelievesTrustedProxiesAlone(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name    string
		trusted []netip.Prefix
		from    string
		header  string
		want    string
	}{
		{"nobody is trusted", nil, "10.0.0.1:5", "198.51.100.7", "10.0.0.1"},
		{"a trusted proxy", trusted, "10.0.0.1:5", "198.51.100.7", "198.51.100.7"},
		{"a stranger's header", trusted, "203.0.113.9:5", "198.51.100.7", "203.0.113.9"},
		{"an invented first entry", trusted, "10.0.0.1:5", "192.0.2.1, 198.51.100.7", "198.51.100.7"},
		{"two proxies", trusted, "10.0.0.1:5", "198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"a loopback that is not trusted", trusted, "127.0.0.1:5", "198.51.100.7", "127.0.0.1"},
		{"IPv6", trusted, "[fd00::1]:5", "2001:db8::7", "2001:db8::7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = c.from
			r.Header.Set("X-Forwarded-For", c.header)
			if got := Address(c.trusted)(r); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestThrottle(t *testing.T) {
	e := echo.New()
	key := "a"
	limited := Throttle(time.Hour, 2, time.Now, func(echo.Context) string { return key })(func(echo.Context) error { return nil })
	try := func() (*refusal.Error, string) {
		w := httptest.NewRecorder()
		err := limited(e.NewContext(httptest.NewRequest(http.MethodGet, "/", nil), w))
		r, _ := refusal.As(err)
		return r, w.Header().Get("Retry-After")
	}
	for range 2 {
		if r, _ := try(); r != nil {
			t.Fatalf("refused within the burst: %v", r)
		}
	}
	if r, after := try(); r == nil || r.Code != "throttled" || after != "3600" {
		t.Errorf("third: %v, retry after %q", r, after)
	}
	key = "b"
	if r, _ := try(); r != nil {
		t.Errorf("another key is refused: %v", r)
	}
}

func TestThrottleKnowsABoundedNumberOfSenders(t *testing.T) {
	th, now := newThrottle(time.Hour, 1), time.Now()
	th.take("mine", now)
	for i := range 5 * throttleKeys {
		th.take(fmt.Sprint(i), now)
		if i%1000 == 0 {
			if _, ok := th.take("mine", now); ok {
				t.Fatalf("after %d others a sender who goes on is forgotten", i)
			}
		}
	}
	if n := len(th.young) + len(th.old); n > 2*throttleKeys {
		t.Errorf("%d keys are kept", n)
	}
}

func TestThrottleCountsANetworkOfIPv6AsOne(t *testing.T) {
	e := echo.New()
	limited := Throttle(time.Hour, 2, time.Now, ByAddress)(func(echo.Context) error { return nil })
	from := func(address string) error {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = address
		return limited(e.NewContext(r, httptest.NewRecorder()))
	}
	for i, c := range []struct {
		address string
		refused bool
	}{{"[2001:db8::1]:1", false}, {"[2001:db8::2]:1", false}, {"[2001:db8::3]:1", true}, {"[2001:db8:0:1::3]:1", false}, {"198.51.100.1:1", false}} {
		if err := from(c.address); (err != nil) != c.refused {
			t.Errorf("request %d, from %s: %v", i, c.address, err)
		}
	}
}

func TestAPanicEndsItsRequestAlone(t *testing.T) {
	var log bytes.Buffer
	e := echo.New()
	e.Use(RequestID, Log(slog.New(slog.NewJSONHandler(&log, nil))), Recover)
	e.GET("/panics/:id", func(echo.Context) error { panic("at the disco") })
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/panics/7?token=secret", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "disco") {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	line := log.String()
	for _, want := range []string{`"level":"ERROR"`, "at the disco", "middleware_test.go", `"route":"/panics/:id"`, `"id":"7"`, w.Header().Get("X-Request-Id")} {
		if !strings.Contains(line, want) {
			t.Errorf("the log lacks %s: %s", want, line)
		}
	}
	if strings.Contains(line, "secret") {
		t.Errorf("the log shows the query: %s", line)
	}
}
