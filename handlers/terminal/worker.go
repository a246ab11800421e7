package terminal

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"volary.dev/provisioner"
)

// Worker is the one way from web to consoles: the worker's internal address, where one-time tickets are redeemed.
// Web knows neither hosts nor their addresses.
type Worker struct {
	URL    *url.URL
	Client *http.Client
}

const (
	logTimeout = 15 * time.Second // for the worker to ask the host
)

// errWorkerAway is what a person is told when consoles cannot be had.
func errWorkerAway(err error) error {
	return fmt.Errorf("worker: %w (%w)", err, &provisioner.Refusal{
		Code: "worker_away", Title: "The console cannot be reached now.", Next: "Try again in a moment; the cluster itself is not touched by this.",
	})
}

// ConsoleLog fetches the end of what a node wrote to its console. The bytes are the guest's: hostile.
func (w Worker) ConsoleLog(ctx context.Context, ticket string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.address("/console/log", ticket), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for a console log: %w", err)
	}
	res, err := w.Client.Do(req)
	if err != nil {
		return nil, errWorkerAway(err)
	}
	defer res.Body.Close()
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
func (w Worker) DialConsole(ctx context.Context, ticket string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, w.address("/console", ticket), &websocket.DialOptions{HTTPClient: w.Client})
	if res != nil && res.Body != nil {
		defer res.Body.Close()
	}
	if err != nil && res != nil && res.StatusCode == http.StatusNotFound {
		return nil, provisioner.NotFound("console ticket")
	}
	if err != nil {
		return nil, errWorkerAway(err)
	}
	return conn, nil
}

func (w Worker) address(path, ticket string) string {
	u := w.URL.JoinPath(path)
	u.RawQuery = url.Values{"ticket": {ticket}}.Encode()
	return u.String()
}
