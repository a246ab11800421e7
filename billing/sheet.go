package billing

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Sheet takes a file for accountants row by row. Without Finish the file is not whole.
type Sheet interface {
	Row(cells ...Cell) error
	Finish() error
}

// CellKind says how a spreadsheet has to take a cell.
type CellKind uint8

// Kinds of cells.
const (
	TextCell   CellKind = iota // as it is written, whatever it looks like
	NumberCell                 // a decimal: "-12.50"
	TimeCell                   // an instant in UTC, to the second
)

// Cell is one value of a Sheet. The zero Cell is empty.
type Cell struct {
	Kind CellKind
	Text string    // of a TextCell and a NumberCell
	At   time.Time // of a TimeCell
}

// Text gives a cell that stays text: "0042", "3E10" and "=1+1" as well.
func Text(s string) Cell { return Cell{Text: s} }

// Number gives a cell that sums up. s is a decimal; empty gives an empty cell.
func Number(s string) Cell {
	if s == "" {
		return Cell{}
	}
	return Cell{Kind: NumberCell, Text: s}
}

// Whole gives a cell with a whole number.
func Whole[N ~int | ~int64](n N) Cell { return Number(fmt.Sprint(int64(n))) }

// Instant gives a cell with an instant; the zero one gives an empty cell.
func Instant(t time.Time) Cell {
	if t.IsZero() {
		return Cell{}
	}
	return Cell{Kind: TimeCell, At: t}
}

// ByteOrderMark before a CSV has spreadsheets take it for UTF-8.
const ByteOrderMark = "\ufeff"

// CSV is a Sheet of comma-separated values, as the package's document describes them.
type CSV struct{ csv *csv.Writer }

// NewCSV writes to w.
func NewCSV(w io.Writer) *CSV {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return &CSV{c}
}

// NewMarkedCSV begins with a byte order mark: for who opens the file by a click. Programs want none.
func NewMarkedCSV(w io.Writer) (*CSV, error) {
	if _, err := io.WriteString(w, ByteOrderMark); err != nil {
		return nil, fmt.Errorf("write the byte order mark: %w", err)
	}
	return NewCSV(w), nil
}

// Row implements Sheet.
func (c *CSV) Row(cells ...Cell) error {
	row := make([]string, len(cells))
	for i, x := range cells {
		switch x.Kind {
		case TextCell:
			row[i] = unformula(x.Text)
		case NumberCell:
			row[i] = x.Text
		case TimeCell:
			row[i] = stamp(x.At)
		}
	}
	return c.csv.Write(row)
}

// Finish implements Sheet.
func (c *CSV) Finish() error {
	c.csv.Flush()
	return c.csv.Error()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// formulaSigns begin what spreadsheets run: = + - @, and the forms of these that some of them read as the same.
const formulaSigns = "=+-@＝＋－＠﹦﹢﹣﹫−"

// unformula keeps a spreadsheet from running text that a person chose. Which character parts cells depends on who opens
// the file, so a sign gets an apostrophe wherever a cell could begin: at the start, and after a comma, semicolon, bar or
// quotation mark, with or without blanks between. What moves to another line or cell becomes a blank.
func unformula(s string) string {
	var b strings.Builder
	begins := true
	for _, r := range s {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			r = ' '
		}
		switch {
		case strings.ContainsRune(",;|\"“”„", r):
			begins = true
		case begins && strings.ContainsRune(formulaSigns, r):
			b.WriteByte('\'')
			begins = false
		case !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r):
			begins = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
