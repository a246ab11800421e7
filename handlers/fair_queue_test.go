package handlers_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
)

// from is a client whose requests come from an address of its own.
func from(address string) *http.Client {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
}

// A stranger who asks for costly pages as fast as connections allow leaves others theirs.
func TestOneSenderLeavesOthersCostlyPages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	tx, err := a.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), `LOCK TABLE offers IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	flood := from("127.0.0.2")
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := make(chan int, 200)
	for range 60 {
		all.Go(func() { answers <- status(ctx, flood, a.URL+"/market") })
	}
	// All that there is no place for are refused; the rest wait.
	waittest.Until(t, "the flood's refusals", func() bool { return len(answers) >= 20 })
	other := make(chan int, 1)
	all.Go(func() { other <- status(ctx, from("127.0.0.3"), a.URL+"/market") })
	waittest.Until(t, "the other to wait or to be refused", func() bool {
		var n int
		err := a.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
		return err == nil && (n > 2 || len(other) == 1)
	})
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-other; got != http.StatusOK {
		t.Errorf("somebody else's page: %d", got)
	}
}

func status(ctx context.Context, c *http.Client, url string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	res, err := c.Do(r)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	return res.StatusCode
}

// A person who sends forms that wait for one another leaves everybody else the database: each that waits in it holds a
// connection.
func TestOneSendersFormsLeaveOthersTheDatabase(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	tx, err := a.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	// As a launch that takes its time holds it.
	if _, err := tx.Exec(t.Context(), `SELECT FROM pools WHERE id = $1 FOR UPDATE`, w.Pool); err != nil {
		t.Fatal(err)
	}
	other, reader := a.SignIn(handlertest.OtherOwner), a.SignIn(handlertest.Owner)
	launch := url.Values{"name": {"flood"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"1"}, "lease_hours": {"2"}}
	var all sync.WaitGroup
	defer all.Wait()
	for range 40 {
		all.Go(func() { other.Post("/org/clusters", launch) })
	}
	waiting := func() (n int) {
		if err := a.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	waittest.Until(t, "the flood to wait in the database", func() bool { return waiting() >= 2 })
	if got := reader.Get("/org"); got.Status != http.StatusOK {
		t.Errorf("a page of somebody else: %d", got.Status)
	}
	if n := waiting(); n == 0 || n > 2 {
		t.Errorf("somebody else had a page when %d forms of one person waited in the database, want 1 or 2: none where it came only after the flood", n)
	}
	_ = tx.Rollback(t.Context())
}

// Forms that come byte by byte hold no place that others' forms wait for.
func TestSlowFormsHoldNoPlace(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	address, _ := strings.CutPrefix(a.URL, "http://")
	for _, email := range []string{handlertest.Owner, handlertest.Manager, handlertest.Member} {
		cookie := ""
		b := a.SignIn(email)
		for _, c := range b.Client().Jar.Cookies(must(url.Parse(a.URL))) {
			cookie += c.Name + "=" + c.Value + "; "
		}
		for range 2 {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, "POST /account HTTP/1.1\r\nHost: "+address+"\r\nCookie: "+cookie+
				"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nname=x"); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := a.SignIn(handlertest.OtherOwner)
	for range 10 {
		if got := b.Post("/account", url.Values{"name": {"Somebody"}}); got.Status != http.StatusSeeOther {
			t.Fatalf("somebody else's form: %d", got.Status)
		}
	}
}

// What a person sends by a program is slowed down to what the log can keep.
func TestFormsAreThrottledByPerson(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Throttled: true})
	a.World()
	b, other := a.SignIn(handlertest.Member), a.SignIn(handlertest.Owner)
	sent := 0
	for ; sent < 1000; sent++ {
		if got := b.Post("/account", url.Values{"name": {"Somebody"}}); got.Status == http.StatusTooManyRequests {
			says(t, "who is too fast", got, http.StatusTooManyRequests, `action="/account"`, `name="name" value="Somebody"`, "Send it again")
			break
		}
	}
	got := b.Post("/account", url.Values{"name": {"Somebody else"}, "password": {"seven herons"}})
	says(t, "a form with a password", got, http.StatusTooManyRequests, "What you typed", "Somebody else")
	if strings.Contains(got.Body, "seven herons") || strings.Contains(got.Body, "Send it again") {
		t.Errorf("a form with a password: %s", got.Body)
	}
	if sent != 200 {
		t.Errorf("refused after %d forms, want 200", sent)
	}
	// One by which uploads are begun or discarded, too.
	if got := b.Do(http.MethodDelete, "/uploads/"+strings.Repeat("0", 32), nil, nil); got.Status != http.StatusTooManyRequests || got.Header.Get("Volary-Refusal") != "throttled" {
		t.Errorf("a discarded upload: %d, refusal %q", got.Status, got.Header.Get("Volary-Refusal"))
	}
	if got := other.Post("/account", url.Values{"name": {"Owner"}}); got.Status != http.StatusSeeOther {
		t.Errorf("somebody else's form: %d", got.Status)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
