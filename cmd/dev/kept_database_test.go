package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"volary.dev/cmd/internal/demo"
	"volary.dev/cmd/internal/session"
	"volary.dev/provisioner/waittest"
)

// TestUpGoesOnWithoutItsDatabase kills the PostgreSQL that up started, twice: it comes back with what it had, and portal
// and worker go on, the same processes, with the person who was signed in and with the rounds of the hosts.
func TestUpGoesOnWithoutItsDatabase(t *testing.T) {
	v := startSimulated(t, "database-killed")
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- v.watch(ctx) }()
	defer func() {
		cancel()
		if err := <-watched; err != nil {
			t.Error(err)
		}
	}()
	cookies, err := session.SignIn(t.Context(), v.address(), demo.People()[0].Email, demo.Password)
	if err != nil {
		t.Fatal(err)
	}
	v.await(t, "a first round of every host", `SELECT bool_and(round_at IS NOT NULL) FROM hosts`)
	web, worker := v.web.pid.Load(), v.worker.pid.Load()
	for range 2 {
		killed := v.postmaster()
		at := time.Now()
		if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		waittest.Until(t, "another PostgreSQL", func() bool { pid := v.postmaster(); return pid != 0 && pid != killed })
		waittest.Until(t, "the portal's page", func() bool {
			status, body := getAs(t, v.address()+"/org/clusters", cookies)
			return status == http.StatusOK && strings.Contains(body, "Clusters")
		})
		v.await(t, "another round of every host", `SELECT bool_and(round_at > $1) FROM hosts`, at)
	}
	if web != v.web.pid.Load() || worker != v.worker.pid.Load() {
		t.Errorf("the portal was process %d and is %d, the worker %d and %d", web, v.web.pid.Load(), worker, v.worker.pid.Load())
	}
}

// postmaster is PostgreSQL's process as it writes it down itself; 0 while there is none.
func (v *volary) postmaster() int {
	b, _ := os.ReadFile(v.path("postgres", "data", "postmaster.pid"))
	first, _, _ := strings.Cut(string(b), "\n")
	pid, _ := strconv.Atoi(first)
	return pid
}

// getAs opens a page as whoever has the cookies; the status is 0 where nobody answers.
func getAs(t *testing.T, url string, cookies []*http.Cookie) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cookies {
		req.AddCookie(c)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}
