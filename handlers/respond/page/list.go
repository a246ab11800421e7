package page

import (
	"volary.dev/handlers/request"
	"volary.dev/web/ui"
)

// List makes the props of a list's headings and of the line below it. total is of all rows that the filters leave.
func List(l request.List, total int) ui.ListProps {
	return ui.ListProps{
		Path: l.Path, Query: l.Query, Sort: l.By, Desc: l.Desc, From: l.From, PerPage: request.RowsPerPage, Total: total,
	}
}
