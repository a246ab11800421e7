package refusal

import "strconv"

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
