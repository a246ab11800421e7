package page

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/store"
	"volary.dev/web/ui"
)

// LogFilter reads the part of a log that a GET asks for, and the props with what was typed. A time that is none is a
// refusal, which the page shows above everything.
func LogFilter(c echo.Context) (store.LogFilter, ui.LogProps) {
	l, q := request.ParseList(c, "at", "person", "verb", "subject"), request.ParseQuery(c)
	f := store.LogFilter{
		Person: q.Typed("person"), Verb: q.Typed("verb"), Subject: q.Typed("subject"), Sorting: l.Sorting, Page: l.Page(),
		From: q.Moment("from_at", "the beginning"), To: q.Until("to_at", "the end"),
	}
	f.Of, _ = uuid.Parse(q.Typed("of")) // of a link; what is none leaves nothing out
	return f, ui.LogProps{
		List: List(l, 0), Form: ui.Form{Refusal: q.Refusal()}, Person: f.Person, Verb: f.Verb, Subject: f.Subject,
		From: q.Typed("from_at"), Till: q.Typed("to_at"), Counted: store.LogCounted,
	}
}

// ExportLog sends a log as lines of JSON, the oldest first, from the time from_at or after the row with the id after.
func ExportLog(c echo.Context, core *store.DB, owner store.LogOwner) error {
	q := request.ParseQuery(c)
	from := q.Moment("from_at", "the beginning")
	after := uuid.Nil
	if typed := q.Typed("after"); typed != "" {
		id, err := uuid.Parse(typed)
		if err != nil {
			q.Wrong("after", "Give the id of the last line that you have.")
		}
		after = id
	}
	if r := q.Refusal(); r != nil {
		return r
	}
	w := c.Response()
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	begun := false
	begin := func() {
		if !begun {
			begun = true
			w.Header().Set(echo.HeaderContentType, "application/x-ndjson")
			w.Header().Set(echo.HeaderContentDisposition, `attachment; filename="log.jsonl"`)
			w.WriteHeader(http.StatusOK)
		}
	}
	return core.EachLogLine(c.Request().Context(), owner, after, from, func(l store.LogLine) error {
		begin()
		return lines.Encode(l)
	}, func() error {
		begin()
		w.Flush()
		return nil
	})
}

// Log fills the props with what the store read. path gives the address of a subject's page for those who may open it,
// empty where there is none; other names the organization or provider that an entry also concerns.
func Log(p ui.LogProps, rows []store.LogRow, total int, path func(subject string, id uuid.UUID) string, other func(store.LogRow) string) ui.LogProps {
	p.List.Total = total
	for _, x := range rows {
		e := ui.LogEntry{At: x.At, Person: x.PersonName, Verb: x.Verb, Subject: x.Subject, Name: x.SubjectName, Other: other(x), Details: ui.Details(x.Detail, nil)}
		if x.Address != nil {
			e.Address = x.Address.String()
		}
		if x.SubjectName != "" && x.SubjectID != uuid.Nil {
			e.Where = path(x.Subject, x.SubjectID)
		}
		p.Entries = append(p.Entries, e)
	}
	return p
}
