package ui

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

func (p LiveProps) id() string {
	if p.ID == uuid.Nil {
		return ""
	}
	return p.ID.String()
}

// Printable makes guest output safe to read: escape sequences are dropped, other controls show as ^G, the
// characters that reorder text as replacement characters, carriage returns end with their lines.
func Printable(text string) string {
	var b strings.Builder
	text = strings.ToValidUTF8(strings.NewReplacer("\r\n", "\n", "\n\r", "\n").Replace(text), "\uFFFD")
	for text != "" {
		if rest, ok := afterEscape(text); ok {
			text = rest
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if r < 0x20 && r != '\n' && r != '\t' || r == 0x7f {
			b.WriteString("^" + string(r^0x40))
			continue
		}
		b.WriteRune(visible(r))
	}
	return b.String()
}

// afterEscape skips a CSI or OSC sequence at the start of text.
func afterEscape(text string) (string, bool) {
	if len(text) < 2 || text[0] != 0x1b {
		return "", false
	}
	switch text[1] {
	case '[':
		for i := 2; i < len(text); i++ {
			if text[i] >= 0x40 && text[i] <= 0x7e {
				return text[i+1:], true
			}
		}
		return "", true
	case ']':
		for i := 2; i < len(text); i++ {
			if text[i] == 0x07 {
				return text[i+1:], true
			}
			if text[i] == 0x1b && i+1 < len(text) && text[i+1] == '\\' {
				return text[i+2:], true
			}
		}
		return "", true
	default:
		return text[2:], true
	}
}

func visible(r rune) rune {
	switch {
	case r >= 0x80 && r < 0xa0, unicode.Is(unicode.Bidi_Control, r):
		return unicode.ReplacementChar
	default:
		return r
	}
}

// ReasonSentence joins a reason with the detail a host gave; empty when there is neither.
func ReasonSentence(r provisioner.Reason, detail string) string {
	text := provisioner.ReasonText(r)
	switch {
	case text == "":
		return detail
	case detail == "":
		return text
	default:
		return text + " (" + detail + ")"
	}
}

// SharePart is one part of a Share. Kind is a class: "used", "held", "left".
type SharePart struct {
	Kind  string
	Value int64
}

type segment struct{ Kind, X, Width string }

// segments lays the parts end to end in percents. Nothing is drawn of a whole of zero.
func segments(parts []SharePart) []segment {
	var whole, at float64
	for _, p := range parts {
		whole += float64(max(p.Value, 0))
	}
	if whole == 0 {
		return nil
	}
	var list []segment
	for _, p := range parts {
		width := float64(max(p.Value, 0)) / whole * 100
		if width > 0 {
			list = append(list, segment{p.Kind, fmt.Sprintf("%.3f%%", at), fmt.Sprintf("%.3f%%", width)})
		}
		at += width
	}
	return list
}
