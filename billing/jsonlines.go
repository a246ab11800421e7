package billing

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// JSONLines is a Book of JSON Lines (an object a line, UTF-8, LF): a member for each column, by its name and in the columns' order. Text
// is a string as it was typed, a number a JSON number with every digit it has, an instant a string (2006-01-02T15:04:05Z), and an empty cell null.
// Like a CSV it has one table; of the others nothing is written.
type JSONLines struct {
	to           *bufio.Writer
	table        string
	names        [][]byte // `"name":`, of the columns of the table that is written
	begun, wrote bool
	line         bytes.Buffer
}

// errNotNumber is a defect of a writer: a cell for numbers that has none.
var errNotNumber = errors.New("not a number")

// NewJSONLines writes the table of this name to w.
func NewJSONLines(w io.Writer, table string) *JSONLines {
	return &JSONLines{to: bufio.NewWriter(w), table: table}
}

// Table implements Book.
func (j *JSONLines) Table(name string, columns []Column) error {
	if j.begun = name == j.table; !j.begun {
		return nil
	}
	j.wrote, j.names = true, nil
	for _, x := range columns {
		quoted, err := json.Marshal(x.Name)
		if err != nil {
			return fmt.Errorf("column %q: %w", x.Name, err)
		}
		j.names = append(j.names, append(quoted, ':'))
	}
	return nil
}

// Row implements Book.
func (j *JSONLines) Row(cells ...Cell) error {
	if !j.begun {
		return nil
	}
	if len(cells) != len(j.names) {
		return fmt.Errorf("a row of %d cells under %d columns: %w", len(cells), len(j.names), ErrNoTable)
	}
	j.line.Reset()
	for i, x := range cells {
		if i == 0 {
			j.line.WriteByte('{')
		} else {
			j.line.WriteByte(',')
		}
		j.line.Write(j.names[i])
		if err := j.value(x); err != nil {
			return err
		}
	}
	j.line.WriteString("}\n")
	_, err := j.to.Write(j.line.Bytes())
	return err
}

func (j *JSONLines) value(x Cell) error {
	switch {
	case x == (Cell{}):
		j.line.WriteString("null")
	case x.Kind == NumberCell:
		if _, ok := new(big.Rat).SetString(x.Text); !ok || !json.Valid([]byte(x.Text)) {
			return fmt.Errorf("%q: %w", x.Text, errNotNumber)
		}
		j.line.WriteString(x.Text)
	case x.Kind == TimeCell:
		fmt.Fprintf(&j.line, "%q", stamp(x.At))
	default:
		e := json.NewEncoder(&j.line)
		e.SetEscapeHTML(false)
		if err := e.Encode(x.Text); err != nil {
			return err
		}
		j.line.Truncate(j.line.Len() - 1) // the line end that an encoder adds
	}
	return nil
}

// Finish implements Book.
func (j *JSONLines) Finish() error {
	if !j.wrote {
		return fmt.Errorf("%w: %q", ErrNoTable, j.table)
	}
	return j.to.Flush()
}
