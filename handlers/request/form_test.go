package request

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

func form(values url.Values) *Form { return &Form{values: values} }

func TestIntKeepsToItsBounds(t *testing.T) {
	for _, c := range []struct {
		typed string
		want  int
		wrong string
	}{
		{"3", 3, ""},
		{" 1000 ", 1000, ""},
		{"0", 0, "between 1 and 1000"},
		{"-1", 0, "between 1 and 1000"},
		{"1001", 0, "between 1 and 1000"},
		{"99999999999999999999999999", 0, "between 1 and 1000"},
		{"1e3", 0, "whole number"},
		{"3.5", 0, "whole number"},
		{"٣", 3, ""},
		{"1,000", 0, "1,000 can be 1 or 1000: write 1 or 1000"},
		{"1\u00a0000", 1000, ""},
		{"three", 0, "whole number"},
		{"", 0, "Fill in"},
	} {
		f := form(url.Values{"n": {c.typed}})
		got := f.Int("n", "the number", 1, 1000)
		if got != c.want || !strings.Contains(f.wrong["n"], c.wrong) || (c.wrong == "") != (f.Refusal() == nil) {
			t.Errorf("%q: %d %q", c.typed, got, f.wrong["n"])
		}
	}
}

func TestDurationIsExact(t *testing.T) {
	for _, c := range []struct {
		typed string
		want  time.Duration
		wrong bool
	}{
		{"2", 2 * time.Hour, false},
		{"0.1", 6 * time.Minute, false},
		{"1.5", 90 * time.Minute, false},
		{"1,5", 90 * time.Minute, false},
		{"0.333333", 1199 * time.Second, false},
		{".5", 30 * time.Minute, false},
		{"8760", 8760 * time.Hour, false},
		{"0", 0, true},
		{"0.01", 0, true},
		{"8760.1", 0, true},
		{"-1", 0, true},
		{"+1", time.Hour, false},
		{"1,000", 0, true},
		{"1.000", 0, true},
		{"1.2.3", 0, true},
		{"1e3", 0, true},
		{"NaN", 0, true},
		{"Inf", 0, true},
		{"999999999999", 0, true},
		{"0.1234567", 0, true},
		{".", 0, true},
		{"", 0, true},
	} {
		f := form(url.Values{"h": {c.typed}})
		if got := f.Duration("h", "the lease", 6*time.Minute, 8760*time.Hour); got != c.want || c.wrong != (f.Refusal() != nil) {
			t.Errorf("%q: %v %v", c.typed, got, f.wrong)
		}
	}
}

func TestTextAndLines(t *testing.T) {
	f := form(url.Values{
		"good": {" Ada "}, "empty": {"  "}, "long": {strings.Repeat("ä", 81)}, "control": {"a\x00b"}, "broken": {"a\xffb"},
		"lines": {"#!/bin/sh\r\necho\r\n"}, "much": {strings.Repeat("x", 11)}, "nul": {"a\x00"},
	})
	if s := f.Text("good", "a name", 1, 80); s != "Ada" {
		t.Errorf("good = %q", s)
	}
	if s := f.Lines("lines", "user-data", 100); s != "#!/bin/sh\necho\n" {
		t.Errorf("lines = %q", s)
	}
	for _, name := range []string{"empty", "long", "control", "broken"} {
		f.Text(name, "a name", 1, 80)
	}
	f.Lines("much", "user-data", 10)
	f.Lines("nul", "user-data", 10)
	for _, name := range []string{"empty", "long", "control", "broken", "much", "nul"} {
		if f.wrong[name] == "" {
			t.Errorf("%s is taken", name)
		}
	}
	if len(f.wrong) != 6 {
		t.Errorf("wrong: %v", f.wrong)
	}
}

func TestParseFormRefusesWhatIsNoForm(t *testing.T) {
	for body, code := range map[string]string{"a=%zz": "malformed", "a=" + strings.Repeat("x", 200): "too_large"} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		r.Body = http.MaxBytesReader(w, r.Body, 100)
		_, err := ParseForm(echo.New().NewContext(r, w))
		if err == nil || !strings.HasPrefix(err.Error(), code) {
			t.Errorf("%.10s: %v", body, err)
		}
	}
}

func FuzzParseHours(f *testing.F) {
	for _, s := range []string{"1", "1.5", "0,25", "-3", "999999999.999999", ".", "1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := parseHours(s)
		if err == nil && d%time.Second != 0 {
			t.Errorf("%q is %v", s, d)
		}
	})
}

// TestRefusalOfANumberSuitsOneAndMany reads well of a thing that is one and of things that are many.
func TestRefusalOfANumberSuitsOneAndMany(t *testing.T) {
	for _, called := range []string{"the memory", "the vCPUs"} {
		f := form(url.Values{"n": {"1,000"}})
		f.Int("n", called, 1, 1024)
		if want := "Give " + called + " as a whole number between 1 and 1024; "; !strings.HasPrefix(f.wrong["n"], want) {
			t.Errorf("%q does not begin with %q", f.wrong["n"], want)
		}
	}
}
