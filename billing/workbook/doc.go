// Package workbook writes a billing.Sheet as an .xlsx workbook (ECMA-376): text stays text, numbers sum up, instants are
// dates in UTC, and the header stays in sight.
//
// 2026-11-29: apart from package billing, so that what computes money does not import a writer of files.
package workbook
