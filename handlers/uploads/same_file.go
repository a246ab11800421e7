package uploads

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/models"
)

// What a client says of an upload, see doc.go.
const (
	placeHeader       = "Volary-Place"       // for whom it was begun: "org:" and the organization's id
	fingerprintHeader = "Volary-Fingerprint" // of its file
	senderHeader      = "Volary-Sender"      // a random name of the file in this client
	digestHeader      = "Volary-Digest"      // the SHA-256 that its file is to have, in any form that typed.ParseDigest reads
	receivedHeader    = "Volary-Received"    // the digest of the bytes before Upload-Offset
	proveHeader       = "Volary-Prove"       // on answers to HEAD: the next bytes are taken with a digest only
)

// hereFor refuses a request that was made for another organization than the session works for now, and one whose words about its
// file are none: they go into queries.
func (u *Handler) hereFor(c echo.Context) error {
	s, made := request.Session(c), c.Request().Header.Get(placeHeader)
	if err := models.CheckSender(c.Request().Header.Get(fingerprintHeader), c.Request().Header.Get(senderHeader)); err != nil {
		return err
	}
	if digest := c.Request().Header.Get(digestHeader); digest != "" {
		if _, err := typed.ParseDigest(digest); err != nil {
			return &refusal.Error{Code: "invalid", Title: "The SHA-256 that was given is not taken. This digest " + err.Error() + ".", Next: "Nothing was sent. Correct it, or leave it out."}
		}
	}
	if made == "" || made == "org:"+s.OrganizationID.String() {
		return nil
	}
	r := &refusal.Error{
		Code: "other_organization", Title: "You work for " + typed.Isolate(s.OrganizationName) + " now, and this upload was begun for another organization.",
		Next: "Switch back to go on. What was sent is kept.",
	}
	at, err := u.people.Workplaces(c.Request().Context(), s.PersonID)
	if err != nil {
		return err
	}
	for _, o := range at.Organizations {
		if made == "org:"+o.ID.String() {
			r.Title = "This upload is for " + typed.Isolate(o.Name) + ", and you work for " + typed.Isolate(s.OrganizationName) + " now."
			r.Next = "Switch to " + typed.Isolate(o.Name) + " to go on. What was sent is kept."
		}
	}
	return r
}

// uploadFor finds the upload of the organization, and refuses a request that is for another one or carries the fingerprint of
// another file.
func (u *Handler) uploadFor(c echo.Context, who principal, id string) (models.Upload, error) {
	if err := u.hereFor(c); err != nil {
		return models.Upload{}, err
	}
	// The tus handler knows no owners.
	upload, err := u.models.Upload(c.Request().Context(), who.organization, id)
	if err != nil {
		return upload, err
	}
	if who.fingerprint != "" && upload.Fingerprint != "" && who.fingerprint != upload.Fingerprint {
		return upload, u.anotherFile(c.Request().Context(), upload)
	}
	return upload, refuseFetched(c.Request().Method, upload)
}

func (u *Handler) anotherFile(ctx context.Context, upload models.Upload) *refusal.Error {
	return &refusal.Error{
		Code: "another_file", Title: fmt.Sprintf("The unfinished upload %s (%d of %d bytes are here, begun by %s) is of another file.",
			typed.Isolate(upload.Filename), u.Received(ctx, upload.ID), upload.Size, typed.Isolate(upload.Person)),
		Next: "Upload this file as a new one, or discard that upload.",
	}
}

// admit decides, under the upload's lock, whether who sends may append at an offset: who sent what is before it, or shows to
// have the same bytes. Nothing is known of the file of a plain tus client, which goes on at its own risk and
// only where the upload was begun by one.
func (u *Handler) admit(ctx context.Context, id string, offset int64) (models.Upload, error) {
	who, _ := ctx.Value(principalKey{}).(principal)
	upload, err := u.models.Upload(ctx, who.organization, id)
	if err != nil {
		return upload, err
	}
	switch {
	case who.fingerprint == "" && upload.Fingerprint != "":
		return upload, &refusal.Error{
			Code: "another_file", Title: "Nothing is known of your file, and the upload " + typed.Isolate(upload.Filename) + " was begun with a fingerprint.",
			Next: "Send " + fingerprintHeader + " with every request, or begin an upload of your own.",
		}
	case who.fingerprint != upload.Fingerprint && upload.Fingerprint != "":
		return upload, u.anotherFile(ctx, upload)
	case who.proves(upload, offset), who.received != "":
		if err := u.prove(ctx, upload, offset, who.received); err != nil {
			return upload, err
		}
	}
	digest, err := announced(who, upload)
	if err != nil || who.sender == upload.Sender && digest == "" {
		return upload, err
	}
	return upload, u.models.TakeUpload(ctx, id, who.sender, digest)
}

// announced is the digest of the file that who sends gives, where it is not the one that is known already.
func announced(who principal, upload models.Upload) (string, error) {
	if who.digest == "" {
		return "", nil
	}
	digest, err := typed.ParseDigest(who.digest)
	if err != nil || digest == upload.ExpectedDigest {
		return "", err
	}
	return digest, nil
}

// proves tells whether a client that says of which file it sends has to show that it begins with what is here.
func (p principal) proves(upload models.Upload, offset int64) bool {
	return p.fingerprint != "" && offset > 0 && (p.sender == "" || p.sender != upload.Sender)
}

func (u *Handler) prove(ctx context.Context, upload models.Upload, offset int64, received string) error {
	here, err := u.sums.digest(ctx, upload.ID, offset)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(here), []byte(received)) == 1 {
		return nil
	}
	return &refusal.Error{
		Code: "unproven", Title: fmt.Sprintf("Another sender brought the first %d bytes of %s.", offset, typed.Isolate(upload.Filename)),
		Next: "Show that yours are the same, by " + receivedHeader + ", and go on.",
	}
}

// complete has an upload checked whose last byte is here. What has arrived must be the file that was announced, as far
// as its fingerprint tells.
func (u *Handler) complete(ctx context.Context, who principal, id string) error {
	upload, err := u.models.Upload(ctx, who.organization, id)
	if err != nil {
		return err
	}
	if known(upload.Fingerprint) {
		here, err := u.store.Ranges(ctx, id)
		if err != nil {
			return err
		}
		switch is, err := fingerprint(upload.Size, func(at, length int64) (io.ReadCloser, error) { return here(ctx, at, length) }); {
		case err != nil:
			return err
		case is != upload.Fingerprint:
			return &refusal.Error{
				Code: "another_file", Title: "What arrived of " + typed.Isolate(upload.Filename) + " is not the file whose upload was begun.",
				Next: "It may have changed meanwhile, or been mixed with another. Discard this upload and choose the file again.",
			}
		}
	}
	return u.models.FinishUpload(ctx, who.person, id)
}
