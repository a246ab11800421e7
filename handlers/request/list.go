package request

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"volary.dev/store"
)

// RowsPerPage is how many rows a list shows at a time.
const RowsPerPage = 50

const mostRows = 10_000_000

// List is the part of a list that a GET asks for by "sort", "desc=1" and "from", beside the list's own filters.
type List struct {
	store.Sorting
	From  int
	Path  string     // of the page
	Query url.Values // as it was sent: filters stay when the order changes
}

// ParseList reads the part of the list from the query; a "from" that is no number begins at the first row. sorts are
// the keys that the page's headings offer.
func ParseList(c echo.Context, sorts ...string) List {
	q := ParseQuery(c)
	l := List{Path: c.Request().URL.Path, Query: c.QueryParams()}
	// What is wrong here was not typed by a person: the list shows from its beginning.
	if q.Has("sort") {
		l.By = q.Choice("sort", "a column", sorts...)
		l.Desc = l.By != "" && q.Typed("desc") == "1"
	}
	if q.Has("from") {
		l.From = q.Int("from", "the first row", 0, mostRows)
	}
	return l
}

// Page is what the store reads for the list.
func (l List) Page() store.Page { return store.Page{Limit: RowsPerPage, Offset: l.From} }
