package billing_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"volary.dev/billing"
)

// TestJSONLines: text stays as it was typed, numbers keep every digit, and what is empty is null.
func TestJSONLines(t *testing.T) {
	var b strings.Builder
	j := billing.NewJSONLines(&b, "t")
	columns := []billing.Column{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}}
	for _, err := range []error{
		j.Table("other", columns), j.Row(billing.Text("left out")), j.Table("t", columns),
		j.Row(billing.Text("0042"), billing.Number("4500012345678901234.50"), billing.Instant(time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)), billing.Cell{}),
		j.Row(billing.Text("=1+1;<&>\n\u2028\"ü"), billing.Number("-0.5"), billing.Number(""), billing.Text("")), j.Finish(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(b.String(), "\n")
	if want := `{"a":"0042","b":4500012345678901234.50,"c":"2026-03-29T01:00:00Z","d":null}`; lines[0] != want || len(lines) != 3 || lines[2] != "" {
		t.Errorf("%q", lines)
	}
	var second map[string]any
	if err := json.Unmarshal([]byte(lines[1]), &second); err != nil || second["a"] != "=1+1;<&>\n\u2028\"ü" || second["b"] != -0.5 || second["c"] != nil || second["d"] != nil {
		t.Errorf("%v of %q, %v", second, lines[1], err)
	}
	for _, wrong := range []string{"1e", "1/2", "true", "0x1", "1,5"} {
		if j.Row(billing.Number(wrong), billing.Cell{}, billing.Cell{}, billing.Cell{}) == nil {
			t.Errorf("%q is written as a number", wrong)
		}
	}
	if j.Row(billing.Text("a")) == nil {
		t.Error("a row of too few cells is written")
	}
	if billing.NewJSONLines(&b, "none").Finish() == nil {
		t.Error("a file without its table is finished")
	}
}
