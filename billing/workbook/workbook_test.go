package workbook_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"volary.dev/billing"
	"volary.dev/billing/workbook"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWorkbookKeepsTextAsTextAndNumbersAsNumbers(t *testing.T) {
	var b bytes.Buffer
	w, err := workbook.New(&b)
	must(t, err)
	at := time.Date(2026, 3, 29, 1, 59, 59, 0, time.UTC)
	texts := []string{"0042", "3E10", "4500012345678901234", "1-2", "=1+1", "'=1+1", "Universität Köln;=1+1;Physik", "TRUE", " a "}
	head, row := []billing.Column{{Name: "at", Kind: billing.TimeCell}, {Name: "h"}}, []billing.Cell{}
	for _, x := range texts {
		row = append(row, billing.Text(x))
	}
	row = append(row, billing.Number("12.50"), billing.Number("-0.333333"), billing.Whole(int64(3_600_000)), billing.Instant(at), billing.Number("1234567890123456789"))
	must(t, w.Table("Volary", head))
	must(t, w.Row(row...))
	must(t, w.Table("second", head[1:]))
	must(t, w.Row(billing.Text("of the second")))
	must(t, w.Finish())
	must(t, w.Close())

	f, err := excelize.OpenReader(&b)
	must(t, err)
	defer f.Close()
	wantFrozen(t, f)
	for cell, want := range map[string]string{"Volary!A1": "at (UTC)", "Volary!B1": "h", "second!A1": "h", "second!A2": "of the second"} {
		sheet, name, _ := strings.Cut(cell, "!")
		if got, err := f.GetCellValue(sheet, name); err != nil || got != want {
			t.Errorf("%s is %q, want %q: %v", cell, got, want, err)
		}
	}
	for i, want := range append(texts, "12.50", "-0.333333", "3600000", "2026-03-29T01:59:59Z", "1234567890123456789") {
		cell, err := excelize.CoordinatesToCellName(i+1, 2)
		must(t, err)
		got, err := f.GetCellValue("Volary", cell)
		must(t, err)
		kind, err := f.GetCellType("Volary", cell)
		must(t, err)
		formula, err := f.GetCellFormula("Volary", cell)
		must(t, err)
		isText := kind == excelize.CellTypeInlineString || kind == excelize.CellTypeSharedString
		if number := i >= len(texts) && i < len(row)-1; got != want || isText == number || formula != "" {
			t.Errorf("%s is %q of type %d with formula %q, want %q", cell, got, kind, formula, want)
		}
	}
}

func wantFrozen(t *testing.T, f *excelize.File) {
	t.Helper()
	for _, sheet := range []string{"Volary", "second"} {
		panes, err := f.GetPanes(sheet)
		if err != nil || !panes.Freeze || panes.YSplit != 1 {
			t.Errorf("the header of %s is not frozen: %+v, %v", sheet, panes, err)
		}
	}
}

func TestWorkbookRefusesWhatIsNoNumber(t *testing.T) {
	w, err := workbook.New(&bytes.Buffer{})
	must(t, err)
	must(t, w.Table("Volary", []billing.Column{{Name: "n"}}))
	if err := w.Row(billing.Number("twelve")); err == nil {
		t.Error("a number cell took a word")
	}
	must(t, w.Close())
}
