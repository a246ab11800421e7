package loops

import (
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for line, want := range map[string]string{
		"volary: ready\r\n":                       "volary: ready",
		"\x1b[1m" + strings.Repeat("a", 300):      "[1m" + strings.Repeat("a", 197),
		strings.Repeat("a", 199) + "\u00e9\xff\n": strings.Repeat("a", 199),
	} {
		if got := printable([]byte(line)); got != want {
			t.Errorf("%q is shown as %q, want %q", line, got, want)
		}
	}
}
