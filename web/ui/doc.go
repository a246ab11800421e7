// Package ui holds the components every page is made of: states, fields, times, hours, tables, empty states. They
// know nothing of pages, people or routes. A component that takes more than two values takes a props struct.
//
// States are a word and a shape, never a colour alone. Tables name each cell's column in data-label, which turns
// rows into labelled cards on a phone. Nothing here needs JavaScript; what JavaScript adds hangs on data attributes
// (data-copy, data-live, time[datetime]) that static/js/app.js reads.
package ui
