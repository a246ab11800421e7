package org

import (
	"context"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// ListImages shows the organization's images, and above them its uploads that are under way or were refused.
func (h Handlers) ListImages(c echo.Context) error {
	orgID, _ := where(c)
	ctx := c.Request().Context()
	l, q := request.ParseList(c, "name", "size", "disk", "use", "created"), request.ParseQuery(c)
	f := models.ImageFilter{Search: q.Typed("search"), Sorting: l.Sorting, Page: l.Page()}
	images, total, size, err := h.Models.ListImages(ctx, orgID, f)
	if err != nil {
		return err
	}
	uploads, open, err := h.Models.Uploads(ctx, orgID)
	if err != nil {
		return err
	}
	quota, err := h.quota(ctx, orgID)
	if err != nil {
		return err
	}
	p := web.ImageListProps{
		Layout: h.layout(c), Quota: quota, List: page.List(l, total), MayUpload: mayWork(c), Size: size, Search: f.Search,
		Uploads: h.uploadRows(c.Request().Context(), uploads), MoreUploads: open - len(uploads),
	}
	for _, i := range images {
		p.Images = append(p.Images, web.ImageRow{
			ID: i.ID, Name: i.Name, UEFI: i.Firmware.NeedsUEFI(), Format: i.Format, Size: i.CanonicalSize, VirtualSize: i.VirtualSize, Created: i.CreatedAt, Person: i.Person, Used: i.Used, Lost: lost(i),
		})
	}
	return page.Live(c, web.ImageList(p))
}

// lost is what became of an image's bytes; empty: they are there.
func lost(i models.Image) string {
	if i.Lost == models.BlobWhole {
		return ""
	}
	return i.Lost.Words()
}

// NewImage shows where to upload one, and where to give an address, which may be prefilled by another page.
func (h Handlers) NewImage(c echo.Context) error {
	q := request.ParseQuery(c)
	return h.newImage(c, http.StatusOK, web.AddressForm{Address: q.Typed("address"), Name: q.Typed("name"), SHA256: q.Typed("sha256")})
}

func (h Handlers) newImage(c echo.Context, status int, address web.AddressForm) error {
	orgID, _ := where(c)
	uploads, err := h.Models.ArrivingUploads(c.Request().Context(), orgID)
	if err != nil {
		return err
	}
	quota, err := h.quota(c.Request().Context(), orgID)
	if err != nil {
		return err
	}
	sent := slices.DeleteFunc(uploads, func(u models.Upload) bool { return u.Source != "" })
	return page.Render(c, status, web.ImageNew(web.ImageNewProps{
		Layout: h.layout(c), Quota: quota, Endpoint: "/uploads/", MaxBytes: h.MaxUploadBytes, Uploads: h.uploadRows(c.Request().Context(), sent), MayUpload: mayWork(c), Unverified: !h.UploadsChecked,
		Address: address, Fetched: h.UploadsFetched, Digest: digestOf(c),
	}))
}

func (h Handlers) quota(ctx context.Context, orgID uuid.UUID) (ui.QuotaProps, error) {
	q, err := h.Models.Quota(ctx, orgID)
	return ui.QuotaProps{Allowed: q.Allowed, Stored: q.Stored, Arriving: q.Arriving, Checking: q.Checking}, err
}

// digestOf is the SHA-256 that was given for a file which was refused, for the next try; what is none is nobody's.
func digestOf(c echo.Context) string {
	digest, err := typed.ParseDigest(c.QueryParam("digest"))
	if err != nil {
		return ""
	}
	return digest
}

// ShowImage shows an image, with the verdict on the upload that it came of.
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
		Layout: h.layout(c), ID: i.ID, Name: i.Name, Member: i.Member, VirtualSize: i.VirtualSize, CanonicalSize: i.CanonicalSize, Firmware: i.Firmware,
		CanonicalDigest: i.CanonicalDigest, GuestDigest: i.GuestDigest, ProposedVCPUs: i.ProposedVCPUs, ProposedMemoryMiB: i.ProposedMemoryMiB,
		Person: i.Person, Created: i.CreatedAt, MayUse: mayWork(c), List: page.List(l, total), Search: f.Search,
		Lost: lost(i), LostAt: page.Time(i.LostAt),
	}
	if p.Lost != "" {
		if p.Users, err = h.Models.UsersOfImage(ctx, i); err != nil {
			return err
		}
	}
	if i.UploadID != "" {
		u, err := h.Models.Upload(ctx, orgID, i.UploadID)
		if err != nil {
			return err
		}
		p.Upload, p.UploadName, p.UploadSize, p.UploadDigest, p.Format = u.ID, u.Name, u.Size, u.Digest, u.Format
		p.Verified, p.Verdict = page.Time(u.VerifiedAt), imageChecks(ofMember(u.Checks, i.Member))
	}
	same, err := h.Models.SameContent(ctx, i)
	if err != nil {
		return err
	}
	for _, s := range same {
		p.Same = append(p.Same, web.UploadImage{ID: s.ID, Name: s.Name})
	}
	for _, v := range versions {
		p.UsedBy = append(p.UsedBy, web.ImageVersion{
			Version: web.VersionLink{ID: v.ID, ModelName: v.ModelName, Version: v.Version}, State: v.State, Created: v.CreatedAt,
		})
	}
	return page.Live(c, web.ImageShow(p))
}

// ofMember are the checks of one disk of an upload, and those of the upload itself.
func ofMember(checks []provisioner.ImageCheck, member string) []provisioner.ImageCheck {
	return slices.DeleteFunc(slices.Clone(checks), func(c provisioner.ImageCheck) bool { return c.Member != "" && c.Member != member })
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
	return h.Frame.Done(c, "/org/images", "The image is deleted, and with it its bytes and its copies on hosts, as soon as these answer.")
}

func (h Handlers) confirmDeleteImage(c echo.Context, id uuid.UUID, r *refusal.Error, status int) error {
	orgID, _ := where(c)
	i, err := h.Models.Image(c.Request().Context(), orgID, id)
	if err != nil {
		return err
	}
	p := web.ImageDeleteProps{
		Layout: h.layout(c), Form: ui.Form{Refusal: r}, ID: i.ID, Name: i.Name, Frees: i.CanonicalSize, Unused: r == nil, Lost: lost(i),
	}
	if r != nil {
		published := models.ImageVersionFilter{State: models.VersionStatePublished, Page: store.Page{Limit: 20}}
		versions, _, err := h.Models.VersionsOfImage(c.Request().Context(), orgID, id, published)
		if err != nil {
			return err
		}
		for _, v := range versions {
			p.Published = append(p.Published, web.VersionLink{ID: v.ID, ModelName: v.ModelName, Version: v.Version})
		}
	}
	return page.Render(c, status, web.ImageDelete(p))
}

// imageOptions are images as a version's form offers them.
func imageOptions(images []models.Image) []ui.Option {
	var options []ui.Option
	for _, i := range images {
		options = append(options, ui.Option{Value: i.ID.String(), Label: i.Name + behind(i)})
	}
	return options
}

// behind is what is to be known of an image where it is chosen, behind its name: that its bytes are lost, or what the OVA that it came in
// asks for; mostly nothing.
func behind(i models.Image) string {
	if words := lost(i); words != "" {
		return " (its bytes " + words + ")"
	}
	if words := web.Proposal(i.ProposedVCPUs, i.ProposedMemoryMiB); words != "" {
		return " (its OVA asks for " + words + ")"
	}
	return ""
}
