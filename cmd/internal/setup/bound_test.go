package setup

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"volary.dev/provisioner/waittest"
)

// accepting counts what a bounded listener lets through, and echoes it.
func accepting(t *testing.T, b Bounds) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bound := Bound(l, b, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { bound.Close() })
	go func() {
		for {
			c, err := bound.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

// let tells whether a connection from an address of this machine is let through.
func let(t *testing.T, to, from string) (net.Conn, bool) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	defer waittest.Measure(t, "the answer to a connection from "+from)()
	_ = c.SetDeadline(time.Now().Add(waittest.Limit))
	_, werr := c.Write([]byte("x"))
	_, rerr := c.Read(make([]byte, 1))
	return c, werr == nil && rerr == nil
}

func TestConnectionsAreBounded(t *testing.T) {
	to := accepting(t, Bounds{Total: 5, Each: 2, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}})
	first, ok := let(t, to, "127.0.0.2")
	for i, c := range []struct {
		from string
		want bool
	}{{"127.0.0.2", true}, {"127.0.0.2", false}, {"127.0.0.9", true}, {"127.0.0.9", true}, {"127.0.0.9", true}, {"127.0.0.3", false}} {
		if _, let := let(t, to, c.from); let != c.want || !ok {
			t.Fatalf("connection %d, from %s: let through %v", i, c.from, let)
		}
	}
	first.Close()
	// The place is free once the server has closed its end, too.
	waittest.Until(t, "the place that was given back", func() bool {
		_, ok := let(t, to, "127.0.0.3")
		return ok
	})
}
