package image

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// task is work of our own on a stranger's bytes, done in the confined child: Go code that unpacks or takes apart. It has the two
// files and nothing else: no path can be opened there, nothing started. in is the file that may be read; out the one that may be
// written, nil where there is none; orders what confined.Orders was. tell may be called as often as one likes, from one goroutine:
// how much is done, in a measure of the task's own.
//
// What is wrong with the file is a *fileFault. Any other error is the machine's, and the same file is tried again; a panic, and a
// limit that is hit, are faults of the file. The answer becomes JSON of at most maxAnswer bytes.
type task func(in, out *os.File, orders json.RawMessage, tell func(done int64)) (answer any, err error)

// tasks are all that a child can be told to do, by confined.Task.
var tasks = map[string]task{"unpack": unpackTask, "list ova": listOVATask, "list bundle": listBundleTask, "canonical": canonicalTask}

// fileFault is what is wrong with a file, in sentences for whoever brought it. A caller that knows a better repair puts its own.
type fileFault struct {
	Detail string `json:"detail"`
	Repair string `json:"repair,omitempty"`
}

// Error implements error.
func (f *fileFault) Error() string { return f.Detail }

const (
	// maxAnswer is the most that a task's answer takes as JSON, in bytes.
	maxAnswer = 1 << 20
	// maxReport is the most that a child may say in all, with its progress for half a day.
	maxReport = 4 << 20
	// tellEvery is the least time between two words of progress.
	tellEvery = 200 * time.Millisecond
)

// The kinds of a report's parts. Each part is its kind, the length of what follows in four bytes, big-endian, and that.
const (
	partProgress = 'p' // eight bytes: how much is done
	partAnswer   = 'a' // JSON
	partFault    = 'f' // a fileFault
	partMachine  = 'm' // what failed of the machine, in words
	partNoSpace  = 'n' // the same, where the file system is full
	partTooLarge = 'l' // the same, where the output would have passed its limit
)

// do runs a task in the child and reports how it ended.
func (t task) do(c confined, report, in, out *os.File) error {
	var last time.Time
	tell := func(done int64) {
		if now := time.Now(); now.Sub(last) >= tellEvery {
			last = now
			// A parent that is gone takes the child with it.
			_ = writePart(report, partProgress, binary.BigEndian.AppendUint64(nil, whole(done)))
		}
	}
	answer, err := t(in, out, c.Orders, tell)
	var fault *fileFault
	switch {
	case errors.As(err, &fault):
		said, err := json.Marshal(fault)
		return errors.Join(err, writePart(report, partFault, said))
	case errors.Is(err, syscall.EFBIG):
		return writePart(report, partTooLarge, nil)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return writePart(report, partNoSpace, []byte(err.Error()))
	case err != nil:
		return writePart(report, partMachine, []byte(err.Error()))
	}
	said, err := json.Marshal(answer)
	if err == nil && len(said) > maxAnswer {
		fault := &fileFault{Detail: fmt.Sprintf("What it holds takes %s to tell; %s are read.", bytesText(int64(len(said))), bytesText(maxAnswer))}
		said, err = json.Marshal(fault)
		return errors.Join(err, writePart(report, partFault, said))
	}
	return errors.Join(err, writePart(report, partAnswer, said))
}

func writePart(w io.Writer, kind byte, body []byte) error {
	body = body[:min(len(body), maxAnswer)]
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body))) //nolint:gosec // bounded above
	_, err := w.Write(append(head, body...))
	return err
}

// report is what a child said. Whoever took the child over writes it: nothing of it is believed beyond its bounds.
type report struct {
	kind byte // of the last part; 0 where none came
	body []byte
}

// errReport is of a child that says more than it may, or what no task says.
var errReport = errors.New("the confined child said what none says")

// readReport reads until the child ends. It gives progress on, at most once in tellEvery and the last of it in any case.
func readReport(from io.Reader, tell func(done int64)) (report, error) {
	var r report
	progress := teller{to: tell}
	defer progress.end()
	bounded := &io.LimitedReader{R: from, N: maxReport}
	for {
		kind, body, err := readPart(bounded)
		switch {
		case bounded.N == 0:
			return report{}, errReport
		case errors.Is(err, io.EOF):
			return r, nil
		case errors.Is(err, io.ErrUnexpectedEOF): // it died in the middle of a word
			return report{}, nil
		case err != nil || r.kind != 0:
			return report{}, errors.Join(errReport, err)
		case kind != partProgress:
			r = report{kind, body}
		case len(body) != 8:
			return report{}, errReport
		default:
			progress.tell(signed(binary.BigEndian.Uint64(body)))
		}
	}
}

func readPart(from io.Reader) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length > maxAnswer {
		return 0, nil, errReport
	}
	body = make([]byte, length)
	if _, err = io.ReadFull(from, body); errors.Is(err, io.EOF) && length > 0 {
		err = io.ErrUnexpectedEOF
	}
	return head[0], body, err
}

// teller bounds how often progress is given on.
type teller struct {
	to    func(done int64)
	last  time.Time
	kept  int64
	owing bool
}

func (t *teller) tell(done int64) {
	t.kept, t.owing = done, true
	if now := time.Now(); now.Sub(t.last) >= tellEvery {
		t.last = now
		t.end()
	}
}

// end gives on what was kept back.
func (t *teller) end() {
	if t.to != nil && t.owing {
		t.to(t.kept)
	}
	t.owing = false
}

// judge puts a task's report into its outcome. An error is the machine's.
func (r report) judge(o *outcome, c confined) error {
	switch r.kind {
	case partAnswer:
		if !json.Valid(r.body) {
			return r.nonsense(o)
		}
		o.answer = r.body
	case partFault:
		fault := new(fileFault)
		if json.Unmarshal(r.body, fault) != nil || fault.Detail == "" {
			return r.nonsense(o)
		}
		o.fault = fault
	case partMachine:
		return fmt.Errorf("confined child: %s: %s", c.Task, clean(r.body))
	case partNoSpace:
		return fmt.Errorf("%w: %s", errNoSpace, clean(r.body))
	case partTooLarge:
		o.limit = c.tooLarge()
	default:
		return r.nonsense(o)
	}
	return nil
}

// nonsense is a child that ended as if all were well and has not said what it had to: a file made it do so.
func (report) nonsense(o *outcome) error {
	o.limit = "Reading it went astray: what came of it makes no sense."
	return nil
}
