package qemu

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// monitorPatience bounds one command to a QEMU that is to be there: it answers at once unless it hangs.
	monitorPatience = 20 * time.Second
	// mostSaid is the longest line that is taken of a QEMU, which a guest may have got the better of.
	mostSaid = 1 << 20
)

var errMonitor = errors.New("QEMU's monitor ended")

// monitor speaks QMP with one QEMU, over a socket that nobody else has.
type monitor struct {
	conn    net.Conn
	stopped func(stands bool) // told of each stop of the processors and each start, in their order

	mu      sync.Mutex
	number  int
	waiting map[int]chan said
	ended   bool
}

// said is a line of QMP: a greeting, an event, or the answer to a command.
type said struct {
	QMP    json.RawMessage `json:"QMP"`
	Event  string          `json:"event"`
	ID     int             `json:"id"`
	Return json.RawMessage `json:"return"`
	Error  *struct{ Desc string }
}

// begin reads what QEMU says until the socket ends, and leaves the negotiation behind.
func (m *monitor) begin(ctx context.Context) error {
	m.waiting = map[int]chan said{}
	go m.listen()
	return m.execute(ctx, "qmp_capabilities", nil, nil)
}

func (m *monitor) listen() {
	lines := bufio.NewScanner(m.conn)
	lines.Buffer(make([]byte, 0, 4<<10), mostSaid)
	for lines.Scan() {
		var s said
		if json.Unmarshal(lines.Bytes(), &s) != nil {
			break
		}
		switch s.Event {
		case "":
			m.answer(s)
		case "STOP", "SUSPEND":
			m.stopped(true)
		case "RESUME", "WAKEUP":
			m.stopped(false)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	for _, w := range m.waiting {
		close(w)
	}
	m.waiting = nil
}

func (m *monitor) answer(s said) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.waiting[s.ID]; w != nil && s.QMP == nil {
		delete(m.waiting, s.ID)
		w <- s
	}
}

// execute runs one command of QMP.
func (m *monitor) execute(ctx context.Context, command string, arguments, value any) error {
	ctx, cancel := context.WithTimeout(ctx, monitorPatience)
	defer cancel()
	answer := make(chan said, 1)
	m.mu.Lock()
	if m.ended {
		m.mu.Unlock()
		return errMonitor
	}
	m.number++
	id := m.number
	m.waiting[id] = answer
	m.mu.Unlock()
	asked := map[string]any{"execute": command, "id": id}
	if arguments != nil {
		asked["arguments"] = arguments
	}
	line, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	if _, err := m.conn.Write(append(line, '\n')); err != nil {
		return errMonitor
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", command, ctx.Err())
	case s, open := <-answer:
		switch {
		case !open:
			return errMonitor
		case s.Error != nil:
			return fmt.Errorf("%s: %s", command, s.Error.Desc)
		case value != nil:
			return json.Unmarshal(s.Return, value)
		}
		return nil
	}
}
