// Package ui holds the components every page is made of: states, fields, times, hours, tables, empty states. They
// know nothing of pages, people or routes. A component that takes more than two values takes a props struct.
//
// States are a word and a shape, never a colour alone. Tables name each cell's column in data-label, which turns
// rows into labelled cards on a phone. Nothing here needs JavaScript; what JavaScript adds hangs on data attributes
// (data-copy, data-live, data-left, time[datetime]) that static/js/app.js reads.
//
// # Decided
//
// 2026-11-29: the sign of compute hours is CH (HoursValue, ComputeHours), and h is an hour of the clock; the check of words
// (cmd/dev/check_words.go) refuses the one for the other. Cards have two decimals, the ledger compute seconds as well, and an hour
// of a node costs exactly what it costs (billing.UnitPrice.Hour). Plurals are refusal.Plural's, for pages as for sentences.
//
// 2026-11-29: a row of a list is one line, about 44 px, so that 18 stand in a window. What differs between rows has a column of its
// own; what all would say (a unit, "by", how nodes run) is said once, in the heading or below the table. Times of rows are TimeShort:
// what "now" says already is left out, and the title has all of it; which zone it is stands in the frame. A second line is for what
// only some rows have (a refusal's reason, a narrower use) and is marked .also; names that are longer than any column break where
// .breaks is. web/webtest measures every table of the gallery, without a list of exceptions.
//
// 2026-11-29: what is left of a time is counted down in the browser by what the answer said (TimeLeft), not by its clock, which may be
// wrong, and without a question to the server. A lease is warned of when the mails about it come (LeaseNotice).
//
// 2026-11-29: a chart is a list to screen readers and has one stop in the page's order: thirty stops would bar the way to what is
// below it. Its scale has three to five values in steps of 1, 2 or 5; the unit stands once above it.
package ui
