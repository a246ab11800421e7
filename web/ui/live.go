package ui

import (
	"fmt"
	"strconv"
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

// SharePart is one part of a Share. Kind is a class: "used", "held", "left", "expired".
type SharePart struct {
	Kind  string
	Value int64
	Words string // what it is, where it is pointed at: "set aside: 14.00 CH"; empty: by its kind
}

type segment struct{ Kind, X, Width, Title string }

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
		share := float64(max(p.Value, 0)) / whole * 100
		if share > 0 {
			list = append(list, segment{p.Kind, fmt.Sprintf("%.3f%%", at), fmt.Sprintf("%.3f%%", share), p.words() + ", " + percent(share)})
		}
		at += share
	}
	return list
}

func (p SharePart) words() string {
	if p.Words != "" {
		return p.Words
	}
	return map[string]string{"used": "used", "held": "kept", "left": "left", "expired": "expired"}[p.Kind]
}

// percent says a share of a picture; what is neither nothing nor all is not said to be.
func percent(share float64) string {
	switch {
	case share > 0 && share < 0.1:
		return "under 0.1 %"
	case share > 99.9 && share < 100:
		return "over 99.9 %"
	default:
		return strings.TrimSuffix(strconv.FormatFloat(share, 'f', 1, 64), ".0") + " %"
	}
}

// HourShares are parts of hours, in milli-compute-seconds, as a Share shows them.
func HourShares(used, held, left, expired int64) []SharePart {
	return []SharePart{
		{"used", used, "used: " + ComputeHours(used)},
		{"held", held, "set aside: " + ComputeHours(held)},
		{"left", left, "left: " + ComputeHours(left)},
		{"expired", expired, "expired: " + ComputeHours(expired)},
	}
}
