package provider

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
	web "volary.dev/web/provider"
	"volary.dev/web/ui"
)

// ListAnnouncements shows what the provider tells its organizations, or with ?over=1 what it told them.
func (h Handlers) ListAnnouncements(c echo.Context) error {
	return h.announcementList(c, http.StatusOK, nil)
}

func (h Handlers) announcementList(c echo.Context, status int, refusal *refusal.Error) error {
	l, q := request.ParseList(c, "title", "from", "until"), request.ParseQuery(c)
	l.Path = "/provider/announcements"
	f := people.AnnouncementFilter{Search: q.Typed("search"), Over: q.Typed("over") == "1", Sorting: l.Sorting, Page: l.Page()}
	rows, total, err := h.People.ProviderAnnouncements(c.Request().Context(), where(c), f)
	if err != nil {
		return err
	}
	p := web.AnnouncementListProps{Layout: h.layout(c), List: page.List(l, total), Search: f.Search, Over: f.Over, Form: ui.Form{Refusal: refusal}}
	for _, x := range rows {
		row := web.AnnouncementRow{
			ID: x.ID, Title: x.Title, Text: x.Text, Pool: x.PoolName, Warning: x.Tone == "warning", Person: x.PersonName, From: x.FromAt, Until: page.Time(x.UntilAt),
			Ended: page.Time(x.EndedAt), Shown: !f.Over && !x.FromAt.After(now()), Over: f.Over,
		}
		p.Announcements = append(p.Announcements, row)
	}
	return page.Render(c, status, web.AnnouncementList(p))
}

// NewAnnouncement shows the form.
func (h Handlers) NewAnnouncement(c echo.Context) error {
	return h.announcementForm(c, http.StatusOK, web.AnnouncementNewProps{Tone: "note"})
}

func (h Handlers) announcementForm(c echo.Context, status int, p web.AnnouncementNewProps) error {
	pools, err := h.pools(c)
	if err != nil {
		return err
	}
	p.Layout, p.Pools = h.layout(c), pools
	return page.Render(c, status, web.AnnouncementNew(p))
}

// CreateAnnouncement announces.
func (h Handlers) CreateAnnouncement(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	p := web.AnnouncementNewProps{
		Pool: f.Typed("pool"), Title: f.Typed("title"), Text: f.Typed("text"), Tone: f.Typed("tone"), From: f.Typed("from_at"), Until: f.Typed("until_at"), Mail: f.Has("mail"),
	}
	n := people.NewAnnouncement{
		Title: f.Text("title", "a title", 1, 120), Text: strings.TrimSpace(f.Lines("text", "the text", 8000)), Tone: f.Choice("tone", "note or warning", "note", "warning"),
		From: f.Moment("from_at", "the beginning"), Until: f.Until("until_at", "the end"), Mail: p.Mail,
	}
	if n.Text == "" {
		f.Wrong("text", "Write what is to be told.")
	}
	if f.Has("pool") {
		n.Pool = f.ID("pool", "a pool, or all of them")
	}
	f.Also(n.Check())
	r := f.Refusal()
	if r == nil {
		var id uuid.UUID
		if id, err = h.People.Announce(c.Request().Context(), who(c), where(c), n); err == nil && id != uuid.Nil {
			return h.Frame.Done(c, "/provider/announcements", "It is announced.")
		}
		if r, _ = respond.AsForm(err); r == nil {
			return err
		}
	}
	p.Form = ui.Form{Refusal: r}
	return h.announcementForm(c, respond.Status(r.Code), p)
}

// EndAnnouncement takes an announcement from all pages.
func (h Handlers) EndAnnouncement(c echo.Context) error {
	id, err := request.ID(c, "id", "announcement")
	if err != nil {
		return err
	}
	err = h.People.EndAnnouncement(c.Request().Context(), who(c), where(c), id)
	if r, ok := respond.AsForm(err); ok {
		return h.announcementList(c, respond.Status(r.Code), r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/provider/announcements", "The announcement is ended.")
}
