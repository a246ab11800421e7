package nethook

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

var someNode = uuid.MustParse("0192f0c1-0000-7000-8000-00000000000a")

// logFolder is a folder with the files of a console, the newest first.
func logFolder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, text := range files {
		name := consoleName(someNode)
		if i > 0 {
			name = fmt.Sprintf("%s.%d", name, i-1)
		}
		writeFile(t, filepath.Join(dir, name), text)
	}
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// roll does what virtlogd does: the oldest goes, the others get the next number, a new file begins.
func roll(t *testing.T, dir, text string) {
	t.Helper()
	base := filepath.Join(dir, consoleName(someNode))
	_ = os.Remove(base + ".1")
	if _, err := os.Stat(base + ".0"); err == nil {
		if err := os.Rename(base+".0", base+".1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(base, base+".0"); err != nil {
		t.Fatal(err)
	}
	writeFile(t, base, text)
}

func add(t *testing.T, dir, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, consoleName(someNode)), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func look(t *testing.T, dir string, c Console) ConsoleAnswer {
	t.Helper()
	c.ID = someNode
	a := consoles(dir, []Console{c})[0]
	if a.Error != "" {
		t.Fatal(a.Error)
	}
	return a
}

func TestTailGoesOverFiles(t *testing.T) {
	dir := logFolder(t, "newest", "older ", "oldest ")
	a := look(t, dir, Console{Tail: 9})
	if string(a.Tail) != "er newest" || a.Kept != int64(len("oldest older newest")) {
		t.Errorf("tail %q of %d", a.Tail, a.Kept)
	}
	if a := look(t, t.TempDir(), Console{Tail: 9, Find: []string{"x"}}); a.Kept != 0 || a.End != "" || a.Next != "" {
		t.Errorf("of a console that is not there: %+v", a)
	}
	writeFile(t, filepath.Join(dir, consoleName(someNode)), strings.Repeat("x", 1<<20))
	if a := look(t, dir, Console{Tail: 1 << 30}); len(a.Tail) != MaxTail {
		t.Errorf("a tail of %d bytes, want %d at most", len(a.Tail), MaxTail)
	}
}

func TestTextCountsBehindTheMark(t *testing.T) {
	const boot = "boot\r\nvolary: ready\r\nlogin: "
	find := []string{"volary: ready"}
	for _, c := range []struct {
		name, before string
		then         func(dir string)
		lines        int
	}{
		{"only what was before", boot, func(string) {}, 0},
		{"the same words again", boot, func(dir string) { add(t, dir, boot) }, 1},
		{"a boot under way", boot, func(dir string) { add(t, dir, "boot\r\n") }, 0},
		{"much behind the words", boot, func(dir string) { add(t, dir, boot+strings.Repeat("chatter\n", 40<<10)) }, 1},
		{"rolled over", boot, func(dir string) { roll(t, dir, "boot\r\n") }, 0},
		{"rolled over twice, and the words again", boot, func(dir string) { roll(t, dir, "a"+boot); roll(t, dir, "b") }, 1},
		{"rolled over until the mark is gone", boot, func(dir string) {
			for range 4 {
				roll(t, dir, boot)
			}
		}, 3},
		{"another log of the same file", boot, func(dir string) {
			if err := os.Truncate(filepath.Join(dir, consoleName(someNode)), 0); err != nil {
				t.Fatal(err)
			}
			add(t, dir, "another"+boot+"and more")
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := logFolder(t, c.before)
			mark := look(t, dir, Console{}).End
			c.then(dir)
			if a := look(t, dir, Console{Find: find, After: mark}); len(a.Lines) != c.lines {
				t.Errorf("%d lines %q, want %d", len(a.Lines), a.Lines, c.lines)
			}
		})
	}
	dir := logFolder(t, boot+"volary: re")
	next := look(t, dir, Console{Find: find}).Next
	add(t, dir, "ady\n")
	if a := look(t, dir, Console{Find: find, After: next}); len(a.Lines) != 1 || string(a.Lines[0]) != "login: volary: ready\n" {
		t.Errorf("a line that was half there is %q", a.Lines)
	}
}

// A text is found as a person sees it, also where it comes in two parts, cut anywhere.
func TestATextIsFoundBetweenColours(t *testing.T) {
	const seen = "Reached target multi-user.target"
	for _, line := range []string{
		"[\033[0;32m  OK  \033[0m] Reached target \033[0;1;39mmulti-user.target\033[0m - Multi-User System.\r\n",
		"\033]0;title\aReached \033(Btarget\033[K multi\033[1m-\033[mu\x00ser.targeX\bt\r\n",
		"\033P1$r0m\033\\Reached\033[?2004h tar\033\033[1mge\033\033[mt\0337 multi\033[38;2;255;0;0m-\033%Gus\016er\017.target\r\n",
		"\033_apc\033\\\033^pm\033\\Reached target mulö\bti\033[0m\033[Kß€\b\b-user.\033[3\033[1mtarget\r\n",
	} {
		for cut := range len(line) + 1 {
			dir := logFolder(t, line[:cut])
			first := look(t, dir, Console{Find: []string{seen}})
			add(t, dir, line[cut:])
			second := look(t, dir, Console{Find: []string{seen}, After: first.Next})
			if len(first.Lines)+len(second.Lines) == 0 {
				t.Errorf("cut at %d: %q is not found", cut, line)
			}
		}
	}
	coloured := "x" + strings.Repeat("\033[0;1;39ma", 100)
	for _, cut := range []int{500, 501, 502, 503, 600, 901} {
		dir := logFolder(t, strings.Repeat("y", maxUnended)+coloured[:cut])
		next := look(t, dir, Console{Find: []string{"x"}}).Next
		add(t, dir, coloured[cut:])
		if a := look(t, dir, Console{Find: []string{strings.Repeat("a", 100)}, After: next}); len(a.Lines) != 1 {
			t.Errorf("cut at %d of a long line: %d lines", cut, len(a.Lines))
		}
	}
	if a := look(t, logFolder(t, "\033]0;never ended\n"+seen+"\n"), Console{Find: []string{seen}}); len(a.Lines) != 1 {
		t.Error("a sequence that is left open hides the next line")
	}
}

func TestLinesAreBounded(t *testing.T) {
	long := strings.Repeat("a", 5000) + "here" + strings.Repeat("b", 5000)
	dir := logFolder(t, strings.Repeat("here\n", 100)+long)
	a := look(t, dir, Console{Find: []string{"here", "ere"}})
	if len(a.Lines) != maxLines || len(a.Lines[maxLines-1]) > 2*maxLineReach+4 || string(a.Lines[0]) != "here\n" {
		t.Errorf("%d lines, the last of %d bytes", len(a.Lines), len(a.Lines[len(a.Lines)-1]))
	}
}

// TestOnlyFilesAreOpened lays what a guest cannot make, but whoever may write into the folder can.
func TestOnlyFilesAreOpened(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	writeFile(t, secret, "secret")
	dir := t.TempDir()
	for what, lay := range map[string]func(path string) error{
		"a link": func(path string) error { return os.Symlink(secret, path) },
		"a pipe": func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a folder": func(path string) error {
			return os.Mkdir(path, 0o700)
		},
	} {
		path := filepath.Join(dir, consoleName(someNode))
		if err := lay(path); err != nil {
			t.Fatal(err)
		}
		if a := consoles(dir, []Console{{ID: someNode, Tail: 10}})[0]; !strings.Contains(a.Error, "not a regular file") || len(a.Tail) > 0 {
			t.Errorf("%s: %+v", what, a)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoGuestMakesAnImageOfAnAnswer writes every magic at every place where libvirt or QEMU looks for one.
func TestNoGuestMakesAnImageOfAnAnswer(t *testing.T) {
	magics := []string{
		"QFI\xfb\x00\x00\x00\x03", "QFI\xfb\x00\x00\x00\x02", "QFI\xfb\x00\x00\x00\x01", "KDMV", "COWD", "# Disk DescriptorFile", "\x7f\x10\xda\xbe",
		"conectix", "vhdxfile", "LUKS\xba\xbe", "CD001", "BEA01", "QED\x00", "WithoutFreeSpace", "WithouFreSpacExt", "OOOM", "Bochs Virtual HD Image",
		"\x55\xaa", "EFI PART",
	}
	for _, magic := range magics {
		h := newHook(t, &recorder{})
		h.consoles = logFolder(t, strings.Repeat(magic, MaxTail/len(magic)+1))
		b := h.asked(t, Question{Nonce: "5f1c9a0e", Consoles: []Console{{ID: someNode, Tail: MaxTail, Find: []string{magic}}}})
		if bytes.Contains(b, []byte(magic)) || !bytes.HasPrefix(b, []byte(`{"protocol":`)) {
			t.Errorf("%q stands in the answer", magic)
		}
		for _, at := range []int{0, 64, 510, 512, 0x8001} {
			if len(b) > at && bytes.HasPrefix(b[at:], []byte(magic)) {
				t.Errorf("%q stands at %d", magic, at)
			}
		}
		a, err := ParseAnswer(b)
		if err != nil || !strings.Contains(string(a.Consoles[0].Tail), magic) {
			t.Errorf("%q did not come through: %v", magic, err)
		}
	}
}
