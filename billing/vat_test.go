package billing

import (
	"errors"
	"strings"
	"testing"
)

func TestVATIDsAreOfTheirCountry(t *testing.T) {
	for country, f := range vatForms {
		id, err := ParseVATID(country, strings.ToLower(f.example[:3]+" "+f.example[3:]))
		if err != nil || id != f.example {
			t.Errorf("%s: %q, %v", country, id, err)
		}
		if CountryName(country) == "" {
			t.Errorf("%s has no name", country)
		}
		if _, err := ParseVATID(country, f.example+"00000000000000"); !errors.Is(err, ErrVATID) {
			t.Errorf("%s takes a longer one: %v", country, err)
		}
	}
	for _, c := range []struct{ country, id, sentence string }{
		{"DE", "ATU12345678", "a VAT id of Austria, and the address is in Germany: one of there is written as DE123456789."},
		{"GR", "GR123456789", "A VAT id of Greece is written as EL123456789."},
		{"", "DE123456789", "Choose the country first"},
		{"JP", "T-1234567890123!", "2 to 20 letters and digits"},
	} {
		if _, err := ParseVATID(c.country, c.id); err == nil || !strings.Contains(err.Error(), c.sentence) {
			t.Errorf("%s, %s: %v", c.country, c.id, err)
		}
	}
	if n := len(Countries()); n < 240 || n > 265 {
		t.Errorf("%d countries", n)
	}
}

func TestIBANsHaveTheirCheckDigits(t *testing.T) {
	for _, s := range []string{"DE89 3704 0044 0532 0130 00", "gb29nwbk60161331926819", "NO93 8601 1117 947", "MT84MALT011000012345MTLCAST001S"} {
		if iban, err := ParseIBAN(s); err != nil || strings.Contains(iban, " ") {
			t.Errorf("%s: %s, %v", s, iban, err)
		}
	}
	for _, s := range []string{"", "DE89 3704 0044 0532 0130 01", "DE98370400440532013000", "12345678", "DE8937040044053201300Ä"} {
		if iban, err := ParseIBAN(s); !errors.Is(err, ErrIBAN) {
			t.Errorf("%s: %s, %v", s, iban, err)
		}
	}
}
