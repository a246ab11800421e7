package acceptance

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	excerptLines = 60
	excerptBytes = 6 << 10
)

// escape is what terminals take for commands: ECMA-48 control sequences and operating system commands.
var escape = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[@-Z\\\\^_])")

// Excerpt makes the end of a console log printable: without control sequences, one line a line, not too long.
func Excerpt(console []byte) string {
	text := escape.ReplaceAllString(strings.ToValidUTF8(string(console), "\uFFFD"), "")
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ReplaceAll(text, "\r\n", "\n"))
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	text = strings.Join(lines[max(0, len(lines)-excerptLines):], "\n")
	for from := max(0, len(text)-excerptBytes); from < len(text); from++ {
		if utf8.RuneStart(text[from]) {
			return text[from:]
		}
	}
	return ""
}
