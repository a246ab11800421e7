package billing_test

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"volary.dev/billing"
)

// hostile are texts that people put where accountants read them.
var hostile = []string{
	"Universität Köln;=1+1;Physik", "=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1+1", "\r=1", "a\n=1+1", "a\r\n;=1", "＝1+1", "＋1", "－1", "＠x",
	"a,=1", "a, =1", "a;  =1", "a;\u00a0=1", "a;\u200b=1", "\ufeff=1", "x;\"=1+1\"", "\"=1", "a|=1", "\u2028=1", "\x00=1", "ok;-2", "-", "=",
	"a;b;@c;+d", "“=1”", " =1", "\v=1", "a\u0085=1", "'=1+1",
}

// No text begins a formula, whichever character the reader's language parts cells by, and however it treats the quotation
// marks and line ends that are there for commas.
func TestNoCellBeginsAFormula(t *testing.T) {
	for _, text := range hostile {
		var b strings.Builder
		s := billing.NewCSV(&b, "t")
		if err := s.Table("t", []billing.Column{{Name: "head"}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Row(billing.Text("run"), billing.Text(text), billing.Text("behind")); err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(); err != nil {
			t.Fatal(err)
		}
		for _, comma := range ",;\t|" {
			r := csv.NewReader(strings.NewReader(b.String()))
			r.Comma, r.LazyQuotes, r.FieldsPerRecord = comma, true, -1
			rows, err := r.ReadAll()
			if err != nil || len(rows) != 2 {
				t.Errorf("%q by %q: %d rows, %v", text, comma, len(rows), err)
			}
			for _, row := range rows {
				for _, cell := range row {
					wantNoFormula(t, text, cell)
				}
			}
		}
		// A reader that knows no quoting at all.
		for _, cell := range strings.FieldsFunc(b.String(), func(r rune) bool { return strings.ContainsRune(",;\t\r\n|\"", r) }) {
			wantNoFormula(t, text, cell)
		}
	}
}

func wantNoFormula(t *testing.T, text, cell string) {
	t.Helper()
	cell = strings.TrimLeft(cell, " \u00a0\u200b\ufeff\"“")
	if cell != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(cell)[0]) {
		t.Errorf("%q leaves a cell %q", text, cell)
	}
}

func TestTextsAndNumbersOfCSVStayAsTheyAre(t *testing.T) {
	var b strings.Builder
	s, err := billing.NewMarkedCSV(&b, "t")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Table("other", []billing.Column{{Name: "another table"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Row(billing.Text("left out")); err != nil {
		t.Fatal(err)
	}
	if err := s.Table("t", []billing.Column{{Name: "at", Kind: billing.TimeCell}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Row(
		billing.Text("0042"), billing.Text("3E10"), billing.Text("4500012345678901234"), billing.Text("1-2"), billing.Text("R&D (a=b)"), billing.Number("-12.50"),
		billing.Whole(7), billing.Instant(time.Date(2026, 11, 29, 1, 2, 3, 0, time.FixedZone("", 3600))), billing.Number(""), billing.Instant(time.Time{}),
	); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	if want := "\ufeffat\r\n0042,3E10,4500012345678901234,1-2,R&D (a=b),-12.50,7,2026-11-29T00:02:03Z,,\r\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
