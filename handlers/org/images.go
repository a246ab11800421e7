package org

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// ListImages shows the organization's images and its unfinished uploads.
func (h Handlers) ListImages(c echo.Context) error {
	orgID, _ := where(c)
	l, q := request.ParseList(c, "name", "state", "size", "disk", "use", "created"), request.ParseQuery(c)
	f := models.ImageFilter{Search: q.Typed("search"), State: q.Typed("state"), Sorting: l.Sorting, Page: l.Page()}
	images, total, size, err := h.Models.ListImages(c.Request().Context(), orgID, f)
	if err != nil {
		return err
	}
	p := web.ImageListProps{
		Layout: h.layout(c), List: page.List(l, total), MayUpload: mayWork(c), Size: size, Search: f.Search, State: f.State,
	}
	for _, i := range images {
		p.Images = append(p.Images, web.ImageRow{
			ID: i.ID, Name: i.Name, State: string(i.State), Reason: i.Reason, Format: i.Format,
			Size: i.Size, VirtualSize: i.VirtualSize, Created: i.CreatedAt, Person: i.Person, Used: i.Used,
		})
	}
	if p.Uploads, err = h.unfinished(c); err != nil {
		return err
	}
	return page.Live(c, web.ImageList(p))
}

// NewImage shows where to upload one.
func (h Handlers) NewImage(c echo.Context) error {
	uploads, err := h.unfinished(c)
	if err != nil {
		return err
	}
	return page.Render(c, http.StatusOK, web.ImageNew(web.ImageNewProps{
		Layout: h.layout(c), Endpoint: "/uploads/", MaxBytes: h.MaxUploadBytes, Uploads: uploads, MayUpload: mayWork(c), Unverified: !h.UploadsChecked,
	}))
}

// ShowImage shows an image's verdict, check by check.
func (h Handlers) ShowImage(c echo.Context) error {
	id, err := request.ID(c, "id", "image")
	if err != nil {
		return err
	}
	orgID, _ := where(c)
	ctx := c.Request().Context()
	i, err := h.Models.Image(ctx, orgID, id)
	if err != nil {
		return err
	}
	l, q := request.ParseList(c, "model", "state", "created"), request.ParseQuery(c)
	f := models.ImageVersionFilter{Search: q.Typed("search"), Sorting: l.Sorting, Page: l.Page()}
	versions, total, err := h.Models.VersionsOfImage(ctx, orgID, id, f)
	if err != nil {
		return err
	}
	p := web.ImageShowProps{
		Layout: h.layout(c), ID: i.ID, Name: i.Name, State: string(i.State), Reason: i.Reason, Format: i.Format,
		Size: i.Size, VirtualSize: i.VirtualSize, CanonicalSize: i.CanonicalSize,
		UploadedDigest: i.UploadedDigest, CanonicalDigest: i.CanonicalDigest, ContentDigest: i.ContentDigest,
		Person: i.Person, Created: i.CreatedAt, Verified: page.Time(i.VerifiedAt), MayUse: mayWork(c), List: page.List(l, total), Search: f.Search,
	}
	for _, check := range i.Checks {
		p.Checks = append(p.Checks, imageCheck(check))
	}
	for _, v := range versions {
		p.UsedBy = append(p.UsedBy, web.ImageVersion{
			Version: web.VersionLink{ID: v.ID, ModelName: v.ModelName, Version: v.Version}, State: v.State, Created: v.CreatedAt,
		})
	}
	return page.Live(c, web.ImageShow(p))
}

// ConfirmDeleteImage says what deleting does before it is done, or what still uses the image.
func (h Handlers) ConfirmDeleteImage(c echo.Context) error {
	id, err := request.ID(c, "id", "image")
	if err != nil {
		return err
	}
	orgID, _ := where(c)
	used, err := h.Models.UseOfImage(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	return h.confirmDeleteImage(c, id, used, http.StatusOK)
}

// DeleteImage removes an image that nothing uses.
func (h Handlers) DeleteImage(c echo.Context) error {
	id, err := request.ID(c, "id", "image")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	err = h.Models.DeleteImage(c.Request().Context(), orgID, personID, id)
	if r, ok := respond.AsForm(err); ok {
		return h.confirmDeleteImage(c, id, r, respond.Status(r.Code))
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/images", "The image is deleted. Its bytes and its copies on hosts are being removed.")
}

func (h Handlers) confirmDeleteImage(c echo.Context, id uuid.UUID, r *refusal.Error, status int) error {
	orgID, _ := where(c)
	i, err := h.Models.Image(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	p := web.ImageDeleteProps{
		Layout: h.layout(c), Form: ui.Form{Refusal: r}, ID: i.ID, Name: i.Name, State: string(i.State), Size: i.Size, Unused: r == nil,
	}
	switch i.State {
	case provisioner.ImageReady:
		p.Frees = i.CanonicalSize
	case provisioner.ImageChecking, provisioner.ImageUnverified:
		p.Frees = i.Size
	case provisioner.ImageRefused: // its bytes went with the verdict
	}
	return page.Render(c, status, web.ImageDelete(p))
}

func imageCheck(c provisioner.ImageCheck) ui.Check {
	check := ui.Check{Name: c.Name, State: "passed", Detail: c.Detail, Repair: c.Repair}
	switch {
	case !c.Passed:
		check.State = "failed"
	case c.Warned:
		check.State = "warning"
	}
	return check
}

func (h Handlers) unfinished(c echo.Context) ([]web.UploadRow, error) {
	orgID, _ := where(c)
	uploads, err := h.Models.Uploads(c.Request().Context(), orgID)
	var list []web.UploadRow
	for _, u := range uploads {
		list = append(list, web.UploadRow{ID: u.ID, Filename: u.Filename, Size: u.Size, Offset: h.Uploads.Received(c.Request().Context(), u.ID), Created: u.CreatedAt, Person: u.Person, Fingerprint: u.Fingerprint})
	}
	return list, err
}

// imageOptions are the images that a version may use.
func (h Handlers) imageOptions(c echo.Context) ([]ui.Option, error) {
	orgID, _ := where(c)
	images, err := h.Models.Images(c.Request().Context(), orgID, store.Page{Limit: 1000})
	var options []ui.Option
	for _, i := range images {
		if i.State == provisioner.ImageReady {
			options = append(options, ui.Option{Value: i.ID.String(), Label: i.Name})
		}
	}
	return options, err
}
