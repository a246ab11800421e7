package uploads

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"
	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store/models"
)

// had answers the creation of an upload whose file the organization has brought already, as its given digest tells: it is the upload from
// then, which is complete. A client that reads no more than the answer's address asks there by HEAD, and learns that nothing is missing.
func (u *Handler) had(c echo.Context, who principal) (bool, error) {
	size, said := length(c.Request())
	digest, err := typed.ParseDigest(cmp.Or(who.digest, tus.ParseMetadataHeader(c.Request().Header.Get("Upload-Metadata"))["sha256"]))
	if !said || err != nil { // what is none is refused as such
		digest = ""
	}
	had, found, err := u.models.UploadHad(c.Request().Context(), who.organization, digest)
	if err != nil || !found {
		return false, err
	}
	if size != had.Size {
		return true, &refusal.Error{
			Code: "invalid", Title: fmt.Sprintf("The SHA-256 that was given is that of a file of %d bytes, of which your organization has the image %s; this one has %d bytes.", had.Size, typed.Isolate(had.Name), size),
			Next: "Nothing was sent. Correct it, or leave it out.",
		}
	}
	tellHad(c, had)
	c.Response().Header().Set("Location", uploadPath+had.Upload)
	return true, c.NoContent(http.StatusCreated)
}

// tellHad says in the answer's head that nothing is missing, and what the organization has.
func tellHad(c echo.Context, had models.Had) {
	h := c.Response().Header()
	h.Set("Tus-Resumable", "1.0.0")
	h.Set("Upload-Offset", strconv.FormatInt(had.Size, 10))
	h.Set(uploadHeader, had.Upload)
	h.Set(imageHeader, had.Image.String())
	h.Set(imageNameHeader, url.PathEscape(had.Name))
}

// hadMeanwhile answers who goes on with an upload and gives the digest of a file that the organization has brought already: HEAD says that
// nothing is missing, and more is not taken. What has arrived of it is kept, for whoever discards it. A digest that is plainly another file's is refused
// where bytes are sent, for the answer to HEAD has no words.
func (u *Handler) hadMeanwhile(c echo.Context, who principal, upload models.Upload) (bool, error) {
	sends := c.Request().Method == http.MethodPatch
	if who.digest == "" || !sends && c.Request().Method != http.MethodHead {
		return false, nil
	}
	digest, err := typed.ParseDigest(who.digest)
	if err != nil {
		return false, err
	}
	had, found, err := u.models.UploadHad(c.Request().Context(), upload.Organization, digest)
	if err != nil || !found {
		return false, err
	}
	other := had.Size != upload.Size || known(had.Fingerprint) && known(upload.Fingerprint) && had.Fingerprint != upload.Fingerprint
	switch {
	case other && sends:
		return true, &refusal.Error{
			Code: "invalid", Title: fmt.Sprintf("The SHA-256 that was given is that of another file, of %d bytes, of which your organization has the image %s.", had.Size, typed.Isolate(had.Name)),
			Next: "What was sent is kept. Correct it, or leave it out, and go on.",
		}
	case other:
		return false, nil
	case sends:
		return true, uploadedAlready(upload.Filename)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	c.Response().Header().Set("Upload-Length", strconv.FormatInt(had.Size, 10))
	tellHad(c, had)
	return true, c.NoContent(http.StatusOK)
}

// refuseLarge says of a file that is larger than any that is taken what to do; the tus handler has a number only.
func (u *Handler) refuseLarge(r *http.Request) error {
	size, said := length(r)
	if !said || u.most == 0 || size <= u.most {
		return nil
	}
	return &refusal.Error{
		Code: "too_large", Title: fmt.Sprintf("The file has %s; at most %s can be uploaded.", refusal.Bytes(size), refusal.Bytes(u.most)),
		Next: "Compress it: qemu-img convert -c -O qcow2 FILE disk.qcow2.",
	}
}

// length is how large the file of a creation is said to be; what is no number the tus handler refuses.
func length(r *http.Request) (size int64, said bool) {
	size, err := strconv.ParseInt(r.Header.Get("Upload-Length"), 10, 64)
	return size, err == nil
}
