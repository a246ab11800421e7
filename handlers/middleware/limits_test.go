package middleware

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/waittest"
)

// TestRollingCutsWhoReadsNothing writes far more than sockets hold to readers who take everything, and nothing.
func TestRollingCutsWhoReadsNothing(t *testing.T) {
	const whole = 64 << 20
	wrote := make(chan error, 1)
	e := echo.New()
	e.GET("/", func(c echo.Context) error {
		_, err := c.Response().Write(make([]byte, whole))
		wrote <- err
		return err
	}, Rolling(time.Second))
	server := httptest.NewServer(e)
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if werr := <-wrote; err != nil || n != whole || werr != nil {
		t.Fatalf("a reader who reads has %d bytes, %v, %v", n, err, werr)
	}
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err, _ := waittest.Receive(t, "the handler's end before one who reads nothing", wrote); err == nil {
		t.Error("everything was written to one who reads nothing")
	}
}

func TestQueueRefusesWhoFindsNoPlace(t *testing.T) {
	e := echo.New()
	begun, end := make(chan struct{}, 10), make(chan struct{})
	queued := Queue(AtOnce{1, 1, 1, time.Minute}, ByAddress)(func(echo.Context) error {
		begun <- struct{}{}
		<-end
		return nil
	})
	ask := func(ctx context.Context) error {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
		return queued(e.NewContext(r, httptest.NewRecorder()))
	}
	answers := make(chan error, 3)
	go func() { answers <- ask(t.Context()) }()
	<-begun
	left, leave := context.WithCancel(t.Context())
	// Of two more one waits, and the other is refused at once.
	for range 2 {
		go func() { answers <- ask(left) }()
	}
	if r, ok := refusal.As(<-answers); !ok || r.Code != "busy" {
		t.Errorf("the second to wait: %v", r)
	}
	leave()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Errorf("who left while waiting: %v", err)
	}
	close(end)
	if err := <-answers; err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := ask(t.Context()); err != nil {
		t.Errorf("the places are not given back: %v", err)
	}
}

func TestQueueHasPatience(t *testing.T) {
	e := echo.New()
	end := make(chan struct{})
	begun := make(chan struct{})
	queued := Queue(AtOnce{1, 1, 5, 20 * time.Millisecond}, ByAddress)(func(echo.Context) error { close(begun); <-end; return nil })
	ask := func() error {
		return queued(e.NewContext(httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()))
	}
	first := make(chan error, 1)
	go func() { first <- ask() }()
	<-begun
	if r, ok := refusal.As(ask()); !ok || r.Code != "busy" {
		t.Errorf("after its patience: %v", r)
	}
	close(end)
	<-first
}
