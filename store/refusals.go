package store

import (
	"fmt"
	"strings"

	"volary.dev/provisioner"
)

// duplicate refuses a second thing of one name; field is the form's.
func duplicate(what, field, name string) *provisioner.Refusal {
	title := fmt.Sprintf("There is %s named %q already.", what, name)
	return &provisioner.Refusal{
		Code: "duplicate", Title: title, Next: "Choose another name.", Fields: map[string]string{field: title},
	}
}

// fields gathers the sentences of a form; the first one for a field stays.
type fields map[string]string

func (f fields) add(field, format string, args ...any) {
	if _, has := f[field]; !has {
		f[field] = fmt.Sprintf(format, args...)
	}
}

// check adds a sentence where ok is false.
func (f fields) check(ok bool, field, format string, args ...any) {
	if !ok {
		f.add(field, format, args...)
	}
}

// length wants between least and most characters that are not all blank.
func (f fields) length(field, value string, least, most int) {
	n := len([]rune(value))
	f.check(n >= least && n <= most && strings.TrimSpace(value) == value, field,
		"Write %d to %d characters without blanks at either end; these are %d.", least, most, n)
	f.check(!strings.ContainsFunc(value, isControl), field, "Leave out line breaks and other control characters.")
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// between wants a number in a closed range.
func (f fields) between(field string, n, least, most int64, unit string) {
	f.check(n >= least && n <= most, field, "Choose %d to %d%s; %d was given.", least, most, unit, n)
}

// refusal is the Invalid refusal of what was gathered, or nil.
func (f fields) refusal() error {
	if len(f) == 0 {
		return nil
	}
	return provisioner.Invalid(f)
}

// plural writes a count with its noun: "1 node", "3 nodes".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
