package typed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// ErrNumber is the sentinel of every text that is no number, or more than one.
var ErrNumber = errors.New("not a number")

// numberError is what is wrong with a number.
type numberError string

func (e numberError) Error() string        { return string(e) }
func (e numberError) Is(target error) bool { return target == ErrNumber }

// Number is a decimal number as it was meant.
type Number struct {
	negative        bool
	whole, fraction string // ASCII digits; the fraction's without noughts at its end
	typed           string // as it was read; empty: nobody typed it
}

// asTyped is how a refusal names the number: in the words of who typed it.
func (n Number) asTyped() string {
	if n.typed == "" {
		return n.String()
	}
	return n.typed
}

// ParseNumber reads a number as the package's document says. The example is named where the text is none at all: "8 or 3.25".
func ParseNumber(s, example string) (Number, error) {
	s = strings.TrimFunc(s, isBlank)
	text, err := plainDigits(s)
	if err != nil {
		return Number{}, err
	}
	n := Number{typed: s}
	if rest, signed := strings.CutPrefix(text, "-"); signed {
		n.negative, text = true, rest
	} else {
		text = strings.TrimPrefix(text, "+")
	}
	unreadable := numberError("write a number such as " + example)
	if isExponent(text) {
		return Number{}, numberError(fmt.Sprintf("%s is written with an exponent: write all its digits", text))
	}
	whole, fraction, split, err := splitFraction(text)
	switch {
	case err != nil:
		return Number{}, err
	case !split, whole == "" && fraction == "":
		return Number{}, unreadable
	}
	n.whole, n.fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	return n, nil
}

