package store

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Sorting says by what a list is ordered: one of the keys its reading names, descending or not. An unknown or empty
// key takes the reading's own order, so that an old address still shows a list.
type Sorting struct {
	By   string
	Desc bool
}

// Sortable are the keys a list may be ordered by and the columns each stands for. The expressions are ours; only the
// key comes from outside.
type Sortable map[string]string

// OrderBy makes the ORDER BY of a list. fallback is its own order and, after any other, what makes pages stable: it
// has to end in a unique column.
func (s Sortable) OrderBy(by Sorting, fallback string) string {
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

// Like makes the pattern of a search: it finds typed anywhere, in any case and either spelling (names are kept in NFC), and no character of it is a wildcard.
// Use it with ILIKE.
func Like(typed string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(norm.NFC.String(strings.TrimSpace(typed))) + "%"
}

// TotalOf is the total that every row of a list carries.
func TotalOf[T any](list []T, total func(T) int) int {
	if len(list) == 0 {
		return 0
	}
	return total(list[0])
}

// Count counts for a page behind the end of its list, whose rows tell no total.
func (db *DB) Count(ctx context.Context, query string, args ...any) (n int, err error) {
	if err := db.pool.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return n, nil
}
