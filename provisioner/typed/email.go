package typed

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Email is a mail address as it is kept: in lower case and NFC, its domain in the ASCII form (IDNA 2008), so that
// lena@bücher.example and lena@xn--bcher-kva.example are one person, and so are two of which one has something in it that
// cannot be seen. What has no such form is left for who checks it.
func Email(s string) string {
	s = strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, s)
	s = norm.NFC.String(strings.ToLower(strings.TrimFunc(s, isBlank)))
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s
	}
	domain, err := idna.Lookup.ToASCII(s[at+1:])
	if err != nil {
		return s
	}
	return s[:at+1] + domain
}
