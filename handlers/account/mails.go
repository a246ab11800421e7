package account

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
	web "volary.dev/web/account"
	"volary.dev/web/ui"
)

// EditMails shows which mails the person gets, by place and event.
func (h Handlers) EditMails(c echo.Context) error {
	return h.mailsPage(c, http.StatusOK, nil, nil)
}

// UpdateMails keeps what was chosen. What the form does not say stays as it is.
func (h Handlers) UpdateMails(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	chosen := func(place uuid.UUID, e store.MailEvent) (store.MailScope, bool) {
		s := store.MailScope(f.Typed(mailField(place, e)))
		return s, s != ""
	}
	err = h.People.ChooseMails(c.Request().Context(), request.Session(c).PersonID, chosen)
	if r, ok := respond.AsForm(err); ok {
		return h.mailsPage(c, respond.Status(r.Code), r, chosen)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/account/mails", "Your choice of mails is kept.")
}

// mailField is the name of the form's field for an event at a place.
func mailField(place uuid.UUID, e store.MailEvent) string { return string(e) + "." + place.String() }

func (h Handlers) mailsPage(c echo.Context, status int, r *refusal.Error, typed func(uuid.UUID, store.MailEvent) (store.MailScope, bool)) error {
	ctx, s := c.Request().Context(), request.Session(c)
	places, err := h.People.MailPlaces(ctx, s.PersonID)
	if err != nil {
		return err
	}
	p := web.MailChoicesProps{Layout: h.layout(c), Form: ui.Form{Refusal: r}, Email: s.Email, Most: store.MostNotices}
	if p.Refused, err = h.refusedMails(c); err != nil {
		return err
	}
	for _, m := range places {
		place := web.MailPlace{ID: m.ID.String(), Name: m.Name, Role: m.Role}
		for _, e := range m.Events {
			row := web.MailRow{Field: mailField(m.ID, e.Event), Event: string(e.Event), Value: string(e.Scope)}
			if typed != nil {
				if scope, said := typed(m.ID, e.Event); said {
					row.Value = string(scope)
				}
			}
			for _, scope := range e.Scopes {
				row.Options = append(row.Options, scopeOption(e, scope))
			}
			place.Rows = append(place.Rows, row)
		}
		p.Places = append(p.Places, place)
	}
	return page.Render(c, status, web.MailChoices(p))
}

// scopeOption says a scope in a word, and which one the role has by itself.
func scopeOption(e people.MailChoice, scope store.MailScope) ui.Option {
	label := "No"
	switch {
	case scope == store.ScopeOwn:
		label = "My own"
	case scope == store.ScopeAll && len(e.Scopes) == 2:
		label = "Yes"
	case scope == store.ScopeAll:
		label = "All"
	}
	if scope == e.Default {
		label += " (usual)"
	}
	return ui.Option{Value: string(scope), Label: label}
}

// refusedMails are the notices of mails to the person that could not be delivered.
func (h Handlers) refusedMails(c echo.Context) ([]ui.RefusedMail, error) {
	list, err := h.People.RefusedMails(c.Request().Context(), request.Session(c).PersonID)
	if err != nil {
		return nil, err
	}
	return page.RefusedMails(list), nil
}
