package handlers_test

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
)

// stream is an open event stream whose lines arrive on a channel that is closed at its end.
type stream struct {
	status int
	lines  chan string
}

func openStream(t *testing.T, a *handlertest.App, b *handlertest.Browser) stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *b.Client()
	client.Timeout = 0
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	s := stream{status: res.StatusCode, lines: make(chan string, 100)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(s.lines)
		defer res.Body.Close()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

// until reads lines until one has the prefix; it fails where the stream ends before or is silent.
func (s stream) until(t *testing.T, prefix string) string {
	t.Helper()
	for {
		line, open := waittest.Receive(t, "a line "+prefix+" of the stream", s.lines)
		if !open {
			t.Fatalf("the stream ended before %q", prefix)
		}
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
}

// ends reads lines until the stream ends. It beats all the while: the whole is one wait.
func (s stream) ends(t *testing.T) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range s.lines { //nolint:revive // they are not looked at
		}
	}()
	waittest.Receive(t, "the stream's end", ended)
}

func TestEventsSayWhatChangedToWhomItConcerns(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Listen()
	cluster, _ := a.Launch(w, "first", 0)
	mine := openStream(t, a, a.SignIn(handlertest.Member))
	theirs := openStream(t, a, a.SignIn(handlertest.OtherOwner))
	mine.until(t, "event: place")
	theirs.until(t, "event: place")
	// The listening connection begins by telling everybody to look at everything; what follows is single.
	mine.until(t, "data: {}")
	for _, id := range []any{cluster} {
		if _, err := a.Pool.Exec(t.Context(), `UPDATE clusters SET reason = 'asked' WHERE id = $1`, id); err != nil {
			t.Fatal(err)
		}
	}
	if when, err := strconv.ParseInt(strings.TrimPrefix(mine.until(t, "id: "), "id: "), 10, 64); err != nil || time.Since(time.UnixMilli(when)) > waittest.Limit {
		t.Errorf("the change was heard of at %d, %v", when, err)
	}
	if line := mine.until(t, `data: {"of"`); line != `data: {"of":"org","kind":"cluster","id":"`+cluster.String()+`"}` {
		t.Errorf("told %s", line)
	}
	a.Stop()
	for line := range theirs.lines {
		if strings.Contains(line, "cluster") {
			t.Errorf("the other organization is told %s", line)
		}
	}
}

func TestStreamsEndWhenThePortalStops(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	s := openStream(t, a, a.SignIn(handlertest.Owner))
	s.until(t, "event: place")
	a.Stop()
	s.ends(t)
}

func TestStreamsEndWithTheirSession(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	a.Listen()
	b := a.SignIn(handlertest.Owner)
	s := openStream(t, a, b)
	s.until(t, ": still here")
	b.Post("/sign-out", nil)
	s.until(t, "event: ended")
	s.ends(t)
}

// TestStreamsFollowTheirSessionElsewhere has a member leave while their stream is open: nothing more of it is told.
func TestStreamsFollowTheirSessionElsewhere(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	s := openStream(t, a, a.SignIn(handlertest.Member))
	if line := s.until(t, "data:"); !strings.Contains(line, w.Organization.String()) {
		t.Errorf("begins at %s", line)
	}
	if _, err := a.Pool.Exec(t.Context(), `DELETE FROM memberships WHERE person_id = $1`, w.Person(handlertest.Member)); err != nil {
		t.Fatal(err)
	}
	s.until(t, "event: place")
	if line := s.until(t, "data:"); strings.Contains(line, w.Organization.String()) {
		t.Errorf("goes on with %s", line)
	}
}

// TestStreamsOutliveTheirListening has the connection that listens lost: the stream stays, says so, and says when it is back.
func TestStreamsOutliveTheirListening(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	s := openStream(t, a, a.SignIn(handlertest.Member))
	s.until(t, ": still here")
	a.Changes.Lost()
	s.until(t, "event: away")
	a.Listen()
	s.until(t, "event: back")
}
