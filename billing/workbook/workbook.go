package workbook

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"volary.dev/billing"
)

// MostRows is how many rows a sheet of a workbook holds, its header among them.
const MostRows = excelize.TotalRows

// ErrTooLong is returned where an export has more than MostRows rows.
var ErrTooLong = errors.New("the file has more rows than a workbook holds")

// exactDigits is how many digits of a number a spreadsheet keeps; a longer one is written as text.
const exactDigits = 15

// Workbook is a billing.Book of a workbook. Close it in any case.
type Workbook struct {
	file     *excelize.File
	rows     *excelize.StreamWriter // of the table that was begun last
	to       io.Writer
	tables   int
	row      int
	text     int // styles
	head     int
	time     int
	decimals map[int]int // by digits behind the point
}

// New makes a workbook; Finish writes it to w.
func New(w io.Writer) (*Workbook, error) {
	b := &Workbook{file: excelize.NewFile(), to: w, decimals: map[int]int{}}
	if err := b.styles(); err != nil {
		return nil, errors.Join(fmt.Errorf("begin workbook: %w", err), b.Close())
	}
	return b, nil
}

func (b *Workbook) styles() (err error) {
	if b.text, err = b.format("@", false); err != nil {
		return err
	}
	if b.head, err = b.format("@", true); err != nil {
		return err
	}
	b.time, err = b.format(`yyyy-mm-dd"T"hh:mm:ss"Z"`, false)
	return err
}

// Table implements billing.Book: a sheet whose first row is its header.
func (b *Workbook) Table(name string, columns []billing.Column) error {
	if err := b.sheet(name); err != nil {
		return fmt.Errorf("begin sheet %s: %w", name, err)
	}
	head := make([]billing.Cell, len(columns))
	for i, x := range columns {
		head[i] = billing.Text(x.Name)
		if x.Kind == billing.TimeCell {
			head[i].Text += " (UTC)"
		}
	}
	return b.Row(head...)
}

func (b *Workbook) sheet(name string) (err error) {
	if b.tables++; b.tables == 1 {
		err = b.file.SetSheetName("Sheet1", name)
	} else if err = b.rows.Flush(); err == nil {
		_, err = b.file.NewSheet(name)
	}
	if err != nil {
		return err
	}
	b.row = 0
	if b.rows, err = b.file.NewStreamWriter(name); err != nil {
		return err
	}
	return errors.Join(
		b.rows.SetColWidth(1, 1, 14), b.rows.SetColWidth(2, 64, 22),
		b.rows.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}),
	)
}

func (b *Workbook) format(code string, bold bool) (int, error) {
	return b.file.NewStyle(&excelize.Style{CustomNumFmt: &code, Font: &excelize.Font{Bold: bold}})
}

// Close frees what the workbook holds, on disk too.
func (b *Workbook) Close() error { return b.file.Close() }

// Row implements billing.Book.
func (b *Workbook) Row(cells ...billing.Cell) error {
	if b.row == MostRows {
		return fmt.Errorf("%w: %d", ErrTooLong, MostRows)
	}
	b.row++
	row := make([]any, len(cells))
	for i, x := range cells {
		c, err := b.cell(x)
		if err != nil {
			return fmt.Errorf("row %d, cell %d: %w", b.row, i+1, err)
		}
		row[i] = c
	}
	return b.rows.SetRow("A"+strconv.Itoa(b.row), row)
}

func (b *Workbook) cell(x billing.Cell) (any, error) {
	switch x.Kind {
	case billing.NumberCell:
		return b.number(x.Text)
	case billing.TimeCell:
		return excelize.Cell{StyleID: b.time, Value: x.At.UTC()}, nil
	case billing.TextCell:
	}
	style := b.text
	if b.row == 1 {
		style = b.head
	}
	if x.Text == "" {
		return nil, nil //nolint:nilnil // an empty cell
	}
	return excelize.Cell{StyleID: style, Value: x.Text}, nil
}

func (b *Workbook) number(s string) (any, error) {
	if len(strings.Trim(s, "-.")) > exactDigits {
		return excelize.Cell{StyleID: b.text, Value: s}, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is no number: %w", s, err)
	}
	_, behind, _ := strings.Cut(s, ".")
	style, ok := b.decimals[len(behind)]
	if !ok {
		code := "0"
		if behind != "" {
			code += "." + strings.Repeat("0", len(behind))
		}
		if style, err = b.format(code, false); err != nil {
			return nil, err
		}
		b.decimals[len(behind)] = style
	}
	return excelize.Cell{StyleID: style, Value: n}, nil
}

// Finish implements billing.Book.
func (b *Workbook) Finish() error {
	if err := b.rows.Flush(); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	if _, err := b.file.WriteTo(b.to); err != nil {
		return fmt.Errorf("write workbook: %w", err)
	}
	return nil
}
