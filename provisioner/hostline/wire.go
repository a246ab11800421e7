package hostline

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"volary.dev/provisioner"
)

// kind says what a frame is.
type kind byte

const (
	kindRequest kind = iota + 1 // JSON of request: the first frame of a call
	kindCancel                  // the caller gave up before its time was over
	kindWant                    // the driver asks for the image's bytes
	kindData                    // bytes: of an image, or of a console, both ways
	kindEnd                     // of the image's bytes; JSON of fault where they broke off
	kindResult                  // JSON of result
	kindOver                    // JSON of fault: the console's end
)

// largestFrame bounds what one side makes the other keep: a host's every console log in one answer is the largest.
const largestFrame = 64 << 20

// chunk is how much of a stream goes into one frame.
const chunk = 256 << 10

type request struct {
	Method string
	// Milliseconds that the caller waits; 0: as long as it takes.
	Milliseconds int64
	Arguments    json.RawMessage
}

type result struct {
	Fault *fault          `json:",omitempty"`
	Value json.RawMessage `json:",omitempty"`
}

func writeFrame(w io.Writer, k kind, body []byte) error {
	if len(body) > largestFrame {
		return fmt.Errorf("a frame of %d bytes, at most %d are sent", len(body), largestFrame)
	}
	b := make([]byte, 5, 5+len(body))
	b[0] = byte(k)
	binary.BigEndian.PutUint32(b[1:], uint32(len(body)))
	_, err := w.Write(append(b, body...))
	return err
}

func writeJSON(w io.Writer, k kind, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return writeFrame(w, k, body)
}

func readFrame(r io.Reader) (kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > largestFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes, at most %d are read", size, largestFrame)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, fmt.Errorf("a frame was cut off: %w", err)
	}
	return kind(head[0]), body, nil
}

// fault is an error on its way: its words, the sentinels that errors.Is finds in it, and the host's refusal.
type fault struct {
	Text      string
	Sentinels []string `json:",omitempty"`
	Op        string   `json:",omitempty"`
	Detail    string   `json:",omitempty"`
	Refused   bool     `json:",omitempty"`
	Cause     string   `json:",omitempty"` // provisioner.Cause, for the log
}

// sentinels are the errors that callers of a driver tell apart, by the name that they travel under.
func sentinels() map[string]error {
	return map[string]error{
		"ErrHostUnreachable":    provisioner.ErrHostUnreachable,
		"ErrHostRefuses":        provisioner.ErrHostRefuses,
		"ErrNoLibvirt":          provisioner.ErrNoLibvirt,
		"ErrHostUntrusted":      provisioner.ErrHostUntrusted,
		"ErrHostAuthentication": provisioner.ErrHostAuthentication,
		"ErrHostPlace":          provisioner.ErrHostPlace,
		"ErrAnotherMachine":     provisioner.ErrAnotherMachine,
		"ErrNoSuchNode":         provisioner.ErrNoSuchNode,
		"ErrImageDigest":        provisioner.ErrImageDigest,
		"ErrWiping":             provisioner.ErrWiping,
		"ErrConsoleTaken":       provisioner.ErrConsoleTaken,
		"ErrNoAgent":            provisioner.ErrNoAgent,
		"ErrGuestRefused":       provisioner.ErrGuestRefused,
		"ErrGuestTime":          provisioner.ErrGuestTime,
		"ErrGuestNonsense":      provisioner.ErrGuestNonsense,
		"ErrCommand":            provisioner.ErrCommand,
		"ErrProbe":              provisioner.ErrProbe,
		"ErrHostAddress":        provisioner.ErrHostAddress,
		"Canceled":              context.Canceled,
		"DeadlineExceeded":      context.DeadlineExceeded,
		"EOF":                   io.EOF,
	}
}

func newFault(err error) *fault {
	if err == nil {
		return nil
	}
	f := &fault{Text: err.Error(), Cause: provisioner.Cause(err)}
	for name, sentinel := range sentinels() {
		if errors.Is(err, sentinel) {
			f.Sentinels = append(f.Sentinels, name)
		}
	}
	var refused *provisioner.HostError
	if errors.As(err, &refused) {
		f.Refused, f.Op, f.Detail = true, refused.Op, refused.Detail
	}
	return f
}

func (f *fault) err() error {
	if f == nil {
		return nil
	}
	var causes []error
	known := sentinels()
	for _, name := range f.Sentinels {
		if sentinel := known[name]; sentinel != nil {
			causes = append(causes, sentinel)
		}
	}
	if f.Refused {
		causes = append(causes, &provisioner.HostError{Op: f.Op, Detail: f.Detail, Cause: f.Cause})
	} else if slices.Contains(f.Sentinels, "ErrHostUnreachable") && f.Cause != "" && f.Cause != f.Text {
		causes = append(causes, &provisioner.Unreached{Kind: provisioner.ErrHostUnreachable, Cause: errors.New(f.Cause)})
	}
	if len(causes) == 1 && causes[0].Error() == f.Text {
		return causes[0]
	}
	return &told{f.Text, causes}
}

// told is an error that the child told of.
type told struct {
	text   string
	causes []error
}

func (t *told) Error() string { return t.text }

func (t *told) Unwrap() []error { return t.causes }
