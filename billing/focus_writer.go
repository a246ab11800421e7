package billing

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// FocusWriter writes one dataset of FOCUS. It adds up what use it writes and refuses to finish where that differs from the ledger.
type FocusWriter struct {
	book    Book
	party   FocusParty
	charges []focusColumn[FocusCharge]
	lots    []focusColumn[FocusLot]
	cells   []Cell
	used    usageSum // of the party
}

// NewFocusWriter begins the dataset of a version: FocusCharges or FocusCommitments.
func NewFocusWriter(b Book, v FocusVersion, dataset string) (*FocusWriter, error) {
	w := &FocusWriter{book: b}
	var columns []Column
	if dataset == FocusCommitments {
		w.lots = focusCommitments()
		columns = bookColumns(w.lots)
	} else {
		w.charges = ofVersion(focusCharges(), v)
		columns = bookColumns(w.charges)
	}
	if err := b.Table(dataset, columns); err != nil {
		return nil, fmt.Errorf("begin FOCUS %s: %w", dataset, err)
	}
	return w, nil
}

// Begin has the rows that follow be a provider's.
func (w *FocusWriter) Begin(p FocusParty) { w.party, w.used = p, usageSum{} }

// Use writes the row of a use.
func (w *FocusWriter) Use(u FocusUse) error {
	w.used.hours += u.Hours
	w.used.cost.Minor += u.Cost
	return w.charge(u.charge())
}

// Entry writes the row of what an entry did with a lot.
func (w *FocusWriter) Entry(e FocusEntry) error {
	if e.Account == Used {
		w.used.hours += e.Hours
		w.used.cost.Minor += e.Deferred
	}
	return w.charge(e.charge(w.party))
}

// Money writes the row of an amount that is of no lot.
func (w *FocusWriter) Money(m FocusMoney) error { return w.charge(m.charge()) }

func (w *FocusWriter) charge(c FocusCharge) error {
	w.cells = w.cells[:0]
	for _, column := range w.charges {
		w.cells = append(w.cells, column.cell(w.party, c))
	}
	return w.book.Row(w.cells...)
}

// Commitment writes the row of a lot.
func (w *FocusWriter) Commitment(l FocusLot) error {
	w.cells = w.cells[:0]
	for _, column := range w.lots {
		w.cells = append(w.cells, column.cell(w.party, l))
	}
	return w.book.Row(w.cells...)
}

// Tie compares the use that was written of the party with the ledger's own sums: ErrUntied.
func (w *FocusWriter) Tie(totals []UsageTotal) error {
	var ledger usageSum
	for _, t := range totals {
		ledger.hours += t.Hours
		ledger.cost.Minor += t.Cost.Minor
	}
	if w.used.hours != ledger.hours || w.used.cost.Minor != ledger.cost.Minor {
		return fmt.Errorf("provider %s: %w: its usage rows sum to %d mcs and %d, its postings to %d and %d",
			w.party.ProviderID, ErrUntied, w.used.hours, w.used.cost.Minor, ledger.hours, ledger.cost.Minor)
	}
	return nil
}

// Finish ends the file.
func (w *FocusWriter) Finish() error { return w.book.Finish() }

// focusSpace makes the ids of schemas: the same columns in the same version have the same.
var focusSpace = uuid.MustParse("4a0f6c1e-6b5d-4b0c-9d5e-2f6f6f0c5d11")

type focusMetadata struct {
	DataGenerator        string
	DataGeneratorVersion string `json:",omitempty"`
	FocusVersion         FocusVersion
	CreationDate         string
	Schemas              []focusSchema
}

type focusSchema struct {
	SchemaID         string `json:"SchemaId"`
	DatasetID        string `json:"DatasetId"`
	DatasetFile      string
	FocusVersion     FocusVersion
	CreationDate     string
	DataGenerator    string
	ColumnDefinition []focusDefinition
}

type focusDefinition struct {
	ColumnName       string
	DataType         focusType
	NumericPrecision int    `json:",omitempty"`
	NumberScale      int    `json:",omitempty"`
	StringEncoding   string `json:",omitempty"`
}

// WriteFocusMetadata writes the metadata beside the files of a version: a JSON object with a schema for each dataset.
func WriteFocusMetadata(w io.Writer, v FocusVersion, made time.Time) error {
	m := focusMetadata{DataGenerator: "Volary", FocusVersion: v, CreationDate: stamp(made)}
	for _, dataset := range FocusTables(v) {
		s := focusSchema{DatasetID: "CostAndUsage", DatasetFile: dataset, FocusVersion: v, CreationDate: m.CreationDate, DataGenerator: m.DataGenerator}
		if dataset == FocusCommitments {
			s.DatasetID, s.ColumnDefinition = "ContractCommitment", definitions(focusCommitments())
		} else {
			s.ColumnDefinition = definitions(ofVersion(focusCharges(), v))
		}
		names := string(v)
		for _, d := range s.ColumnDefinition {
			names += "\n" + d.ColumnName + " " + string(d.DataType)
		}
		s.SchemaID = uuid.NewSHA1(focusSpace, []byte(names)).String()
		m.Schemas = append(m.Schemas, s)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(m)
}

func definitions[R any](of []focusColumn[R]) []focusDefinition {
	list := make([]focusDefinition, len(of))
	for i, c := range of {
		list[i] = focusDefinition{ColumnName: c.name, DataType: c.kind}
		switch c.kind {
		case focusDecimal:
			list[i].NumericPrecision, list[i].NumberScale = 38, 15
		case focusString, focusJSON:
			list[i].StringEncoding = "UTF-8"
		case focusTime:
		}
	}
	return list
}
