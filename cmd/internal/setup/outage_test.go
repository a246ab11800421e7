package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"volary.dev/store"
)

// refusedByNobody is what pgx says of a database that is not there.
func refusedByNobody(t *testing.T) error {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, err = pgx.Connect(t.Context(), "postgres://volary@"+address+"/volary")
	if err == nil {
		t.Fatal("a closed port took a connection")
	}
	return err
}

func TestAwayTextIsOfErrorsThatAreAway(t *testing.T) {
	for _, err := range []error{
		refusedByNobody(t), fmt.Errorf("claim hosts: %w", &pgconn.PgError{Severity: "FATAL", Code: "57P01", Message: "terminating connection"}),
		&pgconn.PgError{Severity: "FATAL", Code: "53300", Message: "sorry, too many clients already"},
	} {
		if !store.Away(err) || !store.AwayText(err.Error()) {
			t.Errorf("%v: away %v, by its text %v", err, store.Away(err), store.AwayText(err.Error()))
		}
	}
	for _, err := range []error{
		&pgconn.PgError{Severity: "ERROR", Code: "23505", Message: "duplicate key"}, errors.New("dial tcp 10.77.1.12:16514: connect: connection refused"),
	} {
		if store.AwayText(err.Error()) {
			t.Errorf("%v is taken for the database's", err)
		}
	}
}

// outageAt logs into b, at a time that the test sets.
func outageAt(b *bytes.Buffer, now *time.Time, ping func(context.Context) error) *outage {
	o := newOutage(slog.New(slog.NewTextHandler(b, nil)), ping)
	o.now = func() time.Time { return *now }
	return o
}

func TestAnOutageIsAFewLines(t *testing.T) {
	var b bytes.Buffer
	now, away := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), refusedByNobody(t)
	answer := away
	o := outageAt(&b, &now, func(context.Context) error { return answer })
	log := o.logger().With("process", "worker")

	log.Warn("connection of a host cut", "error", io.ErrUnexpectedEOF)
	for range 24 {
		log.Error("Producer: Error fetching jobs", "err", away.Error())
	}
	for range 3 {
		log.Error("claim hosts", "error", fmt.Errorf("claim hosts: %w", away))
	}
	log.Error("settle usage", "error", io.ErrUnexpectedEOF) // while it lasts, what is cut is the database's
	log.Info("launched", "error", away)
	log.Error("missed round", "error", "host-1 does not answer")
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[1], "Error fetching jobs") || !strings.Contains(lines[1], "does not answer: what fails for that is counted") {
		t.Fatalf("while it is away: %d lines\n%s", len(lines), b.String())
	}

	b.Reset()
	now = now.Add(outageAgain)
	o.look(t.Context())
	o.look(t.Context())
	if got := b.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "does not answer yet") || !strings.Contains(got, "lasted=5m0s") ||
		!strings.Contains(got, "Producer: Error fetching jobs (24), claim hosts (3), settle usage (1)") {
		t.Errorf("after five minutes:\n%s", got)
	}

	b.Reset()
	log.Error("claim hosts", "error", away)
	answer = nil
	o.look(t.Context())
	if b.Len() > 0 {
		t.Errorf("while something still fails:\n%s", b.String())
	}
	now = now.Add(outageCalm)
	o.look(t.Context())
	o.look(t.Context())
	if got := b.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "answers again") || !strings.Contains(got, "claim hosts (4)") {
		t.Errorf("afterwards:\n%s", got)
	}

	b.Reset()
	log.Error("claim hosts", "error", away)
	if got := b.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "claim hosts") {
		t.Errorf("of the next outage:\n%s", got)
	}
}

func TestAnOutageCountsBoundedKinds(t *testing.T) {
	var b bytes.Buffer
	now, away := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC), refusedByNobody(t)
	o := outageAt(&b, &now, func(context.Context) error { return nil })
	for i := range 1000 {
		o.logger().Error(fmt.Sprint("kind ", i), "error", away)
	}
	if len(o.failed) > 201 {
		t.Errorf("%d kinds are kept", len(o.failed))
	}
	now = now.Add(outageCalm)
	o.look(t.Context())
	if got := b.String(); !strings.Contains(got, "others (800)") || !strings.Contains(got, "and 191 more kinds") || len(got) > 2000 {
		t.Errorf("said:\n%s", got)
	}
}
