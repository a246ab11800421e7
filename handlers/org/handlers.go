package org

import (
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/relay"
	"volary.dev/handlers/request"
	"volary.dev/handlers/respond/page"
	"volary.dev/handlers/uploads"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/overview"
	"volary.dev/store/people"
	"volary.dev/web/layout"
)

// Handlers answers for organizations. The zero value lacks everything; cmd/web fills it.
type Handlers struct {
	Core     *store.DB
	People   *people.DB
	Books    *books.DB
	Models   *models.DB
	Machines *machines.DB
	Overview *overview.DB
	Frame    page.Frame
	Relay    relay.Relay
	// MaxUploadBytes is the largest file taken; UploadsChecked is false where the worker cannot check uploads.
	PublicURL      string // links that people pass on begin with it
	MaxUploadBytes int64
	UploadsChecked bool
	UploadsFetched bool // files are fetched from addresses
	Uploads        *uploads.Handler
	Blobs          Blobs
}

// where is who asks for whom: the session's person and current organization. The policy has made sure of both.
func where(c echo.Context) (orgID, personID uuid.UUID) {
	s := request.Session(c)
	return *s.OrganizationID, s.PersonID
}

func (h Handlers) layout(c echo.Context) layout.Props { return h.Frame.Layout(c, layout.AreaOrg) }

func mayWork(c echo.Context) bool { return request.Allowed(c, request.OrgWork) }

// aboveForm moves the sentences of fields above a form that is too small to carry them beside its fields.
func aboveForm(r *refusal.Error) *refusal.Error {
	out := *r
	if out.Next == refusal.Marked { // none is
		out.Next = "Correct it and send the form again."
	}
	for _, name := range slices.Sorted(maps.Keys(r.Fields)) {
		out.Detail = append(slices.Clone(out.Detail), r.Fields[name])
	}
	return &out
}
