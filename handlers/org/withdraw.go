package org

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// ConfirmWithdrawVersion says what a withdrawal does before it is done, or what still uses the version.
func (h Handlers) ConfirmWithdrawVersion(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	orgID, _ := where(c)
	used, err := h.Models.UseOfVersion(c.Request().Context(), orgID, v.ID)
	if err != nil {
		return err
	}
	return h.confirmWithdrawVersion(c, v, used, http.StatusOK)
}

// WithdrawVersion takes back a published version that nothing uses.
func (h Handlers) WithdrawVersion(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	err = h.Models.WithdrawVersion(c.Request().Context(), orgID, personID, v.ID)
	if r, ok := respond.AsForm(err); ok {
		return h.confirmWithdrawVersion(c, v, r, respond.Status(r.Code))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, versionPath(v.ID), "Withdrawn: this version holds its images no more, and each that no other version has can be deleted.")
}

func (h Handlers) confirmWithdrawVersion(c echo.Context, v models.Version, r *refusal.Error, status int) error {
	p := web.VersionWithdrawProps{
		Layout: h.layout(c), Form: ui.Form{Refusal: r}, ID: v.ID, ModelID: v.ModelClusterID, ModelName: v.ModelClusterName, Version: v.Version, Unused: r == nil,
	}
	seen := map[string]bool{}
	for _, g := range v.Groups {
		if !seen[g.Digest] {
			seen[g.Digest] = true
			p.Images = append(p.Images, web.UploadImage{ID: g.ImageID, Name: g.Image.Name})
		}
	}
	return page.Render(c, status, web.VersionWithdraw(p))
}

// withdrawn is what a page says of a version's withdrawal; nil where it is not withdrawn.
func (h Handlers) withdrawn(c echo.Context, v models.Version) (*web.Withdrawn, error) {
	if v.State != models.VersionStateWithdrawn {
		return nil, nil
	}
	orgID, _ := where(c)
	found, err := h.Models.Withdrawal(c.Request().Context(), orgID, v.ID)
	if err != nil {
		return nil, err
	}
	w := &web.Withdrawn{At: found.At, Person: found.Person}
	wrong, _ := refusal.As(v.Restorable())
	w.MayRestore = mayWork(c) && wrong == nil
	if wrong != nil {
		w.Wrong = wrong.Title + " " + wrong.Next
	}
	return w, nil
}
