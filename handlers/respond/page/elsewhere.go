package page

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/web/layout"
)

// elsewhere tells which other place of the person's the page belongs to that the session's place does not have, or may not
// open. It is asked of everybody who has another place, about what exists as about what does not: neither the answer nor its time
// tells more than that. Where it cannot be read, the page is what it would be without.
func (f Frame) elsewhere(c echo.Context, code string) (overview.Workplace, bool) {
	s := request.Session(c)
	if s == nil || c.Request().Method != http.MethodGet || !wantsPage(c) || code != "not_found" && code != "forbidden" || !hasOther(s) {
		return overview.Workplace{}, false
	}
	parts := strings.Split(c.Path(), "/") // "", area, section, ":id", …
	if len(parts) < 4 || parts[3] != ":id" {
		return overview.Workplace{}, false
	}
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return overview.Workplace{}, false
	}
	w, ok, err := f.OwnerAmong(c.Request().Context(), s.PersonID, parts[1], parts[2], id)
	if err != nil || !ok {
		return overview.Workplace{}, false
	}
	here := s.OrganizationID
	if w.Provider {
		here = s.ProviderID
	}
	return w, here == nil || *here != w.ID
}

// hasOther tells whether the person has a place for which the session does not work.
func hasOther(s *people.Session) bool {
	return s.Workplaces > 1 || s.Workplaces == 1 && s.OrganizationID == nil && s.ProviderID == nil
}

// choice is a place as a value to switch to.
func choice(w overview.Workplace) layout.Choice {
	kind := KindOrganization
	if w.Provider {
		kind = KindProvider
	}
	return layout.Choice{Label: w.Name, Value: kind + ":" + w.ID.String()}
}
