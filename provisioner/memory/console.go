package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Console implements provisioner.Driver.
func (h *Host) Console(ctx context.Context, id uuid.UUID) (io.ReadWriteCloser, error) {
	if err := h.enter(ctx, "Console", "console of "+id.String()); err != nil {
		return nil, err
	}
	defer h.world.mu.Unlock()
	m, ok := h.machines[id]
	if !ok {
		return nil, provisioner.ErrNoSuchNode
	}
	if !m.on() {
		return nil, &provisioner.HostError{Op: "console of " + m.spec.Name, Detail: "the machine is not running"}
	}
	if m.viewer != nil {
		m.viewer.end(provisioner.ErrConsoleTaken)
	}
	m.viewer = &viewer{machine: m}
	m.viewer.more.L = &m.viewer.mu
	return m.viewer, nil
}

// Consoles implements provisioner.Driver. A mark is how much had been written.
func (h *Host) Consoles(ctx context.Context, queries []provisioner.ConsoleQuery) ([]provisioner.ConsoleText, error) {
	if err := h.enter(ctx, "Consoles", "consoles"); err != nil {
		return nil, err
	}
	defer h.world.mu.Unlock()
	all := make([]provisioner.ConsoleText, len(queries))
	for i, q := range queries {
		if m, ok := h.machines[q.Node]; ok && len(m.log) > 0 {
			all[i] = m.console(q)
		}
	}
	return all, nil
}

func (m *machine) console(q provisioner.ConsoleQuery) provisioner.ConsoleText {
	first := m.written - len(m.log) // the place of the oldest byte that is kept
	tail := min(int(q.Tail), provisioner.ConsoleTail, len(m.log))
	after, _ := strconv.Atoi(q.After)
	after = max(after-first, 0)
	if after > len(m.log) {
		after = 0 // of another log
	}
	c := provisioner.ConsoleText{
		Kept: int64(len(m.log)), Tail: bytes.Clone(m.log[len(m.log)-tail:]), End: strconv.Itoa(m.written),
		Next: strconv.Itoa(first + max(after, bytes.LastIndexByte(m.log, '\n')+1)),
	}
	for line := range bytes.Lines(provisioner.VisibleText(m.log[after:])) {
		if slices.ContainsFunc(q.Find, func(text string) bool { return bytes.Contains(line, []byte(text)) }) {
			c.Lines = append(c.Lines, bytes.Clone(line))
		}
	}
	c.Lines = c.Lines[max(0, len(c.Lines)-32):]
	return c
}

// print writes to the console: to its log and to who is attached.
func (m *machine) print(text string) {
	text = strings.ReplaceAll(text, "\n", "\r\n")
	m.log, m.written = append(m.log, text...), m.written+len(text)
	if over := int64(len(m.log)) - m.host.keeps; over > 0 {
		m.log = append([]byte(nil), m.log[over:]...)
	}
	if m.viewer != nil {
		m.viewer.add(text)
	}
}

func (m *machine) prompt() string { return "root@" + m.spec.Name + ":~# " }

// typed is what somebody typed at the console.
func (m *machine) typed(p []byte) {
	if !m.shell || m.stands() {
		return
	}
	for _, b := range p {
		switch {
		case b == '\r' || b == '\n':
			m.print("\n")
			words := strings.Fields(string(m.line))
			m.line = nil
			if m.run(words); m.shell {
				m.print(m.prompt())
			}
		case b == 0x7f || b == 0x08:
			if len(m.line) > 0 {
				m.line = m.line[:len(m.line)-1]
				m.print("\b \b")
			}
		case b >= ' ' && b < 0x7f && len(m.line) < 1024:
			m.line = append(m.line, b)
			m.print(string(b))
		}
	}
}

// run answers the few commands that a simulated shell knows.
func (m *machine) run(words []string) {
	if len(words) == 0 {
		return
	}
	switch words[0] {
	case "hostname":
		m.print(m.spec.Name + "\n")
	case "echo":
		m.print(strings.Join(words[1:], " ") + "\n")
	case "ip":
		m.print(fmt.Sprintf("eth0: %s link/ether %s\n", m.address, m.spec.MAC))
	case "nproc":
		m.print(fmt.Sprintf("%d\n", m.spec.Shape.VCPUs))
	case "ping":
		if len(words) < 2 {
			m.print("usage: ping NAME\n")
		} else if a := m.reaches(words[1]); a.IsValid() {
			m.print(fmt.Sprintf("%s (%s) is alive\n", words[1], a))
		} else {
			m.print("ping: " + words[1] + ": no answer\n")
		}
	case "poweroff":
		m.shell = false
		m.powerButton()
	default:
		m.print(words[0] + ": a simulated guest knows hostname, echo, ip, nproc, ping and poweroff\n")
	}
}

// viewer is one attachment to a console.
type viewer struct {
	machine *machine

	mu    sync.Mutex
	more  sync.Cond
	data  []byte
	ended bool
	err   error // why it ended; io.EOF where the machine went off
}

func (v *viewer) add(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	// A viewer that does not read loses the oldest bytes: a guest is never held up by who looks at it.
	if v.data = append(v.data, text...); len(v.data) > logLimit {
		v.data = v.data[len(v.data)-logLimit:]
	}
	v.more.Broadcast()
}

func (v *viewer) end(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.ended {
		v.ended, v.err = true, err
		v.more.Broadcast()
	}
}

// Read implements io.Reader: it waits for output, and after the end gives what is left and then the reason.
func (v *viewer) Read(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.data) == 0 && !v.ended {
		v.more.Wait()
	}
	if len(v.data) > 0 {
		n := copy(p, v.data)
		v.data = v.data[n:]
		return n, nil
	}
	if v.err != nil {
		return 0, v.err
	}
	return 0, io.EOF
}

// Write implements io.Writer: it types.
func (v *viewer) Write(p []byte) (int, error) {
	w := v.machine.host.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.machine.viewer != v {
		return 0, io.ErrClosedPipe
	}
	v.machine.typed(p)
	return len(p), nil
}

// Close implements io.Closer.
func (v *viewer) Close() error {
	w := v.machine.host.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.machine.viewer == v {
		v.machine.viewer = nil
	}
	v.end(nil)
	return nil
}