// Scaled is the number in units of 10^-places. What is finer, or beyond int64, is an error.
func (n Number) Scaled(places int) (int64, error) {
	if len(n.fraction) > places {
		if places == 0 {
			return 0, numberError(fmt.Sprintf("%s is not a whole number", n.asTyped()))
		}
		return 0, numberError(fmt.Sprintf("at most %s decimals are kept, %s has %d", inWords(places), n.asTyped(), len(n.fraction)))
	}
	sign := ""
	if n.negative {
		sign = "-"
	}
	scaled, err := strconv.ParseInt(sign+"0"+n.whole+n.fraction+strings.Repeat("0", places-len(n.fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", ErrTooLarge, n.asTyped())
	}
	return scaled, nil
}

// ErrTooLarge is a number that no field has room for.
var ErrTooLarge = errors.New("the number is too large")

// String writes the number with a point and no other mark.
func (n Number) String() string {
	s := n.whole
	if s == "" {
		s = "0"
	}
	if n.fraction != "" {
		s += "." + n.fraction
	}
	if n.negative {
		return "-" + s
	}
	return s
}

// Text writes units of 10^-places as a form for the number is filled: ParseNumber reads the same number from it.
func Text(n int64, places int) string {
	digits := fmt.Sprintf("%0*d", places+1, magnitude(n))
	at := len(digits) - places
	number := Number{negative: n < 0, whole: strings.TrimLeft(digits[:at], "0"), fraction: strings.TrimRight(digits[at:], "0")}
	s := number.String()
	if len(number.fraction) == 3 { // they would be taken for a thousand's
		s += "0"
	}
	return s
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func inWords(n int) string {
	words := [...]string{"no", "one", "two", "three", "four", "five", "six"}
	if n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}

// isBlank tells what is typed around a value without being part of it: blanks, and what pasting brings along unseen.
func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// The marks of a number after plainDigits: '.' and ',' are as typed, '_' stands for a blank, an ASCII one for any apostrophe, and '٫'
// and '٬' have one meaning wherever they are used.
const thousands = "_'٬"

// plainDigits writes digits of any one script in ASCII, and each kind of mark as one character.
func plainDigits(s string) (string, error) {
	var b strings.Builder
	script := rune(-1)
	for _, r := range s {
		if value, zero, ok := digit(r); ok {
			if script >= 0 && script != zero {
				return "", numberError("its digits are of different scripts: write it with one kind of digits")
			}
			script = zero
			b.WriteByte(byte('0' + value))
			continue
		}
		switch {
		case r == '_':
			b.WriteRune('?') // our own sign for a blank
		case unicode.Is(unicode.Zs, r):
			b.WriteByte('_')
		case strings.ContainsRune("'\u2019\u02bc\uff07", r):
			b.WriteByte('\'')
		case strings.ContainsRune("-\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d", r):
			b.WriteByte('-')
		case r == '\uff0e':
			b.WriteByte('.')
		case r == '\uff0c':
			b.WriteByte(',')
		case r == '\uff0b':
			b.WriteByte('+')
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), nil
}

// digit gives a decimal digit's value and its script's nought.
func digit(r rune) (value, zero rune, ok bool) {
	if !unicode.IsDigit(r) {
		return 0, 0, false
	}
	for _, t := range unicode.Nd.R16 {
		if lo, hi := rune(t.Lo), rune(t.Hi); lo <= r && r <= hi {
			return (r - lo) % 10, r - (r-lo)%10, true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if lo, hi := rune(t.Lo), rune(t.Hi); lo <= r && r <= hi {
			return (r - lo) % 10, r - (r-lo)%10, true
		}
	}
	return 0, 0, false
}

func isExponent(s string) bool {
	mantissa, exponent, found := strings.Cut(strings.ToLower(s), "e")
	return found && isDigits(strings.TrimLeft(exponent, "+-")) && isDigits(strings.Map(func(r rune) rune {
		if r == '.' || r == ',' {
			return -1
		}
		return r
	}, mantissa))
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// splitFraction finds the mark of the fraction, and takes away those of thousands; ok is false for what is no number.
func splitFraction(s string) (whole, fraction string, ok bool, err error) {
	at := strings.LastIndexAny(s, ".,٫")
	if at < 0 {
		whole, ok = ungrouped(s, thousands)
		return whole, "", ok, nil
	}
	mark, head := firstRune(s[at:]), s[:at]
	fraction = s[at+len(string(mark)):]
	if strings.ContainsRune(head, mark) { // 1,000,000: the mark of thousands, more than once
		whole, ok = ungrouped(s, string(mark))
		return whole, "", ok && mark != '٫', nil
	}
	if !isDigits(fraction) {
		return "", "", false, nil
	}
	if head == "" || isDigits(head) {
		return head, fraction, true, oneReading(s, head, fraction, mark)
	}
	whole, ok = ungrouped(head, thousands+".,")
	return whole, fraction, ok, nil
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}

// ungrouped joins groups of thousands, all parted by the same one of the marks; digits alone are as they are.
func ungrouped(s, marks string) (string, bool) {
	at := strings.IndexAny(s, marks)
	if at < 0 {
		return s, isDigits(s)
	}
	groups := strings.Split(s, string(firstRune(s[at:])))
	for i, g := range groups {
		if !isDigits(g) || len(g) > 3 || i > 0 && len(g) != 3 {
			return "", false
		}
	}
	return strings.Join(groups, ""), groups[0][0] != '0'
}

// oneReading refuses a number whose only mark may part thousands as well as the fraction.
func oneReading(s, head, fraction string, mark rune) error {
	if mark == '٫' || len(fraction) != 3 || len(head) > 3 || strings.Trim(head, "0") == "" {
		return nil
	}
	small := Number{whole: strings.TrimLeft(head, "0"), fraction: strings.TrimRight(fraction, "0")}
	way := small.String()
	if len(small.fraction) == 3 { // the same three digits would be refused again
		way += "0"
	}
	large := Number{whole: strings.TrimLeft(head+fraction, "0")}
	return numberError(fmt.Sprintf("%s can be %s or %s: write %s or %s", s, small, large, way, large))
}
