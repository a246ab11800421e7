package platform

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond/page"
	web "volary.dev/web/platform"
)

// ShowOverview shows what needs a decision, and how much there is of everything.
func (h Handlers) ShowOverview(c echo.Context) error {
	f, err := h.Overview.PlatformFigures(c.Request().Context())
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.Overview(web.OverviewProps{
		Layout: h.layout(c), Refresh: c.Request().URL.Path,
		Organizations: f.Organizations, OrganizationsSuspended: f.OrganizationsSuspended,
		People: f.People, PeopleSuspended: f.PeopleSuspended, Admins: f.Admins, SignUps: f.SignUps,
		MailsKept: f.MailsKept, MailsFailed: f.MailsFailed, MailsRefused: f.MailsRefused, MailsWaiting: f.MailsWaiting,
		Applications: f.Applications, Clusters: f.Clusters, ImagesLost: f.ImagesLost,
		LedgerDay: page.Time(f.LedgerDay), LedgerDifference: f.LedgerDifference, LedgerStuck: f.LedgerStuck,
	}))
}
