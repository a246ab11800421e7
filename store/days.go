package store

import "volary.dev/provisioner/typed"

// Days are a filter by days, both included, as clocks show them in the accounting zone of the provider that a row is about. The
// zero day leaves its side open. In SQL an instant is made the day that its clocks show, never a day an instant: there are days
// without a midnight, and days with two.
type Days struct{ Since, Until typed.Day }

// OrNoDay makes the zero day NULL, for $1::text::date.
func OrNoDay(d typed.Day) *string {
	if d.IsZero() {
		return nil
	}
	s := d.String()
	return &s
}
