package typed

import (
	"strings"
	"testing"
)

func TestInternationalNamesAreShownWhereTheyAreSafe(t *testing.T) {
	for in, want := range map[string]string{
		"xn--bcher-kva.example":               "bücher.example",
		"host-1.xn--bcher-kva.example":        "host-1.bücher.example",
		"xn--e1afmkfd.example":                "пример.example",
		"xn--r8jz45g.example":                 "例え.example",
		"xn--mgbh0fb.example":                 "مثال.example",
		"xn--80ak6aa92e.example":              "xn--80ak6aa92e.example", // аррӏе, which looks like apple
		"xn--pypal-4ve.example":               "xn--pypal-4ve.example",  // pаypal with one Cyrillic letter
		"xn--zzzzzzzzzzz---.example":          "xn--zzzzzzzzzzz---.example",
		"xn--.example":                        "xn--.example",
		"host-1.example":                      "host-1.example",
		"2001:db8::1":                         "2001:db8::1",
		"192.0.2.1":                           "192.0.2.1",
		"":                                    "",
		"xn--e1afmkfd.xn--80ak6aa92e.example": "xn--e1afmkfd.xn--80ak6aa92e.example",
	} {
		if got := ShownHost(in); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"lena@xn--bcher-kva.example": "lena@bücher.example", "ada@example.org": "ada@example.org", "no address": "no address", "@": "@",
	} {
		if got := ShownEmail(in); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"https://xn--bcher-kva.example:8443/xn--bcher-kva.example/a.qcow2": "https://bücher.example:8443/xn--bcher-kva.example/a.qcow2",
		"https://[2001:db8::1]/a": "https://[2001:db8::1]/a", "no address": "no address", "%": "%",
	} {
		if got := ShownAddress(in); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"Bücher.example": "xn--bcher-kva.example", "host-1": "host-1", "b\u202e.example": "b\u202e.example"} {
		if got := HostASCII(in); got != want {
			t.Errorf("%s is kept as %s, want %s", in, got, want)
		}
	}
}

func FuzzShownHost(f *testing.F) {
	for _, s := range []string{"xn--bcher-kva.example", "xn--80ak6aa92e.example", "a.b", "xn--", "[::1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if shown := ShownHost(s); shown != s && HostASCII(shown) != strings.ToLower(s) {
			t.Errorf("%q is shown as %q", s, shown)
		}
	})
}
