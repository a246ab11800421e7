package billing

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The sentinels of what is no VAT id of its country, and no IBAN. The errors are sentences for the person who typed it.
var (
	ErrVATID = errors.New("no VAT id of the country")
	ErrIBAN  = errors.New("no IBAN")
)

// typedError is a sentence about what was typed, of a sentinel.
type typedError struct {
	of       error
	sentence string
}

func (e typedError) Error() string        { return e.sentence }
func (e typedError) Is(target error) bool { return target == e.of }

func wrong(of error, format string, args ...any) error {
	return typedError{of, fmt.Sprintf(format, args...)}
}

// vatForm is how the VAT ids of a country are written: their first letters, what follows, and one that is well-formed.
type vatForm struct {
	prefix  string
	rest    *regexp.Regexp
	example string
}

func form(prefix, rest, example string) vatForm {
	return vatForm{prefix, regexp.MustCompile("^(" + rest + ")$"), example}
}

// vatForms are the forms by country: those of the EU, as its VIES service has them, and of neighbours.
var vatForms = map[string]vatForm{
	"AT": form("AT", `U\d{8}`, "ATU12345678"), "BE": form("BE", `[01]\d{9}`, "BE0123456789"), "BG": form("BG", `\d{9,10}`, "BG123456789"),
	"CY": form("CY", `\d{8}[A-Z]`, "CY12345678X"), "CZ": form("CZ", `\d{8,10}`, "CZ12345678"), "DE": form("DE", `\d{9}`, "DE123456789"),
	"DK": form("DK", `\d{8}`, "DK12345678"), "EE": form("EE", `\d{9}`, "EE123456789"), "GR": form("EL", `\d{9}`, "EL123456789"),
	"ES": form("ES", `[A-Z0-9]\d{7}[A-Z0-9]`, "ESX12345678"), "FI": form("FI", `\d{8}`, "FI12345678"), "FR": form("FR", `[A-HJ-NP-Z0-9]{2}\d{9}`, "FR12345678901"),
	"HR": form("HR", `\d{11}`, "HR12345678901"), "HU": form("HU", `\d{8}`, "HU12345678"), "IE": form("IE", `\d{7}[A-W][A-IW]?|\d[A-Z+*]\d{5}[A-W]`, "IE1234567WA"),
	"IT": form("IT", `\d{11}`, "IT12345678901"), "LT": form("LT", `\d{9}|\d{12}`, "LT123456789"), "LU": form("LU", `\d{8}`, "LU12345678"),
	"LV": form("LV", `\d{11}`, "LV12345678901"), "MT": form("MT", `\d{8}`, "MT12345678"), "NL": form("NL", `\d{9}B\d{2}`, "NL123456789B01"),
	"PL": form("PL", `\d{10}`, "PL1234567890"), "PT": form("PT", `\d{9}`, "PT123456789"), "RO": form("RO", `\d{2,10}`, "RO1234567890"),
	"SE": form("SE", `\d{12}`, "SE123456789001"), "SI": form("SI", `\d{8}`, "SI12345678"), "SK": form("SK", `\d{10}`, "SK1234567890"),
	"CH": form("CHE", `\d{9}(MWST|TVA|IVA)?`, "CHE123456789MWST"), "GB": form("GB", `\d{9}|\d{12}|(GD|HA)\d{3}`, "GB123456789"), "NO": form("NO", `\d{9}(MVA)?`, "NO123456789MVA"),
}

var plainVATID = regexp.MustCompile(`^[A-Z0-9]{2,20}$`)

// ParseVATID reads a VAT id as one of a country, without blanks, dots, hyphens and strokes. Of countries whose form is not known 2 to 20
// letters and digits are taken. It looks at the form alone: whether somebody has the id, no form tells.
func ParseVATID(country, s string) (string, error) {
	id := strings.ToUpper(strings.NewReplacer(" ", "", "\u00a0", "", ".", "", "-", "", "/", "").Replace(s))
	if country == "" {
		return "", wrong(ErrVATID, "Choose the country first: each writes its VAT ids in another way.")
	}
	f, known := vatForms[country]
	if !known {
		if !plainVATID.MatchString(id) {
			return "", wrong(ErrVATID, "Write the VAT id in 2 to 20 letters and digits.")
		}
		return id, nil
	}
	rest, ours := strings.CutPrefix(id, f.prefix)
	if ours && f.rest.MatchString(rest) {
		return id, nil
	}
	for other, o := range vatForms {
		if rest, theirs := strings.CutPrefix(id, o.prefix); theirs && other != country && o.rest.MatchString(rest) {
			return "", wrong(ErrVATID, "%s is a VAT id of %s, and the address is in %s: one of there is written as %s.", id, CountryName(other), CountryName(country), f.example)
		}
	}
	return "", wrong(ErrVATID, "A VAT id of %s is written as %s.", CountryName(country), f.example)
}

var ibanForm = regexp.MustCompile(`^[A-Z]{2}\d{2}[A-Z0-9]{8,30}$`)

// ParseIBAN reads an international bank account number, without blanks, and looks at its check digits (ISO 13616).
func ParseIBAN(s string) (string, error) {
	iban := strings.ToUpper(strings.NewReplacer(" ", "", "\u00a0", "").Replace(s))
	if !ibanForm.MatchString(iban) {
		return "", wrong(ErrIBAN, "Write the country’s two letters, two check digits and the account, such as DE89 3704 0044 0532 0130 00.")
	}
	rest := 0
	for _, r := range iban[4:] + iban[:4] {
		digit := int(r - '0')
		if r >= 'A' {
			digit = int(r-'A') + 10
			rest *= 10
		}
		rest = (rest*10 + digit) % 97
	}
	if rest != 1 {
		return "", wrong(ErrIBAN, "The check digits of this IBAN do not fit: a digit is another one, or two are swapped.")
	}
	return iban, nil
}

// InEU tells whether a country is a member of the EU's VAT area, by its two letters.
func InEU(country string) bool {
	_, known := vatForms[country]
	return known && country != "CH" && country != "GB" && country != "NO"
}
