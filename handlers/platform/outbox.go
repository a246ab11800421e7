package platform

import (
	"net/http"

	"volary.dev/handlers/respond"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/store"
	web "volary.dev/web/platform"
)

// ListMails shows what was written to people, the newest first.
func (h Handlers) ListMails(c echo.Context) error {
	l, q := request.ParseList(c, "to", "kind", "state", "created"), request.ParseQuery(c)
	list, total, err := h.Core.Outbox(c.Request().Context(), store.MailFilter{
		Text: q.Typed("q"), State: choice(q.Typed("state"), "waiting", "sent", "kept", "failed", "refused"), Sorting: l.Sorting, Page: l.Page(),
	})
	if err != nil {
		return err
	}
	p := web.MailListProps{Layout: h.layout(c), List: page.List(l, total), Text: q.Typed("q"), State: q.Typed("state")}
	for _, m := range list {
		p.Mails = append(p.Mails, mailRow(m))
	}
	return page.Render(c, http.StatusOK, web.MailList(p))
}

func mailRow(m store.OutboxMail) web.MailRow {
	return web.MailRow{ID: m.ID, To: m.ToAddress, Kind: string(m.Kind), Subject: m.Subject, State: m.State, Created: m.CreatedAt, Sent: page.Time(m.SentAt)}
}

// ShowMail shows one. A link that makes who follows it a person is not shown to anyone.
func (h Handlers) ShowMail(c echo.Context) error {
	id, err := request.ID(c, "id", "mail")
	if err != nil {
		return err
	}
	return h.mailPage(c, id, web.MailShowProps{})
}

// SendMail gives a failed, refused or kept mail to the worker again.
func (h Handlers) SendMail(c echo.Context) error {
	return h.change(c, "mail", h.Core.SendMailAgain, h.mailRefused, "/platform/outbox/", "The mail is with the worker again.")
}

func (h Handlers) mailRefused(c echo.Context, id uuid.UUID, err error) (bool, error) {
	r, ok := respond.AsForm(err)
	if !ok {
		return false, nil
	}
	p := web.MailShowProps{}
	p.Form.Refusal = r
	return true, h.mailPage(c, id, p)
}

func (h Handlers) mailPage(c echo.Context, id uuid.UUID, p web.MailShowProps) error {
	m, err := h.Core.OutboxMail(c.Request().Context(), id)
	if err != nil {
		return err
	}
	p.Layout, p.Mail, p.Body, p.Error, p.Attempts = h.layout(c), mailRow(m), m.Body, m.Error, m.Attempts
	p.Sealed = m.HasLink
	if !request.Allowed(c, request.Platform) {
		p.Body = "" // what a mail says is its person's: auditors see that it was sent
		return page.Render(c, page.StatusOf(p.Form), web.MailShow(p))
	}
	if m.Path != "" {
		p.Link = h.PublicURL + m.Path
	}
	return page.Render(c, page.StatusOf(p.Form), web.MailShow(p))
}
