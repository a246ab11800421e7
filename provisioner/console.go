package provisioner

import (
	"bytes"
	"unicode/utf8"

	"github.com/google/uuid"
)

// ConsoleTail is the most that is read of the end of a console at once.
const ConsoleTail = 64 << 10

// ConsoleQuery asks for what a node wrote to its console since it was made.
type ConsoleQuery struct {
	Node uuid.UUID
	Tail int64 // at most so many bytes from its end, and at most ConsoleTail
	// Find asks for the lines with one of these texts that were written after the mark After: of all that the host keeps,
	// not of the tail alone, and in them of what a person sees (VisibleText). An empty mark stands before everything, as does
	// one whose place is no longer kept.
	Find  []string
	After string
}

// ConsoleText is what a host keeps of a node's console. The bytes are the guest's: hostile. A node that is not on the host, or
// has written nothing, has a zero ConsoleText.
type ConsoleText struct {
	Kept  int64 // bytes that lie on the host
	Tail  []byte
	Lines [][]byte // as VisibleText, in their order, the last 32 at most; a complete line ends with its line feed
	// End is a mark of where the console ends now, Next of where a search goes on: a line that was not complete is searched
	// again. Marks stay good while the host rolls its files over.
	End, Next string
}

// mostSequence is the longest control sequence that is recognized, in bytes: what is longer is none.
const mostSequence = 256

// VisibleText gives what a person sees of a console's bytes: without control sequences (ECMA-48: colours, titles, movements
// of the cursor) and control characters. Line feeds and tabs stay, a backspace takes the character before it away, and a
// return to the line's beginning is a blank. Bytes that are cut within a sequence keep its beginning out.
func VisibleText(b []byte) []byte {
	text := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		n := controlSequence(b[i:])
		if n > 0 {
			i += n
			continue
		}
		switch c := b[i]; {
		case c == '\b' && len(text) > 0 && text[len(text)-1] != '\n':
			_, last := utf8.DecodeLastRune(text)
			text = text[:len(text)-last]
		case c == '\r' && i+1 < len(b) && b[i+1] != '\n' && b[i+1] != '\r':
			text = append(text, ' ')
		case c == '\n' || c == '\t' || c >= ' ' && c != 0x7f:
			text = append(text, c)
		}
		i++
	}
	return text
}

// FindOnConsole looks for a text in what a person sees of a console's bytes, line by line as hosts do (ConsoleQuery.Find): the last line
// with it and its number, 1 being the first; 0 where there is none; and how many lines there are.
func FindOnConsole(b []byte, text string) (line []byte, number, lines int) {
	for l := range bytes.Lines(VisibleText(b)) {
		lines++
		if bytes.Contains(l, []byte(text)) {
			line, number = bytes.TrimRight(l, "\r\n"), lines
		}
	}
	return line, number, lines
}

// ConsoleCut gives the greatest place in a console's bytes, at most at, that is not within a control sequence.
func ConsoleCut(b []byte, at int) int {
	for i := max(0, at-mostSequence); i < at; {
		n := max(controlSequence(b[i:]), 1)
		if i+n > at {
			return i
		}
		i += n
	}
	return at
}

// controlSequence gives the length of the control sequence that b begins with, as much of it as is there; 0 for none. It
// never reaches over a line feed: what a guest leaves open does not hide its next lines.
func controlSequence(b []byte) int {
	if b[0] != 0x1b {
		return 0
	}
	b = b[:min(len(b), mostSequence)]
	if end := bytes.IndexByte(b, '\n'); end >= 0 {
		b = b[:end]
	}
	if len(b) == 1 || b[1] < 0x20 { // an escape that another one, or a control character, takes back
		return 1
	}
	switch b[1] {
	case '[': // CSI: parameters and intermediates, then a final byte
		for i := 2; i < len(b); i++ {
			if b[i] >= 0x40 && b[i] <= 0x7e {
				return i + 1
			}
			if b[i] < 0x20 {
				return i // broken off
			}
		}
		return len(b)
	case ']', 'P', 'X', '^', '_': // OSC, DCS, SOS, PM, APC: a string until BEL or ESC \
		for i := 2; i < len(b); i++ {
			if b[i] == '\a' {
				return i + 1
			}
			if b[i] == 0x1b {
				return min(i+2, len(b))
			}
		}
		return len(b)
	}
	for i := 1; i < len(b); i++ { // an escape with intermediates and a final byte: ESC ( B
		if b[i] < 0x20 || b[i] > 0x2f {
			return i + 1
		}
	}
	return len(b)
}
