package org

import (
	"context"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/models"
	web "volary.dev/web/org"
	"volary.dev/web/ui"
)

// ShowUpload shows where an upload is on its way, its verdict check by check, and what came of it.
func (h Handlers) ShowUpload(c echo.Context) error {
	p, err := h.upload(c)
	if err != nil {
		return err
	}
	return page.Live(c, web.UploadShow(p))
}

// DiscardUpload removes an upload of which no image came, whoever of the organization began it.
func (h Handlers) DiscardUpload(c echo.Context) error {
	subject, err := request.ID(c, "id", "upload")
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	ctx := c.Request().Context()
	u, err := h.Models.Upload(ctx, orgID, models.UploadOf(subject))
	if err != nil {
		return err
	}
	if u.Arrives() {
		err = h.Uploads.Discard(ctx, orgID, personID, u.ID)
	} else {
		err = h.Models.RemoveUpload(ctx, orgID, personID, u.ID)
	}
	if r, ok := respond.AsForm(err); ok {
		return h.uploadRefused(c, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/images", "The upload is discarded. What is left of its bytes is removed.")
}

func (h Handlers) uploadRefused(c echo.Context, r *refusal.Error) error {
	p, err := h.upload(c)
	if err != nil {
		return err
	}
	p.Form = ui.Form{Refusal: r}
	return page.Render(c, respond.Status(r.Code), web.UploadShow(p))
}

func (h Handlers) upload(c echo.Context) (p web.UploadShowProps, err error) {
	subject, err := request.ID(c, "id", "upload")
	if err != nil {
		return p, err
	}
	orgID, _ := where(c)
	ctx := c.Request().Context()
	u, err := h.Models.Upload(ctx, orgID, models.UploadOf(subject))
	if err != nil {
		return p, err
	}
	images, err := h.Models.ImagesOfUpload(ctx, orgID, u.ID)
	p = web.UploadShowProps{
		Layout: h.layout(c), Subject: subject, UploadRow: h.uploadRow(c.Request().Context(), u), Filename: u.Filename, Format: u.Format, Digest: u.Digest, ExpectedDigest: u.ExpectedDigest,
		FinishedBy: u.FinishedBy, Finished: page.Time(u.FinishedAt), Verified: page.Time(u.VerifiedAt), Checks: imageChecks(u.Checks), MayUpload: mayWork(c),
	}
	for _, i := range images {
		p.Images = append(p.Images, web.UploadImage{ID: i.ID, Name: i.Name, Member: i.Member, VirtualSize: i.VirtualSize})
	}
	return p, err
}

func (h Handlers) uploadRow(ctx context.Context, u models.Upload) web.UploadRow {
	row := web.UploadRow{
		ID: u.ID, Name: u.Name, Filename: u.Filename, State: string(u.State), Reason: u.Reason, Size: u.Size, Offset: u.Size, Created: u.CreatedAt, Person: u.Person, Fingerprint: u.Fingerprint,
	}
	switch {
	case u.Arrives():
		row.Offset = h.Uploads.Received(ctx, u.ID)
	case u.Early():
		row.Offset = 0
	}
	return row
}

func (h Handlers) uploadRows(ctx context.Context, uploads []models.Upload) (list []web.UploadRow) {
	for _, u := range uploads {
		list = append(list, h.uploadRow(ctx, u))
	}
	return list
}

func imageChecks(checks []provisioner.ImageCheck) (list []ui.Check) {
	for _, c := range checks {
		check := ui.Check{Name: c.Name, State: "passed", Detail: c.Detail, Repair: c.Repair}
		switch {
		case !c.Passed:
			check.State = "failed"
		case c.Warned:
			check.State = "warning"
		}
		list = append(list, check)
	}
	return list
}
