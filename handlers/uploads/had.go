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
	h := c.Response().Header()
	h.Set("Tus-Resumable", "1.0.0")
	h.Set("Location", uploadPath+had.Upload)
	h.Set("Upload-Offset", strconv.FormatInt(had.Size, 10))
	h.Set(uploadHeader, had.Upload)
	h.Set(imageHeader, had.Image.String())
	h.Set(imageNameHeader, url.PathEscape(had.Name))
	return true, c.NoContent(http.StatusCreated)
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
