package page

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"volary.dev/handlers/request"
)

// Rows is the part that a list asks for of rows that are read, or added up, as a whole: those to keep, ordered by the
// list's key and else as they are, and cut to a page. total is how many are kept. Lists that grow with history are
// narrowed by the database instead.
func Rows[T any](rows []T, l request.List, keep func(T) bool, by map[string]func(a, b T) int) (shown []T, total int) {
	for _, x := range rows {
		if keep(x) {
			shown = append(shown, x)
		}
	}
	if compare := by[l.By]; compare != nil {
		slices.SortStableFunc(shown, func(a, b T) int {
			if l.Desc {
				return compare(b, a)
			}
			return compare(a, b)
		})
	}
	total = len(shown)
	from := min(l.From, total)
	return shown[from:min(from+request.RowsPerPage, total)], total
}

// By compares rows by one of their values.
func By[T any, V cmp.Ordered](value func(T) V) func(a, b T) int {
	return func(a, b T) int { return cmp.Compare(value(a), value(b)) }
}

// Finds tells whether one of the texts has what was typed, in any case.
func Finds(typed string, texts ...string) bool {
	typed = strings.ToLower(norm.NFC.String(strings.TrimSpace(typed)))
	return slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(strings.ToLower(s), typed) })
}
