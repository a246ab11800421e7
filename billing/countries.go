package billing

import (
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Country is one of ISO 3166, by its code of two letters and its English name.
type Country struct{ Code, Name string }

// Countries are all countries, in the order of their names.
var Countries = sync.OnceValue(func() []Country {
	var list []Country
	names := display.English.Regions()
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			r, err := language.ParseRegion(code)
			if err == nil && r.String() == code && r.IsCountry() && r.Canonicalize() == r && r.ISO3() != "ZZZ" {
				list = append(list, Country{code, names.Name(r)})
			}
		}
	}
	slices.SortFunc(list, func(a, b Country) int { return strings.Compare(a.Name, b.Name) })
	return list
})

// CountryName is a country's English name; empty where there is no such country.
func CountryName(code string) string {
	for _, c := range Countries() {
		if c.Code == code {
			return c.Name
		}
	}
	return ""
}
