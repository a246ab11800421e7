package qemu

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// TestConsoleIsBounded has a guest write more than is kept, and finds what it wrote first as long as it was looked for in time.
func TestConsoleIsBounded(t *testing.T) {
	const most = 512 << 10
	path := filepath.Join(t.TempDir(), "console.log")
	c, err := newConsole(path, most)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	guest, ours := net.Pipe()
	followed := make(chan bool, 1)
	go func() {
		c.follow(ours)
		followed <- true
	}()
	write := func(text string) {
		t.Helper()
		if _, err := io.WriteString(guest, text); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(q provisioner.ConsoleQuery) provisioner.ConsoleText {
		t.Helper()
		q.Find = []string{"volary: "}
		a, err := c.answer(q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	write("\x1b[1mvolary: ready\x1b[0m\r\nvolary: half")
	var first provisioner.ConsoleText
	waittest.Until(t, "what was written", func() bool { first = ask(provisioner.ConsoleQuery{Tail: 4}); return string(first.Tail) == "half" })
	if len(first.Lines) != 2 || string(first.Lines[0]) != "volary: ready\n" {
		t.Errorf("lines %q", first.Lines)
	}
	write(" a line\r\n")
	waittest.Until(t, "the rest of the line", func() bool {
		a := ask(provisioner.ConsoleQuery{After: first.Next})
		return len(a.Lines) == 1 && string(a.Lines[0]) == "volary: half a line\n"
	})
	viewer, ok := c.attach()
	if !ok {
		t.Fatal("nobody is there to look at")
	}
	line := strings.Repeat("x", 1023) + "\n"
	for i := range 3 * most / len(line) {
		write(line)
		if i%100 == 0 {
			write(fmt.Sprintf("volary: %d\n", i))
		}
	}
	write("the end")
	waittest.Until(t, "the last words", func() bool { return bytes.HasSuffix(ask(provisioner.ConsoleQuery{Tail: 100}).Tail, []byte("the end")) })
	last := ask(provisioner.ConsoleQuery{After: first.Next})
	kept, _ := filepath.Glob(path + "*")
	size := int64(0)
	for _, file := range kept {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 2*most || size < most || last.Kept != size {
		t.Errorf("%d bytes in %v are kept of %d, told are %d", size, kept, c.written, last.Kept)
	}
	if n := len(last.Lines); n < 2 || strings.Contains(string(last.Lines[0]), "ready") || !strings.HasSuffix(string(last.Lines[n-1]), "00\n") {
		t.Errorf("%d lines, the first %q", n, last.Lines[0])
	}
	if a := ask(provisioner.ConsoleQuery{After: last.End}); len(a.Lines) > 0 || a.Next != last.End && a.Next != last.Next {
		t.Errorf("after the end: %+v", a)
	}
	_ = guest.Close()
	waittest.Receive(t, "the end of the console", followed)
	seen, err := io.ReadAll(viewer)
	if err != nil || len(seen) > consoleBuffer || !bytes.HasSuffix(seen, []byte("the end")) {
		t.Errorf("a viewer that did not read got %d bytes, %v", len(seen), err)
	}
	if _, ok := c.attach(); ok {
		t.Error("a machine that is off can be looked at")
	}
}
