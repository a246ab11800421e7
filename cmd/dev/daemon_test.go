package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience bounds what comes by itself; nothing waits that long when all is well.
const patience = time.Minute

// TestAServerIsNeverGivenUp starts one that dies eight times in a row, and then lives.
func TestAServerIsNeverGivenUp(t *testing.T) {
	answers := httptest.NewServer(http.NotFoundHandler())
	defer answers.Close()
	dir := t.TempDir()
	program := filepath.Join(dir, "server")
	script := fmt.Sprintf("#!/bin/sh\ncd %s\nwhile [ ! -e answered ]; do sleep 0.05; done\necho life >>lives\n"+
		"if [ $(wc -l <lives) -gt 8 ]; then exec sleep 3600; fi\nexit 1\n", dir)
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	d := &daemon{name: "The server", program: program, log: filepath.Join(dir, "log"), restarts: restarts{first: time.Millisecond}}
	if err := startDaemon(t.Context(), d, answers.URL); err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	if err := os.WriteFile(filepath.Join(dir, "answered"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ninth life", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "lives"))
		return bytes.Count(b, []byte("\n")) == 9
	})
	select {
	case <-d.failed:
		t.Error("it was given up")
	default:
	}
}

// TestRestartsWaitLongerAndLonger holds the pauses: they grow to half a minute, and begin anew after a long life.
func TestRestartsWaitLongerAndLonger(t *testing.T) {
	var r restarts
	var got []time.Duration
	for range 8 {
		got = append(got, r.pause(time.Second)/time.Second)
	}
	if want := "[1ns 2ns 4ns 8ns 16ns 30ns 30ns 30ns]"; fmt.Sprint(got) != want {
		t.Errorf("pauses in seconds: %v, want %s", got, want)
	}
	for range 100 {
		r.pause(0)
	}
	if p := r.pause(0); p != lastPause {
		t.Errorf("after a hundred short lives: %s", p)
	}
	if p := r.pause(2 * longLife); p != time.Second {
		t.Errorf("after a long life: %s", p)
	}
}

// TestPostgreSQLIsStartedAgain kills the server that up started: it comes back where it was, with what it had.
func TestPostgreSQLIsStartedAgain(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	c := checkout{state: t.TempDir()}
	v := &volary{checkout: c, worker: &daemon{failed: make(chan struct{})}, web: &daemon{failed: make(chan struct{})}}
	v.databaseRestarts.first = time.Millisecond
	if _, err := v.startDatabase(t.Context()); err != nil {
		t.Fatal(err)
	}
	query := func(sql string) error {
		conn, err := pgx.Connect(t.Context(), v.databaseURL)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		_, err = conn.Exec(t.Context(), sql)
		return err
	}
	if err := query(`CREATE TABLE birds ()`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- v.watch(ctx) }()
	defer func() {
		cancel()
		if err := <-watched; err != nil {
			t.Error(err)
		}
		v.server.Stop()
	}()
	for range 2 {
		pid := postmaster(t, c)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "PostgreSQL with its table", func() bool { return query(`SELECT FROM birds`) == nil && postmaster(t, c) != pid })
	}
}

// postmaster is the server's process, as it writes it down itself; 0 while there is none.
func postmaster(t *testing.T, c checkout) int {
	t.Helper()
	b, _ := os.ReadFile(c.path("postgres", "data", "postmaster.pid"))
	first, _, _ := strings.Cut(string(b), "\n")
	pid, _ := strconv.Atoi(first)
	return pid
}

func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %s in vain for %s", patience, what)
		}
	}
}
