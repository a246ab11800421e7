package userdata_test

import (
	"strings"
	"testing"

	"volary.dev/provisioner/userdata"
)

// What PyYAML's safe loader (6.0, Debian 12's) makes something of, and what ends it.
func TestWordsArePythons(t *testing.T) {
	for _, value := range []string{
		"2026-11-30", "2026-1-1", "2026-13-1", "2024-02-29", "2026-01-01 1:2:3", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43 +1", "9999-12-31T23:59:59Z", `"2026-13-45"`, "'='",
		"08", "0o7", "0x1f", "-0b1", "1_:2", "1:2:3.", "0b2", "._1", "!!int 0x_f", "!!int 1:30", "!!float 1", "!!float .5", "!!float -.inf", "!!bool On", "!!null x", "!!timestamp 2026-1-1",
		`!!binary "aGk="`, "!!omap [a: 1]", "!!pairs [a: 1]", "!!set {a}", "! x", "{<<: {b: 1}}", "{x: &x {b: 1}, <<: *x}", "{<<: [{a: 1}, {b: 2}]}", "{'<<': 3}", "|\n  =\n", ">-\n  2026-13-45\n",
	} {
		if r := userdata.Check("#cloud-config\nkey: " + value + "\n"); r != nil {
			t.Errorf("%s is refused: %s", value, r.Fields[userdata.Field])
		}
	}
	for value, want := range map[string]string{
		"2026-13-45": "date", "2026-02-30": "date", "2023-02-29": "date", "0000-01-01": "date", "2026-01-01T25:00:00": "time", "2026-12-31 24:00:00": "time", "2001-12-14 21:59:60": "time",
		"2026-01-01T00:00:00+25:00": "time", "2026-01-01T00:60:00Z": "time", "=": "quotation marks", "[a, =]": "quotation marks", "0x_": "no digit", "-0b__": "no digit",
		"!!int foo": "!!int", "!!int 1.5": "!!int", `!!int ""`: "!!int", `!!int "0x"`: "!!int", "!!float x": "!!float", "!!bool zz": "!!bool", "!!timestamp x": "!!timestamp", "!!binary aGk": "!!binary",
		"!!set [a]": "!!set", "!!omap {a: 1}": "!!omap", "!!pairs x": "!!pairs", "!!str [a]": "!!str", "!!seq x": "!!seq", "!!map [1]": "!!map", "{<<: 3}": "<<", "{<<: [1]}": "<<", "{x: &x 3, <<: *x}": "<<",
	} {
		if r := userdata.Check("#cloud-config\nkey: " + value + "\n"); r == nil || !strings.Contains(r.Fields[userdata.Field], want) || !strings.Contains(r.Fields[userdata.Field], "line 2") {
			t.Errorf("%s: %v, want %q in line 2", value, r, want)
		}
	}
}
