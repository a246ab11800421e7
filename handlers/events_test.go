package handlers_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/handlertest"
)

// stream is an open event stream whose lines arrive on a channel that is closed at its end.
type stream struct {
	status int
	lines  chan string
}

func openStream(t *testing.T, a *handlertest.App, b *handlertest.Browser, query string) stream {
	t.Helper()
	return openStreamAt(t, a, b, "/org/events"+query)
}

func openStreamAt(t *testing.T, a *handlertest.App, b *handlertest.Browser, path string) stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+path, nil)
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
	late := time.After(20 * time.Second)
	for {
		select {
		case line, open := <-s.lines:
			if !open {
				t.Fatalf("the stream ended before %q", prefix)
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-late:
			t.Fatalf("no %q", prefix)
		}
	}
}

func TestEventsSayWhatChangedToWhomItConcerns(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Listen()
	cluster, _ := a.Launch(w, "first", 0)
	second, _ := a.Launch(w, "second", 0)
	mine := openStream(t, a, a.SignIn(handlertest.Member), "?kind=cluster&id="+cluster.String())
	theirs := openStream(t, a, a.SignIn(handlertest.OtherOwner), "")
	mine.until(t, "retry:")
	theirs.until(t, "retry:")
	// The listening connection begins by telling everybody to look at everything; what follows is single.
	mine.until(t, "data: {}")
	for _, id := range []any{second, cluster} {
		if _, err := a.Pool.Exec(t.Context(), `UPDATE clusters SET reason = 'asked' WHERE id = $1`, id); err != nil {
			t.Fatal(err)
		}
	}
	if line := mine.until(t, "data:"); line != `data: {"kind":"cluster","id":"`+cluster.String()+`"}` {
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
	s := openStream(t, a, a.SignIn(handlertest.Owner), "")
	s.until(t, "retry:")
	a.Stop()
	late := time.After(5 * time.Second)
	for {
		select {
		case _, open := <-s.lines:
			if !open {
				return
			}
		case <-late:
			t.Fatal("the stream goes on")
		}
	}
}

func TestStreamsEndWithTheirSession(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Listen()
	for name, end := range map[string]func(b *handlertest.Browser){
		"signing out": func(b *handlertest.Browser) { b.Post("/sign-out", nil) },
		"leaving the organization": func(*handlertest.Browser) {
			if _, err := a.Pool.Exec(t.Context(), `DELETE FROM memberships WHERE person_id = $1`, w.Person(handlertest.Member)); err != nil {
				t.Error(err)
			}
		},
	} {
		email := handlertest.Member
		if name == "signing out" {
			email = handlertest.Owner
		}
		b := a.SignIn(email)
		s := openStream(t, a, b, "")
		s.until(t, ": still here")
		end(b)
		late := time.After(20 * time.Second)
		for open := true; open; {
			select {
			case _, open = <-s.lines:
			case <-late:
				t.Fatalf("after %s the stream goes on", name)
			}
		}
	}
}

func TestEventsRefuseWhatIsNoKind(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.SignIn(handlertest.Owner)
	for _, query := range []string{"?kind=host", "?id=x", "?kind=cluster&id=1"} {
		if got := b.Get("/org/events" + query); got.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", query, got.Status)
		}
	}
}
