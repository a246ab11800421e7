package store

import (
	"fmt"
	"strings"
)

// Sorting says by what a list is ordered: one of the keys its reading names, descending or not. An unknown or empty
// key takes the reading's own order, so that an old address still shows a list.
type Sorting struct {
	By   string
	Desc bool
}

// sortable are the keys a list may be ordered by and the columns each stands for. The expressions are ours; only the
// key comes from outside.
type sortable map[string]string

// orderBy makes the ORDER BY of a list. fallback is its own order and, after any other, what makes pages stable: it
// has to end in a unique column.
func (s sortable) orderBy(by Sorting, fallback string) string {
	column, ok := s[by.By]
	if !ok {
		return " ORDER BY " + fallback
	}
	direction := "ASC"
	if by.Desc {
		direction = "DESC"
	}
	return fmt.Sprintf(" ORDER BY %s %s NULLS LAST, %s", column, direction, fallback)
}

// like makes the pattern of a search: it finds typed anywhere, in any case, and no character of it is a wildcard.
// Use it with ILIKE.
func like(typed string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.TrimSpace(typed)) + "%"
}
