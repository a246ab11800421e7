package public

import (
	"context"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/live"
	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
)

// ShowEvents streams what changed wherever the session works: for its organization, its provider, the platform. A page that
// is left open does not keep its session.
func (h Handlers) ShowEvents(c echo.Context) error {
	return live.Stream{
		Changes: h.Changes, Person: request.Session(c).PersonID,
		Look: func(ctx context.Context) (live.Whose, error) {
			s, err := h.People.SessionByToken(ctx, request.Token(c))
			if err != nil {
				return live.Whose{}, err
			}
			w := live.Whose{Platform: request.MayRead(&s, request.Platform)}
			if request.MayRead(&s, request.OrgRead) {
				w.Organization, w.Name = *s.OrganizationID, s.OrganizationName
			}
			if request.MayRead(&s, request.ProviderRead) {
				w.Provider, w.Name = *s.ProviderID, s.ProviderName
			}
			return w, nil
		},
		Ended:    func(err error) bool { _, refused := refusal.As(err); return refused },
		Stopping: h.Stopping, Heartbeat: h.Heartbeat,
	}.Serve(c)
}
