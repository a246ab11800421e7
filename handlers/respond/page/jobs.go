package page

import (
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/overview"
	"volary.dev/web/ui"
)

// JobFilter reads the part of a list of jobs that a GET asks for, and the props of its filters.
func JobFilter(c echo.Context, base string, kinds ...string) (overview.JobFilter, ui.JobsProps) {
	l, q := request.ParseList(c, "id", "kind", "state", "attempts", "due"), request.ParseQuery(c)
	l.Path = base // a refused retry shows the list, too
	f := overview.JobFilter{Kind: q.Typed("kind"), State: q.Typed("state"), Sorting: l.Sorting, Page: l.Page()}
	p := ui.JobsProps{Base: base, List: List(l, 0), Kind: f.Kind, State: f.State}
	for _, k := range kinds {
		p.Kinds = append(p.Kinds, ui.Option{Value: k, Label: ui.JobKind(k)})
	}
	return f, p
}

// Jobs fills the props with what the store read. path is the address of what a job is about, empty where there is none.
func Jobs(p ui.JobsProps, jobs []overview.Job, total int, path func(kind string, id uuid.UUID) string) ui.JobsProps {
	p.List.Total = total
	for _, j := range jobs {
		row := ui.JobRow{
			ID: strconv.FormatInt(j.ID, 10), Kind: j.Kind, Subject: j.SubjectName, Provider: j.ProviderName, State: j.State,
			Attempt: j.Attempt, MaxAttempts: j.MaxAttempts, Error: j.LastError, Created: j.CreatedAt, Due: j.ScheduledAt,
			MayCancel: !j.Done(), MayRetry: j.State == "retryable" || j.State == "discarded" || j.State == "cancelled",
		}
		if j.AttemptedAt != nil {
			row.Tried = *j.AttemptedAt
		}
		if j.FinalizedAt != nil {
			row.End = *j.FinalizedAt
		}
		if j.SubjectName != "" {
			row.Where = path(j.Kind, j.SubjectID)
		}
		p.Jobs = append(p.Jobs, row)
	}
	return p
}

// JobID is the path's number of a job. What is no number does not exist.
func JobID(c echo.Context) (int64, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return 0, refusal.NotFound("job")
	}
	return id, nil
}
