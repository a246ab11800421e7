package typed

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain is a stranger's text as it may stand in a sentence of ours, on a page, in a mail or in a log: what is no UTF-8, what turns the line
// around and what controls (but tabs and line breaks) is replaced, so that it can neither be read otherwise than it stands nor reach a terminal.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case directs(r), unicode.IsControl(r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}
