package main

import (
	"slices"
	"testing"
)

func TestFormFaults(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		posted int
		found  []string
	}{
		"a slip":                  {"<form method=\"post\" action={ f(\">\") }>\n\t@ui.Slip()\n</form>", 1, nil},
		"ui's own":                {"<form method=\"post\">\n@Slip()\n</form>", 1, nil},
		"none":                    {"\n<form method=\"post\"><button/></form>", 1, []string{"x.templ:2: a form that is posted begins with @ui.Slip()"}},
		"not the first":           {"<form method=\"post\"><input/>@ui.Slip()</form>", 1, []string{"x.templ:1: a form that is posted begins with @ui.Slip()"}},
		"the next one's":          {"<form method=\"post\"></form><form method=\"POST\">@ui.Slip()</form>", 2, []string{"x.templ:1: a form that is posted begins with @ui.Slip()"}},
		"a filter":                {"<form method=\"get\"><input/></form><form></form>", 0, nil},
		"posted by a button":      {"<form method=\"get\"><button formmethod=\"post\"></button></form>", 1, []string{"x.templ:1: a form that is posted begins with @ui.Slip()"}},
		"a method that is worked": {"<form method={ m }></form>", 1, []string{"x.templ:1: a form that is posted begins with @ui.Slip()"}},
		"a form that is kept":     {"<form method=\"post\">\n\t@kept(p.Typed)</form>", 1, nil},
	} {
		if n, found := formFaults("x.templ", c.text); n != c.posted || !slices.Equal(found, c.found) {
			t.Errorf("%s: %d, %q", name, n, found)
		}
	}
}
