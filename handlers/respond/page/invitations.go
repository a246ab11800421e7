package page

import (
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/store/people"
	"volary.dev/web/ui"
)

// InvitationFilter reads the part of a list of invitations that a GET asks for, and the props of its filters.
func InvitationFilter(c echo.Context, base string, roles []ui.Option) (people.InvitationFilter, ui.InvitationsProps) {
	l, q := request.ParseList(c, "for", "as", "by", "made", "until"), request.ParseQuery(c)
	l.Path = base // a refused form shows the list, too
	f := people.InvitationFilter{Text: q.Typed("q"), Role: q.Typed("as"), State: q.Typed("state"), Sorting: l.Sorting, Page: l.Page()}
	return f, ui.InvitationsProps{Base: base, List: List(l, 0), Roles: roles, Text: f.Text, As: f.Role, State: f.State}
}

// Invitations fills the props with what the store read.
func Invitations(p ui.InvitationsProps, list []people.Invitation, total int) ui.InvitationsProps {
	p.List.Total = total
	for _, i := range list {
		row := ui.InvitationRow{ID: i.ID.String(), Role: i.Role, By: i.InvitedBy, Made: i.CreatedAt, Until: i.ExpiresAt, Expired: i.Expired, RefusedBy: i.RefusedBy, Refused: i.Refused}
		if i.Cap != nil {
			limit := int64(*i.Cap)
			row.Cap = &limit
		}
		if i.Email != nil {
			row.Email = *i.Email
		}
		p.Invitations = append(p.Invitations, row)
	}
	return p
}
