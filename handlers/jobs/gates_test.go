package jobs

import (
	"bytes"
	"strings"
	"testing"
)

func TestGateTextCountsAfterTheMark(t *testing.T) {
	const boot = "boot\r\nvolary: ready\r\nlogin: "
	long := bytes.Repeat([]byte("x"), consoleLimit-len(boot))
	for _, c := range []struct {
		name        string
		before, now string
		met         bool
	}{
		{"nothing before", "", boot, true},
		{"only what was before", boot, boot, false},
		{"the same words again", boot, boot + boot, true},
		{"a boot under way", boot, boot + "boot\r\n", false},
		{"a log that began anew", boot + boot, boot, true},
		{"long, and no more", string(long) + boot, string(long) + boot, false},
		{"long, and the words again", string(long) + boot, string(long[len(boot)+9:]) + boot + "restart\r\n" + boot, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			line, met := gateLine(afterMark([]byte(c.now), markOf([]byte(c.before))), "volary: ready")
			if met != c.met || met && line != "volary: ready" {
				t.Errorf("met %v with %q, want %v", met, line, c.met)
			}
		})
	}
	if _, met := gateLine(afterMark([]byte(boot), ""), "volary: ready"); !met {
		t.Error("a first start has no mark")
	}
	if line, _ := gateLine([]byte("\x1b[1m"+strings.Repeat("a", 300)+" volary: ready\n"), "volary: ready"); len(line) != 200 || strings.Contains(line, "\x1b") {
		t.Errorf("line %q", line)
	}
}
