package typed

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/bidi"
)

// Isolate puts a name that is written from right to left into marks that keep it from turning around what stands beside it:
// for sentences and titles, where no element (bdi) can. Other names are as they are.
func Isolate(name string) string {
	for _, r := range name {
		p, _ := bidi.LookupRune(r)
		if c := p.Class(); c == bidi.R || c == bidi.AL {
			return "\u2068" + name + "\u2069"
		}
	}
	return name
}

// mostQuoted is how many characters of what was typed a sentence repeats.
const mostQuoted = 40

// Quoted is what somebody typed, to be repeated in a sentence: in quotation marks, on one line, and cut where it is long.
func Quoted(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.TrimFunc(strings.ToValidUTF8(s, "\uFFFD"), isBlank))
	if runes := []rune(s); len(runes) > mostQuoted {
		s = string(runes[:mostQuoted]) + "…"
	}
	return "“" + Isolate(s) + "”"
}
