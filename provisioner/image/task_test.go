package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// testTasks are what the child of these tests can be told to do besides.
func testTasks() {
	for name, t := range map[string]task{
		"copy": func(in, out *os.File, orders json.RawMessage, tell func(int64)) (any, error) {
			var upper bool
			if err := json.Unmarshal(orders, &upper); err != nil {
				return nil, err
			}
			text, err := io.ReadAll(in)
			if err != nil {
				return nil, err
			}
			for i := range text {
				tell(int64(i))
			}
			if upper {
				text = []byte(strings.ToUpper(string(text)))
			}
			n, err := out.Write(text)
			return map[string]int{"bytes": n}, err
		},
		"fault": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) {
			return nil, fmt.Errorf("member 3: %w", &fileFault{Detail: "It is cut short.", Repair: "Send it again."})
		},
		"machine": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) { return nil, io.ErrNoProgress },
		"panic":   func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) { panic("a bug") },
		"leave":   func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) { os.Exit(0); return nil, nil },
		"loop": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) {
			for { //nolint:revive,staticcheck // it is to spin
			}
		},
		"wait": func(_, _ *os.File, _ json.RawMessage, tell func(int64)) (any, error) {
			tell(1)
			for {
				<-time.NewTimer(time.Hour).C
			}
		},
		"allocate": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) {
			return len(make([]byte, 100<<30)), nil
		},
		"grow": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) {
			var kept [][]byte
			for range 3 << 10 { // bounded, for where the limit is not
				page := make([]byte, 1<<20)
				page[0] = 1
				kept = append(kept, page)
			}
			return len(kept), nil
		},
		"fill": func(_, out *os.File, _ json.RawMessage, _ func(int64)) (any, error) {
			for range 64 {
				if _, err := out.Write(make([]byte, 1<<20)); err != nil {
					return nil, fmt.Errorf("fill: %w", err)
				}
			}
			return "filled", nil
		},
		"answer at length": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) {
			return strings.Repeat("a", 2*maxAnswer), nil
		},
		"flood report": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) {
			for {
				if _, err := syscall.Write(reportFD, append([]byte{partProgress, 0, 0, 0, 8}, make([]byte, 8)...)); err != nil {
					return nil, err
				}
			}
		},
		"report nonsense": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) {
			syscall.Write(reportFD, []byte("no report at all, and long enough"))
			<-time.NewTimer(time.Hour).C
			return nil, nil
		},
		"flood words": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) {
			for range 4096 {
				fmt.Fprint(os.Stderr, strings.Repeat("\xffwords", 4096))
			}
			return "said", nil
		},
	} {
		tasks[name] = t
	}
}

