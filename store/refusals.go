package store

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
)

// Duplicate refuses a second thing of one name; field is the form's.
func Duplicate(what, field, name string) *refusal.Error {
	title := fmt.Sprintf("There is %s named \"%s\" already.", what, typed.Isolate(name))
	return &refusal.Error{
		Code: "duplicate", Title: title, Next: "Choose another name.", Fields: map[string]string{field: title},
	}
}

// Fields gathers the sentences of a form; the first one for a field stays.
type Fields map[string]string

// Add adds a sentence for a field that has none yet.
func (f Fields) Add(field, format string, args ...any) {
	if _, has := f[field]; !has {
		f[field] = fmt.Sprintf(format, args...)
	}
}

// Check adds a sentence where ok is false.
func (f Fields) Check(ok bool, field, format string, args ...any) {
	if !ok {
		f.Add(field, format, args...)
	}
}

// Length wants between least and most characters that are not all blank.
func (f Fields) Length(field, value string, least, most int) {
	n := len([]rune(value))
	f.Check(n >= least && n <= most && strings.TrimSpace(value) == value, field,
		"Write %d to %d characters without blanks at either end; these are %d.", least, most, n)
	f.Check(utf8.ValidString(value) && !strings.ContainsFunc(value, IsControl), field, "Leave out line breaks and other control characters.")
}

// Name wants what somebody or something is called, and writes it as it is kept (typed.ParseName).
func (f Fields) Name(field string, value *string, least, most int) {
	f.Length(field, *value, least, most)
	name, err := typed.ParseName(*value)
	if err != nil {
		f.Add(field, "This name %s.", err)
		return
	}
	*value = name
}

// Digest wants a SHA-256 or nothing, and writes it as it is kept (typed.ParseDigest).
func (f Fields) Digest(field string, value *string) {
	if *value = strings.TrimSpace(*value); *value == "" {
		return
	}
	digest, err := typed.ParseDigest(*value)
	if err != nil {
		f.Add(field, "This digest %s.", err)
		return
	}
	*value = digest
}

// IsControl tells line breaks and other control characters.
func IsControl(r rune) bool { return r < 0x20 || r == 0x7f }

// Between wants a number in a closed range.
func (f Fields) Between(field string, n, least, most int64, unit string) {
	f.Check(n >= least && n <= most, field, "Choose %d to %d%s; %d was given.", least, most, unit, n)
}

// Refusal is the Invalid refusal of what was gathered, or nil.
func (f Fields) Refusal() error {
	if len(f) == 0 {
		return nil
	}
	return refusal.Invalid(f)
}

// SentenceTime writes an instant in a refusal.
func SentenceTime(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// MailTime is a moment as mails give it: its reader's zone is not known.
func MailTime(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 MST") }
