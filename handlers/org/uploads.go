package org

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
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
		FinishedBy: u.FinishedBy, Finished: page.Time(u.FinishedAt), Verified: page.Time(u.VerifiedAt), Verdict: imageChecks(u.Checks), Progress: web.UploadProgress(u.Progress), MayUpload: mayWork(c),
		Advice: u.Advice, Leads: u.Leads, Given: u.Given, Rate: u.Rate,
	}
	for _, i := range images {
		p.Images = append(p.Images, web.UploadImage{ID: i.ID, Name: i.Name, Member: i.Member, VirtualSize: i.VirtualSize})
	}
	if err == nil && u.State == provisioner.UploadDone {
		p.Bundle, err = h.uploadBundle(ctx, orgID, u.ID)
	}
	return p, err
}

// CreateUpload has a file fetched from an address.
func (h Handlers) CreateUpload(c echo.Context) error {
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	typedIn := web.AddressForm{Address: f.Typed("address"), Name: f.Typed("name"), SHA256: f.Typed("sha256")}
	again := func(r *refusal.Error) error {
		typedIn.Form = ui.Form{Refusal: r}
		return h.newImage(c, respond.Status(r.Code), typedIn)
	}
	if !h.UploadsFetched {
		return again(&refusal.Error{Code: "conflict", Title: "Nothing is fetched from addresses here.", Next: "Upload the file itself, or ask the operator to allow it."})
	}
	address, err := typed.ParseWebAddress(typedIn.Address)
	if err != nil {
		f.Wrong("address", "This address "+err.Error()+".")
	}
	if _, err := typed.ParseDigest(typedIn.SHA256); err != nil && strings.TrimSpace(typedIn.SHA256) != "" {
		f.Wrong("sha256", "This digest "+err.Error()+".")
	}
	if f.Has("name") {
		f.Name("name", "a name", 1, 255)
	}
	if r := f.Refusal(); r != nil {
		return again(r)
	}
	orgID, personID := where(c)
	digest, _ := typed.ParseDigest(typedIn.SHA256) // none: nothing is had
	if had, found, err := h.Models.UploadHad(c.Request().Context(), orgID, digest); err != nil {
		return err
	} else if found {
		return h.Frame.Done(c, "/org/uploads/"+had.Upload, "Your organization has the file with this digest already, and nothing is fetched. Here is what came of it.")
	}
	id := models.UploadOf(uuid.New())
	err = h.Models.BeginUpload(c.Request().Context(), models.NewUpload{
		Organization: orgID, Person: personID, ID: id, Filename: fileOf(address), Name: typedIn.Name, ExpectedDigest: typedIn.SHA256, Source: &address,
	})
	if r, ok := respond.AsForm(err); ok {
		return again(r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/uploads/"+id, "")
}

// fileOf is what the file at an address is called: its own name where it is one, else its server's.
func fileOf(a typed.WebAddress) string {
	if name, err := typed.ParseName(a.File); err == nil && name == a.File && len([]rune(name)) <= 255 {
		return name
	}
	return a.Host
}

// RetryUpload has an upload whose fetching failed tried again, or goes on from where its server led.
func (h Handlers) RetryUpload(c echo.Context) error {
	subject, err := request.ID(c, "id", "upload")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	orgID, personID := where(c)
	id := models.UploadOf(subject)
	err = h.Models.RetryFetch(c.Request().Context(), orgID, personID, id, f.Typed("follow"))
	if r, ok := respond.AsForm(err); ok {
		return h.uploadRefused(c, r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, "/org/uploads/"+id, "")
}

func (h Handlers) uploadRow(ctx context.Context, u models.Upload) web.UploadRow {
	return h.uploadRows(ctx, []models.Upload{u})[0]
}

func (h Handlers) uploadRows(ctx context.Context, uploads []models.Upload) (list []web.UploadRow) {
	var arriving []string
	for _, u := range uploads {
		if u.Arrives() && u.Source == "" {
			arriving = append(arriving, u.ID)
		}
	}
	here := h.Uploads.ReceivedOf(ctx, arriving)
	for _, u := range uploads {
		row := web.UploadRow{
			ID: u.ID, Name: u.Name, Filename: u.Filename, State: string(u.State), Reason: u.Reason, Size: u.Size, Offset: u.Size, Created: u.CreatedAt, Person: u.Person, Fingerprint: u.Fingerprint,
			Source: u.Source, Fetch: string(u.FetchState),
		}
		switch {
		case u.Source != "" && (u.Arrives() || u.State == provisioner.UploadRefused && u.Digest == ""): // its size is what was set aside
			row.Offset, row.Size, row.Unsized = u.Fetched, u.Length, u.Length == 0
		case u.Arrives():
			received, known := here[u.ID]
			row.Offset, row.Unknown = received, !known
		case u.Early():
			row.Offset = 0
		}
		list = append(list, row)
	}
	return list
}

// imageChecks puts the checks of each of an upload's disks together, in their order.
func imageChecks(checks []provisioner.ImageCheck) (groups []web.CheckGroup) {
	for _, c := range checks {
		n := slices.IndexFunc(groups, func(g web.CheckGroup) bool { return g.Member == c.Member })
		if n < 0 {
			n, groups = len(groups), append(groups, web.CheckGroup{Member: c.Member})
		}
		check := ui.Check{Name: c.Name, State: "passed", Detail: c.Detail, Repair: c.Repair}
		switch {
		case !c.Passed:
			check.State = "failed"
		case c.Warned:
			check.State = "warning"
		}
		groups[n].Checks = append(groups[n].Checks, check)
	}
	return groups
}