// files makes the two files of a task.
func taskFiles(t *testing.T, text string) (in, out string) {
	t.Helper()
	in, out = filepath.Join(t.TempDir(), "in"), filepath.Join(t.TempDir(), "out")
	for path, text := range map[string]string{in: text, out: ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return in, out
}

func TestTaskAnswersAndWrites(t *testing.T) {
	in, out := taskFiles(t, strings.Repeat("some text ", 1000))
	var mu sync.Mutex
	var told []int64
	o, err := confined{
		Task: "copy", Orders: json.RawMessage("true"), Read: in, Write: out, FileBytes: 1 << 20, CPUSeconds: 60,
		Tell: func(done int64) { mu.Lock(); told = append(told, done); mu.Unlock() },
	}.run(t.Context())
	if err != nil || o.fault != nil || string(o.answer) != `{"bytes":10000}` {
		t.Fatalf("%+v, %v", o, err)
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != strings.Repeat("SOME TEXT ", 1000) {
		t.Errorf("%.40q, %v", got, err)
	}
	if mu.Lock(); len(told) == 0 || len(told) > 1000 {
		t.Errorf("told %d times", len(told))
	}
	mu.Unlock()
}

// A task's refusal, its crash and each limit are faults of the file with sentences of their own; what fails of the machine is an error.
func TestTaskEnds(t *testing.T) {
	for _, c := range []struct {
		confined
		fault, machine string
	}{
		{confined{Task: "fault"}, "It is cut short.", ""},
		{confined{Task: "panic"}, "crash", ""},
		{confined{Task: "leave"}, "makes no sense", ""},
		{confined{Task: "loop", CPUSeconds: 1}, "more than 1 second of processor time", ""},
		{confined{Task: "wait", Wall: time.Second}, "more than 1 second.", ""},
		{confined{Task: "allocate"}, "more than 1 GiB of memory", ""},
		{confined{Task: "grow"}, "more than 1 GiB of memory", ""},
		{confined{Task: "fill", FileBytes: 8 << 20}, "more than 8 MiB", ""},
		{confined{Task: "answer at length"}, "takes 2.0 MiB to tell", ""},
		{confined{Task: "flood report"}, "no program says", ""},
		{confined{Task: "report nonsense"}, "no program says", ""},
		{confined{Task: "machine"}, "", io.ErrNoProgress.Error()},
		{confined{Task: "none of ours"}, "", "no task is called"},
	} {
		t.Run(c.Task, func(t *testing.T) {
			c.Read, c.Write = taskFiles(t, "text")
			c.CPUSeconds = max(c.CPUSeconds, 60*min(1, 1-c.CPUSeconds))
			o, err := c.run(t.Context())
			switch {
			case c.machine != "":
				if err == nil || o.fault != nil || !strings.Contains(err.Error(), c.machine) {
					t.Errorf("%+v, %v", o, err)
				}
			case err != nil || o.fault == nil || o.answer != nil || !strings.Contains(o.fault.Detail, c.fault):
				t.Errorf("%+v, %+v, %v", o, o.fault, err)
			}
			if info, err := os.Stat(c.Write); err != nil || info.Size() > c.FileBytes {
				t.Errorf("%v, %v were written", info, err)
			}
		})
	}
	in, _ := taskFiles(t, "text")
	o, err := confined{Task: "fault", Read: in, CPUSeconds: 60}.run(t.Context())
	if err != nil || o.fault == nil || o.fault.Repair != "Send it again." {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := (confined{Task: "flood words", Read: in, CPUSeconds: 60}).run(t.Context()); err != nil || string(o.answer) != `"said"` || len(o.words) > 96<<10 {
		t.Errorf("%d bytes of words, %s, %v", len(o.words), o.answer, err)
	}
	if _, err := (confined{Task: "fault", Read: in + " that is none", CPUSeconds: 60}).run(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestProgramTellsProgress(t *testing.T) {
	var told []int64
	p := percents{tell: teller{to: func(done int64) { told = append(told, done) }}}
	for _, b := range "    (0.00/100%)\r    (12.34/100%)\r(999.00/100%)(-1/100%)(NaN/100%)(1e1/100%)(" + strings.Repeat("1", 100000) + ")(12.34)(((100.00/100%)\r" {
		p.read([]byte(string(b)))
		p.tell.last = time.Time{}
	}
	if want := "[0 1234 1000 10000]"; fmt.Sprint(told) != want {
		t.Errorf("told %v, want %s", told, want)
	}

	raw := bootable(t, t.TempDir())
	_, out := taskFiles(t, "")
	program, err := findQEMUImg()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var last int64 = -1
	c := confined{
		Program: program, Args: []string{"convert", "-p", "-f", "raw", "-O", "qcow2", raw, out}, Read: raw, Write: out, FileBytes: 64 << 20, CPUSeconds: 60,
		Tell: func(done int64) { mu.Lock(); last = done; mu.Unlock() },
	}
	if o, err := c.run(t.Context()); err != nil || o.status != 0 {
		t.Fatalf("%+v, %v", o, err)
	}
	if mu.Lock(); last != 10000 {
		t.Errorf("told %d at last", last)
	}
	mu.Unlock()
}
