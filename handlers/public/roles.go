package public

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	web "volary.dev/web/public"
)

// ShowRoles says what each role may do.
func (h Handlers) ShowRoles(c echo.Context) error {
	p := web.RolesProps{Layout: h.layout(c)}
	for _, g := range request.RoleGroups() {
		group := web.RoleGroup{Name: g.Name, Roles: g.Roles}
		for _, d := range g.Duties {
			group.Duties = append(group.Duties, web.Duty{Text: d.Text, May: d.May})
		}
		p.Groups = append(p.Groups, group)
	}
	return page.Render(c, http.StatusOK, web.Roles(p))
}
