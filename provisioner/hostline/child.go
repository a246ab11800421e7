package hostline

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"volary.dev/provisioner"
)

// hello is the first datagram to a child.
type hello struct {
	Address  provisioner.HostAddress
	Settings json.RawMessage
}

// child is a running child.
type child struct {
	process *process
	control *socket
	begun   time.Time
	overdue time.Duration
	log     *slog.Logger

	sending sync.Mutex // of datagrams

	mu       sync.Mutex
	answered time.Time // last
	why      error     // we ended it
}

func startChild(start func(*socketPair) (*process, error), h hello, o Options) (*child, error) {
	var err error
	if h.Settings, err = json.Marshal(o.Settings); err != nil {
		return nil, err
	}
	first, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if len(first) > largestSettings {
		return nil, fmt.Errorf("settings of %d bytes, at most %d are sent", len(first), largestSettings)
	}
	pair, err := newControlPair()
	if err != nil {
		return nil, err
	}
	defer pair.theirs.Close()
	now := time.Now()
	c := &child{control: pair.ours, begun: now, answered: now, overdue: o.Overdue, log: o.Log.With("host", h.Address.Name)}
	if c.process, err = start(pair); err == nil {
		err = c.control.datagram(first, nil)
	}
	if err != nil {
		c.control.Close()
		return nil, err
	}
	go c.mourn()
	return c, nil
}

// mourn says in the log that the child ended, unless it was told to.
func (c *child) mourn() {
	<-c.process.done
	c.control.Close()
	if err := c.end(); !errors.Is(err, errClosed) {
		c.log.Warn("the process that speaks with a host ended", "error", err, "lived", c.lived().Round(time.Millisecond).String(), "said", c.process.said())
	}
}

// errClosed is why a child ended that was told to.
var errClosed = errors.New("the driver is closed")

// over tells whether the child has ended, or is about to.
func (c *child) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why != nil || c.process.over()
}

// end says how the child ended.
func (c *child) end() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why != nil {
		return c.why
	}
	return fmt.Errorf("the process that speaks with the host ended (%w)", c.process.err())
}

// lived is how long the child lived, or has lived.
func (c *child) lived() time.Duration {
	if !c.process.over() {
		return time.Since(c.begun)
	}
	return c.process.ended.Sub(c.begun)
}

// bye lets the child end, and kills it where it does not.
func (c *child) bye() {
	c.mu.Lock()
	if c.why == nil {
		c.why = errClosed
	}
	c.mu.Unlock()
	c.control.Close()
	go func() {
		select {
		case <-c.process.done:
		case <-time.After(byeLimit):
			c.process.kill()
		}
	}()
}

func (c *child) kill(why error) {
	c.mu.Lock()
	if c.why == nil {
		c.why = why
	}
	c.mu.Unlock()
	c.process.kill()
}

// pair makes a new pair of sockets and hands the child its end.
func (c *child) pair() (*socket, error) {
	pair, err := newCallPair()
	if err != nil {
		return nil, err
	}
	defer pair.theirs.Close()
	c.sending.Lock()
	defer c.sending.Unlock()
	if err := c.control.datagram([]byte{0}, pair.theirs); err != nil {
		pair.ours.Close()
		return nil, err
	}
	return pair.ours, nil
}

// lost is what an error of a socket means: the child ended. Its end is known a moment after its sockets are closed.
func (c *child) lost(err error) error {
	select {
	case <-c.process.done:
		return unreached(c.end())
	case <-time.After(reasonLimit):
		return unreached(fmt.Errorf("the process that speaks with it does not: %w", err))
	}
}

// answers notes that the child does.
func (c *child) answers() {
	c.mu.Lock()
	c.answered = time.Now()
	c.mu.Unlock()
}

func (c *child) answeredAt() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// awaitLate waits for the end of a call that nobody waits for any more, and ends a child that does not come to it. A host
// that is slow answers late, and keeps its child; so does one that answers others.
func (c *child) awaitLate(late *call, over <-chan error) {
	defer late.Close()
	since := time.Now()
	tick := time.NewTicker(c.overdue / 8)
	defer tick.Stop()
	for {
		select {
		case <-over: //nolint:errcheck // nobody waits for it
			return
		case <-c.process.done:
			return
		case <-tick.C:
		}
		waited := time.Since(since)
		silent := waited > c.overdue && c.answeredAt().Before(since)
		if silent || waited > overdueFactor*c.overdue {
			c.kill(fmt.Errorf("the host owes the answer to %s for %s", late.name, waited.Round(time.Second)))
			return
		}
	}
}
