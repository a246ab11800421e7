package refusal

import (
	"strconv"
	"time"
)

// thinSpace separates thousands and never breaks a line.
const thinSpace = '\u202f'

// Plural puts a number before the word for it: "1 node", "3 nodes", "12 000 hours". It is the one place where a sentence or
// a page chooses between the two.
func Plural[T ~int | ~int64](n T, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Lasting writes a length of time in the largest unit of which it is a whole number: "12 hours", "90 minutes", "1 second".
func Lasting(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return Plural(int64(d/time.Hour), "hour", "hours")
	case d >= time.Minute && d%time.Minute == 0:
		return Plural(int64(d/time.Minute), "minute", "minutes")
	}
	return Plural(int64(d/time.Second), "second", "seconds")
}

// Count writes an integer with a narrow space between thousands and a real minus sign.
func Count[T ~int | ~int64 | ~uint32](n T) string {
	digits, sign := strconv.FormatInt(int64(n), 10), ""
	if digits[0] == '-' {
		digits, sign = digits[1:], "−"
	}
	out := []rune(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, thinSpace)
		}
		out = append(out, d)
	}
	return string(out)
}
