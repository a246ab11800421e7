package relay

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"volary.dev/handlers/handshake"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
)

// Worker is the one way from web to consoles: the worker's internal address, where one-time tickets are redeemed.
// Web knows neither hosts nor their addresses.
type Worker struct {
	URL    *url.URL
	Client *http.Client
	Secret handshake.Secret // by which the two know each other
}

// Ticket opens one part of a node's console for the session that it was issued for.
type Ticket struct {
	Token         string
	Node, Session uuid.UUID
}

const (
	logTimeout = 15 * time.Second // for the worker to ask the host
)

// errWorkerAway is what a person is told when consoles cannot be had.
func errWorkerAway(err error) error {
	return fmt.Errorf("worker: %w (%w)", err, &refusal.Error{
		Code: "worker_away", Title: "The console cannot be reached now.", Next: "Try again in a moment; the cluster itself is not touched by this.",
	})
}

// ConsoleLog fetches the end of what a node wrote to its console. The bytes are the guest's: hostile.
func (w Worker) ConsoleLog(ctx context.Context, ticket Ticket) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	address := w.address("/console/log", ticket)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for a console log: %w", err)
	}
	question := w.Secret.Ask(req.Header, address.RequestURI())
	res, err := w.Client.Do(req)
	if err != nil {
		return nil, errWorkerAway(err)
	}
	defer res.Body.Close()
	if err := w.Secret.Check(question, res.Header); err != nil {
		return nil, errWorkerAway(err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, errWorkerAway(fmt.Errorf("status %d", res.StatusCode))
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, provisioner.ConsoleTail))
	if err != nil {
		return nil, errWorkerAway(err)
	}
	return b, nil
}

// DialConsole opens the console that a ticket is good for.
func (w Worker) DialConsole(ctx context.Context, ticket Ticket) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	address, header := w.address("/console", ticket), http.Header{}
	question := w.Secret.Ask(header, address.RequestURI())
	conn, res, err := websocket.Dial(ctx, address.String(), &websocket.DialOptions{HTTPClient: w.Client, HTTPHeader: header})
	if res != nil && res.Body != nil {
		defer res.Body.Close()
	}
	if res != nil {
		if stranger := w.Secret.Check(question, res.Header); stranger != nil {
			if conn != nil {
				_ = conn.CloseNow()
			}
			return nil, errWorkerAway(stranger)
		}
	}
	if err != nil && res != nil && res.StatusCode == http.StatusNotFound {
		return nil, refusal.NotFound("console ticket")
	}
	if err != nil {
		return nil, errWorkerAway(err)
	}
	return conn, nil
}

func (w Worker) address(path string, t Ticket) *url.URL {
	u := w.URL.JoinPath(path)
	if !strings.HasPrefix(u.Path, "/") { // below an address without a path: what is signed has to be what is sent
		u.Path = "/" + u.Path
	}
	u.RawQuery = url.Values{"ticket": {t.Token}, "node": {t.Node.String()}, "session": {t.Session.String()}}.Encode()
	return u
}
