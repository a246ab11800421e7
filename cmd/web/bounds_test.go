package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"volary.dev/cmd/internal/setup"
	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner/waittest"
)

// short are the deadlines of these tests; they are far enough apart to tell which one ended a connection.
var short = setup.Times{Header: time.Second, Read: time.Second, Write: 2 * time.Second, Idle: time.Second, Rest: 500 * time.Millisecond}

// served is a portal behind the server of cmd/web, whose senders have short.
func served(t *testing.T, o handlertest.Options) *handlertest.App {
	t.Helper()
	o.Serve = func(ctx context.Context, l net.Listener, portal http.Handler) {
		if err := setup.ServeListener(ctx, slog.New(slog.DiscardHandler), l, portal, short); err != nil {
			t.Error(err)
		}
	}
	return handlertest.Start(t, o)
}

func dial(t *testing.T, a *handlertest.App) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// closes reads until the server closes the connection, and gives the status line of the first answer, if any.
func closes(t *testing.T, conn net.Conn) string {
	t.Helper()
	defer waittest.Measure(t, "the connection's end")()
	_ = conn.SetReadDeadline(time.Now().Add(waittest.Limit))
	all, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("still open after %s; read %.200q", waittest.Limit, all)
	}
	line, _, _ := strings.Cut(string(all), "\r\n")
	return line
}

// cookie is the header line of a signed-in person's browser.
func cookie(t *testing.T, a *handlertest.App, email string) string {
	t.Helper()
	b, at := a.SignIn(email), a.URL
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Client().Jar.Cookies(u) {
		if c.Name == "volary" {
			return "Cookie: " + c.String() + "\r\n"
		}
	}
	t.Fatal("no cookie")
	return ""
}

// TestNobodyHoldsASocket sends the beginning of every kind of request and nothing more.
func TestNobodyHoldsASocket(t *testing.T) {
	a := served(t, handlertest.Options{UploadPace: time.Second})
	w := a.World()
	member := cookie(t, a, handlertest.Member)
	upload := func(method, path, more string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n" + more + "Content-Type: application/offset+octet-stream\r\nContent-Length: 100000\r\n\r\nfirst"
	}
	for name, c := range map[string]struct{ sent, status string }{
		"nothing":                        {"", ""},
		"half a head":                    {"GET / HTTP/1.1\r\nHost: x\r\n", ""},
		"an answer, then nothing":        {"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "200"},
		"no such page":                   {"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nfirst", "404"},
		"a wrong method":                 {"DELETE /market HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nfirst", "405"},
		"another site's":                 {"POST /sign-in HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 100000\r\n\r\nfirst", "403"},
		"HEAD with a body":               {"HEAD /market HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nfirst", "200"},
		"a page with a body":             {"GET /market HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nfirst", "200"},
		"half a form":                    {"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100000\r\n\r\nemail=", "408"},
		"a chunk of a form":              {"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nemail\r\n", "408"},
		"an upload of nobody":            {upload("PATCH", "/uploads/"+w.Upload, ""), "401"},
		"an upload that is not there":    {upload("PATCH", "/uploads/nothing", member+"Upload-Offset: 0\r\n"), "404"},
		"an upload with a wrong offset":  {upload("PATCH", "/uploads/"+w.Upload, member+"Upload-Offset: 77\r\n"), ""},
		"a new upload of unknown length": {upload("POST", "/uploads/", member+"Upload-Defer-Length: 1\r\n"), "400"},
		"a stream with a body":           {"GET /events HTTP/1.1\r\nHost: x\r\n" + member + "Content-Length: 100000\r\n\r\nfirst", "400"},
		"a stream of nobody":             {"GET /events HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nfirst", "303"},
		"a console without an upgrade":   {"GET /org/clusters/x/nodes/y/console/ws HTTP/1.1\r\nHost: x\r\n" + member + "Content-Length: 100000\r\n\r\nfirst", "400"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, a)
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			if status := closes(t, conn); c.status != "" && !strings.HasPrefix(status, "HTTP/1.1 "+c.status) {
				t.Errorf("answered %q, want %s", status, c.status)
			}
		})
	}
}

// TestAnUploadThatTricklesIsCut sends one byte of an upload whenever the last one has been taken, for ever.
func TestAnUploadThatTricklesIsCut(t *testing.T) {
	a := served(t, handlertest.Options{UploadPace: time.Second})
	w := a.World()
	conn := dial(t, a)
	fmt.Fprintf(conn, "PATCH /uploads/%s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n%sUpload-Offset: 0\r\n"+
		"Content-Type: application/offset+octet-stream\r\nContent-Length: 9\r\n\r\n", w.Upload, cookie(t, a, handlertest.Member))
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for range 8 { // of 9: the request is never whole
			select {
			case <-stop:
				return
			case <-tick.C:
				_, _ = conn.Write([]byte("x"))
			}
		}
	}()
	status := closes(t, conn)
	close(stop)
	<-ended
	if strings.HasPrefix(status, "HTTP/1.1 2") {
		t.Errorf("answered %q", status)
	}
}

// TestStreamsOutlastTheDeadlines reads events for longer than any request has.
func TestStreamsOutlastTheDeadlines(t *testing.T) {
	a := served(t, handlertest.Options{})
	a.World()
	conn := dial(t, a)
	fmt.Fprintf(conn, "GET /events HTTP/1.1\r\nHost: x\r\n%s\r\n", cookie(t, a, handlertest.Member))
	begin := time.Now()
	_ = conn.SetReadDeadline(begin.Add(waittest.Limit))
	for lines := bufio.NewReader(conn); time.Since(begin) < 2*short.Write; {
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatalf("after %v: %v", time.Since(begin), err)
		}
	}
}
