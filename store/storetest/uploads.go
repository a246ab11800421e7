package storetest

import (
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/floors"
	"volary.dev/store/models"
)

// Arrived is an upload whose bytes have all come, and which waits for its check.
func Arrived(t testing.TB, db *floors.All, orgID, personID uuid.UUID, id, filename string, size int64) {
	t.Helper()
	noError(t, db.Models.CreateUpload(t.Context(), orgID, personID, id, filename, size))
	noError(t, db.Models.FinishUpload(t.Context(), personID, id))
}

// DoneVerdict is that on an upload which is one disk, of a canonical digest.
func DoneVerdict(digest string) provisioner.UploadVerdict {
	return provisioner.UploadVerdict{
		State: provisioner.UploadDone, Format: "qcow2", Digest: digest,
		Checks: []provisioner.ImageCheck{{Name: "format", Passed: true, Detail: "qcow2, version 3"}},
		Images: []provisioner.VerifiedImage{{VirtualSize: 1 << 30, CanonicalSize: 900, CanonicalDigest: digest, GuestDigest: digest}},
	}
}

// ImageOf is the one image that came of an upload.
func ImageOf(t testing.TB, db *floors.All, orgID uuid.UUID, uploadID string) models.Image {
	t.Helper()
	list := check[[]models.Image](t)(db.Models.ImagesOfUpload(t.Context(), orgID, uploadID))
	if len(list) != 1 {
		t.Fatalf("%d images of upload %s", len(list), uploadID)
	}
	return list[0]
}
