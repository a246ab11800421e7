package relay

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner/refusal"
)

const (
	bareKept   = time.Minute // for the page to ask why its socket failed
	bareAtMost = 1000
)

// Bare remembers whose WebSocket came without the headers that ask for one: a proxy in front took them away. A browser does not
// let its page read what a failed WebSocket was answered, so the page asks the same address again, as a page, and is told.
// It is this process's own: of several behind a balancer, the page finds the right one when it tries again.
type Bare struct {
	mu   sync.Mutex
	came map[uuid.UUID]time.Time // by session
}

// NewBare makes an empty memory.
func NewBare() *Bare { return &Bare{came: map[uuid.UUID]time.Time{}} }

func (b *Bare) remember(session uuid.UUID, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s, at := range b.came {
		if now.Sub(at) > bareKept || len(b.came) >= bareAtMost {
			delete(b.came, s)
		}
	}
	b.came[session] = now
}

func (b *Bare) knows(session uuid.UUID, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, ok := b.came[session]
	return ok && now.Sub(at) <= bareKept
}

// refuse refuses what is no WebSocket: with the proxy's fault where it was one when it left the browser, or the session's was.
func (b *Bare) refuse(q *http.Request, session uuid.UUID) error {
	if says(q.Header, "Upgrade", "websocket") && says(q.Header, "Connection", "upgrade") {
		return nil
	}
	now := time.Now()
	if q.Header.Get("Sec-WebSocket-Key") != "" { // a header that no script can set, and no proxy takes for its own
		b.remember(session, now)
	}
	if b.knows(session, now) {
		return &refusal.Error{
			Code: "no_upgrade", Title: "The proxy in front of Volary takes away the headers Upgrade and Connection, without which there is no console.",
			Next: "Whoever runs the proxy lets them pass. For nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; " +
				"proxy_set_header Connection \"upgrade\"; the operator's chapter (.readme/operate.md, “TLS, and a proxy in front”) has the whole.",
		}
	}
	return &refusal.Error{Code: "malformed", Title: "This address is for the console's script.", Next: "Open the node's console page."}
}

// says tells whether a header's list of words has one.
func says(h http.Header, name, word string) bool {
	for _, line := range h.Values(name) {
		for _, w := range strings.Split(line, ",") {
			if strings.EqualFold(strings.TrimSpace(w), word) {
				return true
			}
		}
	}
	return false
}
