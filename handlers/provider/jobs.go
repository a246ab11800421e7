package provider

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	web "volary.dev/web/provider"
)

// ListJobs shows the background jobs about the provider's hosts and tests as they change.
func (h Handlers) ListJobs(c echo.Context) error {
	p, err := h.jobList(c)
	if err != nil {
		return err
	}
	return page.Live(c, web.JobList(p))
}

func (h Handlers) jobList(c echo.Context) (web.JobListProps, error) {
	f, p := page.JobFilter(c, "/provider/jobs", "check_host", "run_acceptance")
	jobs, total, err := h.Overview.ProviderJobs(c.Request().Context(), where(c), f)
	l := h.layout(c)
	p.Of, p.At, p.Zone = "provider", l.Now, l.Zone
	return web.JobListProps{Layout: l, Jobs: page.Jobs(p, jobs, total, jobPath)}, err
}

func jobPath(kind string, id uuid.UUID) string {
	if kind == "check_host" {
		return hostPath(id)
	}
	return ""
}

// RetryJob has a failed job tried again now.
func (h Handlers) RetryJob(c echo.Context) error {
	id, err := page.JobID(c)
	if err != nil {
		return err
	}
	return h.jobChanged(c, h.Overview.RetryJob(c.Request().Context(), who(c), where(c), id), "The job is tried again.")
}

// CancelJob ends a job.
func (h Handlers) CancelJob(c echo.Context) error {
	id, err := page.JobID(c)
	if err != nil {
		return err
	}
	return h.jobChanged(c, h.Overview.CancelJob(c.Request().Context(), who(c), where(c), id), "The job is cancelled.")
}

func (h Handlers) jobChanged(c echo.Context, err error, done string) error {
	r, ok := respond.AsForm(err)
	switch {
	case ok:
		return h.jobsAgain(c, r)
	case err != nil:
		return err
	}
	return h.Frame.Done(c, "/provider/jobs", done)
}

func (h Handlers) jobsAgain(c echo.Context, r *refusal.Error) error {
	p, err := h.jobList(c)
	if err != nil {
		return err
	}
	p.Jobs.Form.Refusal = r
	return page.Render(c, max(respond.Status(r.Code), http.StatusUnprocessableEntity), web.JobList(p))
}
