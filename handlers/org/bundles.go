package org

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/handlers/respond"
	"volary.dev/handlers/respond/page"
	"volary.dev/provisioner/bundle"
	"volary.dev/provisioner/certificate"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/blob"
	"volary.dev/store/models"
	web "volary.dev/web/org"
)

// Blobs are the bytes of images. blob.Store is it.
type Blobs interface {
	Open(ctx context.Context, key string) (io.ReadCloser, int64, error)
}

// DownloadBundle sends a published version as one file: images, document and certificates.
func (h Handlers) DownloadBundle(c echo.Context) error {
	v, err := h.version(c)
	if err != nil {
		return err
	}
	orgID, _ := where(c)
	ctx := c.Request().Context()
	b, err := h.Models.Bundle(ctx, orgID, v.ID, h.PublicURL)
	if err != nil {
		return err
	}
	size, err := b.Size()
	if err != nil {
		return err
	}
	open := openImage(h.Blobs)
	for _, i := range b.Images { // before the first byte, while there can be an answer
		r, err := open(ctx, i)
		if err != nil {
			return err
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentDisposition, mime.FormatMediaType("attachment", map[string]string{"filename": v.ModelClusterName + "-" + v.Version + ".tar"}))
	header.Set(echo.HeaderContentType, "application/x-tar")
	header.Set(echo.HeaderContentLength, strconv.FormatInt(size, 10))
	c.Response().WriteHeader(http.StatusOK)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	return b.Write(ctx, c.Response(), open)
}

// openImage gives the bytes of images. What is not in the store any more ends the answer in the middle, which its length tells.
func openImage(blobs Blobs) func(ctx context.Context, i bundle.Image) (io.ReadCloser, error) {
	return func(ctx context.Context, i bundle.Image) (io.ReadCloser, error) {
		key, err := blob.ImageKey(i.Digest)
		if err != nil {
			return nil, err
		}
		r, size, err := blobs.Open(ctx, key)
		if err == nil && size != i.Size {
			_ = r.Close()
			return nil, fmt.Errorf("the image %s has %d bytes in the store, and %d were kept", i.Digest, size, i.Size)
		}
		return r, err
	}
}

// CreateModelFromBundle makes a model cluster with a draft of an upload that is a bundle.
func (h Handlers) CreateModelFromBundle(c echo.Context) error {
	subject, err := request.ID(c, "id", "upload")
	if err != nil {
		return err
	}
	f, err := request.ParseForm(c)
	if err != nil {
		return err
	}
	name := f.Name("name", "a name", 1, 80)
	if r := f.Refusal(); r != nil {
		return h.bundleRefused(c, f.Typed("name"), r)
	}
	orgID, personID := where(c)
	id, err := h.Models.CreateModelFromBundle(c.Request().Context(), orgID, personID, models.UploadOf(subject), name)
	if r, ok := respond.AsForm(err); ok {
		return h.bundleRefused(c, f.Typed("name"), r)
	}
	if err != nil {
		return err
	}
	return h.Frame.Done(c, versionPath(id), "The model cluster is made, with this draft. Publish it, and test it here.")
}

func (h Handlers) bundleRefused(c echo.Context, name string, r *refusal.Error) error {
	p, err := h.upload(c)
	if err != nil {
		return err
	}
	if p.Bundle == nil {
		return r
	}
	p.Bundle.Form.Refusal, p.Bundle.Typed = r, name
	return page.Render(c, respond.Status(r.Code), web.UploadShow(p))
}

// uploadBundle is what an upload's page says of the model cluster in it; nil where it is no bundle.
func (h Handlers) uploadBundle(ctx context.Context, orgID uuid.UUID, uploadID string) (*web.UploadBundle, error) {
	b, ok, err := h.Models.BundleOfUpload(ctx, orgID, uploadID)
	if err != nil || !ok {
		return nil, err
	}
	p := &web.UploadBundle{Whose: b.Whose, Model: b.Model, Version: b.Version, Digest: b.DocumentDigest, Typed: b.Model}
	for _, envelope := range b.Certificates {
		p.Certificates = append(p.Certificates, foreignCertificate(models.ForeignCertificate{Envelope: envelope, Keys: b.Keys}, b.DocumentDigest))
	}
	return p, nil
}

// foreignCertificate reads a certificate that came in a bundle: whose it says it is, and what its signatures are worth by the keys that came along.
func foreignCertificate(c models.ForeignCertificate, document string) (p web.ForeignCertificate) {
	var ring certificate.Ring
	if c.Keys != "" {
		var err error
		if ring, err = certificate.ReadRing([]byte(c.Keys)); err != nil {
			p.Wrong = "The list of keys that came along cannot be read, so nothing says whose signature it is."
		}
	}
	v, err := certificate.Verify([]byte(c.Envelope), ring)
	if err != nil {
		p.Wrong = "It cannot be read as a certificate."
		return p
	}
	t := v.Statement.Predicate.Test
	p.Provider, p.Pool, p.Ended = t.Provider.Name, t.Pool, t.Ended
	for _, s := range v.Signatures {
		by := "an unknown key"
		if s.Key.ID != "" {
			if by = s.Key.Of.Name; s.Key.Platform() {
				by = "its platform"
			}
		}
		p.Signatures = append(p.Signatures, web.ForeignSignature{By: by, Key: s.KeyID, State: string(s.State)})
	}
	switch {
	case p.Wrong != "":
	case t.Document != document:
		p.Wrong = "It is of another document: " + t.Document + "."
	case !v.Valid():
		p.Wrong = "No signature of it is valid by the keys that came along."
	}
	return p
}
