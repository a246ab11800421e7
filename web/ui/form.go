package ui

import (
	"maps"
	"slices"

	"volary.dev/provisioner/refusal"
)

// Form is what every form's props carry besides the values as typed.
type Form struct {
	// Refusal is shown above the form; its Fields mark the fields.
	Refusal *refusal.Error
	// Token goes back with the form as "token"; a form made before the thing it changes was changed is stale.
	// Empty where nothing can become stale.
	Token string
}

// Error is the sentence for a field, empty when it is right.
func (f Form) Error(field string) string {
	if f.Refusal == nil {
		return ""
	}
	return f.Refusal.Fields[field]
}

// The types of a field for a number. It is text with the keyboard of a phone's digits: a browser's own field of numbers drops
// what it does not like, so that "1,000" would arrive as one, or as nothing.
const (
	Whole   = "numeric"
	Decimal = "decimal"
)

// FieldProps describe one labelled field. Value is shown exactly as it was typed.
type FieldProps struct {
	Name, Label, Hint, Error string
	Value                    string
	Type                     string // of an input: text when empty; Whole or Decimal for a number
	Suffix                   string // a unit behind the input
	Required, Mono           bool
	MaxLength                int // 0: none
	Rows                     int // of a text area
	Autocomplete             string
	Autofocus                bool
}

// Option is one choice of a select.
type Option struct{ Value, Label string }

// SelectProps describe one labelled choice.
type SelectProps struct {
	Name, Label, Hint, Error string
	Value                    string
	Options                  []Option
	Prompt                   string // the first, empty choice; none when empty
	Required                 bool
}

// withFields moves the sentences of a refusal's fields into its details, in the order of the fields' names.
func withFields(r *refusal.Error) *refusal.Error {
	if r == nil || len(r.Fields) == 0 {
		return r
	}
	moved := *r
	if moved.Next == refusal.Marked { // here none is
		moved.Next = "Correct it and send the form again."
	}
	moved.Detail = slices.Clone(r.Detail)
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		moved.Detail = append(moved.Detail, r.Fields[name])
	}
	return &moved
}

func describedBy(name, hint, err string) string {
	switch {
	case hint != "" && err != "":
		return name + "-error " + name + "-hint"
	case err != "":
		return name + "-error"
	case hint != "":
		return name + "-hint"
	default:
		return ""
	}
}
