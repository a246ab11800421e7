package platform

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	web "volary.dev/web/platform"
)

// ListJobs shows every background job as it changes.
func (h Handlers) ListJobs(c echo.Context) error {
	p, err := h.jobList(c)
	if err != nil {
		return err
	}
	return page.Live(c, web.JobList(p))
}

func (h Handlers) jobList(c echo.Context) (web.JobListProps, error) {
	f, p := page.JobFilter(c, "/platform/jobs", "check_host", "run_acceptance", "verify_upload", "fetch_upload", "discard_upload", "delete_image", "send_mail")
	jobs, total, err := h.Overview.Jobs(c.Request().Context(), f)
	l := h.layout(c)
	p.Of, p.At, p.Zone, p.Providers = "platform", l.Now, l.Zone, true
	return web.JobListProps{Layout: l, Jobs: page.Jobs(p, jobs, total, jobPath)}, err
}

func jobPath(kind string, id uuid.UUID) string {
	if kind == "send_mail" {
		return "/platform/outbox/" + id.String()
	}
	return ""
}

// RetryJob has a failed job tried again now.
func (h Handlers) RetryJob(c echo.Context) error {
	id, err := page.JobID(c)
	if err != nil {
		return err
	}
	return h.jobChanged(c, h.Overview.RetryJob(c.Request().Context(), by(c), uuid.Nil, id), "The job is tried again.")
}

// CancelJob ends a job.
func (h Handlers) CancelJob(c echo.Context) error {
	id, err := page.JobID(c)
	if err != nil {
		return err
	}
	return h.jobChanged(c, h.Overview.CancelJob(c.Request().Context(), by(c), uuid.Nil, id), "The job is cancelled.")
}

func (h Handlers) jobChanged(c echo.Context, err error, done string) error {
	r, ok := respond.AsForm(err)
	switch {
	case ok:
		p, err := h.jobList(c)
		if err != nil {
			return err
		}
		p.Jobs.Form.Refusal = r
		return page.Render(c, respond.Status(r.Code), web.JobList(p))
	case err != nil:
		return err
	}
	return h.Frame.Done(c, "/platform/jobs", done)
}
