package billing

import (
	"fmt"
	"strings"
)

// Words gives an amount as it is written out on paper: "forty-five and 07/100 EUR", "twelve JPY".
func (m Money) Words() string {
	places, err := m.Currency.MinorDigits()
	if err != nil {
		return m.String()
	}
	unit := uint64(1)
	for range places {
		unit *= 10
	}
	sign := ""
	if m.Minor < 0 {
		sign = "minus "
	}
	whole, part := magnitude(m.Minor)/unit, magnitude(m.Minor)%unit
	if places == 0 {
		return sign + numberWords(whole) + " " + string(m.Currency)
	}
	return fmt.Sprintf("%s%s and %0*d/%d %s", sign, numberWords(whole), places, part, unit, m.Currency)
}

// numberWords writes a number in English words, by the short scale.
func numberWords(n uint64) string {
	if n == 0 {
		return "zero"
	}
	scales := []string{"", " thousand", " million", " billion", " trillion", " quadrillion", " quintillion"}
	var groups []string
	for i := 0; n > 0; i++ {
		if n%1000 > 0 {
			groups = append([]string{hundredsWords(n%1000) + scales[i]}, groups...)
		}
		n /= 1000
	}
	return strings.Join(groups, " ")
}

// hundredsWords writes 1 to 999.
func hundredsWords(n uint64) string {
	small := []string{
		"", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
		"fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
	}
	tens := []string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
	var words []string
	if n >= 100 {
		words = append(words, small[n/100]+" hundred")
	}
	switch rest := n % 100; {
	case rest == 0:
	case rest < 20:
		words = append(words, small[rest])
	case rest%10 == 0:
		words = append(words, tens[rest/10])
	default:
		words = append(words, tens[rest/10]+"-"+small[rest%10])
	}
	return strings.Join(words, " ")
}
