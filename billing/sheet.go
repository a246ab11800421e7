package billing

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Book takes a file for accountants: tables whose rows are of one kind each, so that whoever adds a column up gets its sum.
// Without Finish the file is not whole.
type Book interface {
	Table(name string, columns []Column) error // begins one; the rows that follow are its
	Row(cells ...Cell) error
	Finish() error
}

// Column is one column of a table: its name in files, and what its cells are.
type Column struct {
	Name string
	Kind CellKind
}

// columns gives text columns of these names, but for those that times names, which are of instants.
func columns(names []string, times ...string) []Column {
	list := make([]Column, len(names))
	for i, name := range names {
		list[i].Name = name
		if slices.Contains(times, name) {
			list[i].Kind = TimeCell
		}
	}
	return list
}

// CellKind says how a spreadsheet has to take a cell.
type CellKind uint8

// Kinds of cells.
const (
	TextCell   CellKind = iota // as it is written, whatever it looks like
	NumberCell                 // a decimal: "-12.50"
	TimeCell                   // an instant in UTC, to the second
)

// Cell is one value of a Book. The zero Cell is empty.
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
func Whole[N ~int | ~int64](n N) Cell { return Number(strconv.FormatInt(int64(n), 10)) }

// Instant gives a cell with an instant; the zero one gives an empty cell.
func Instant(t time.Time) Cell {
	if t.IsZero() {
		return Cell{}
	}
	return Cell{Kind: TimeCell, At: t}
}

// ByteOrderMark before a CSV has spreadsheets take it for UTF-8.
const ByteOrderMark = "\ufeff"

// ErrNoTable is returned where a CSV is to have a table that the file has not.
var ErrNoTable = errors.New("the file has no such table")

// CSV is a Book of comma-separated values, as the package's document describes them. A CSV has one table: of the others
// nothing is written, but the writers check them nevertheless.
type CSV struct {
	csv          *csv.Writer
	table        string
	begun, wrote bool // this table's rows are coming; they came
}

// NewCSV writes the table of this name to w.
func NewCSV(w io.Writer, table string) *CSV {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return &CSV{csv: c, table: table}
}

// NewMarkedCSV begins with a byte order mark: for who opens the file by a click. Programs want none.
func NewMarkedCSV(w io.Writer, table string) (*CSV, error) {
	if _, err := io.WriteString(w, ByteOrderMark); err != nil {
		return nil, fmt.Errorf("write the byte order mark: %w", err)
	}
	return NewCSV(w, table), nil
}

// Table implements Book.
func (c *CSV) Table(name string, columns []Column) error {
	if c.begun = name == c.table; !c.begun {
		return nil
	}
	c.wrote = true
	cells := make([]Cell, len(columns))
	for i, x := range columns {
		cells[i] = Text(x.Name)
	}
	return c.Row(cells...)
}

// Row implements Book.
func (c *CSV) Row(cells ...Cell) error {
	if !c.begun {
		return nil
	}
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

// Finish implements Book.
func (c *CSV) Finish() error {
	if !c.wrote {
		return fmt.Errorf("%w: %q", ErrNoTable, c.table)
	}
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
	if harmless(s) {
		return s
	}
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

// harmless tells of most texts (ids, words, numbers) at a look that they have no place for a formula.
func harmless(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ' && (c < ' ' || i == 0), c > '~', c == ',', c == ';', c == '|', c == '"', i == 0 && strings.IndexByte(formulaSigns, c) >= 0:
			return false
		}
	}
	return true
}
