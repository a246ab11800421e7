package uploads

import (
	"cmp"
	"context"
	"net/http"

	"github.com/google/uuid"

	"volary.dev/provisioner/refusal"
)

// Discard forgets an unfinished upload of the organization, as a person asked, and removes what came of it, as DELETE does; a
// request that sends it is ended. Refusals: NotFound("upload"), "conflict" where all of it is here already, "busy".
func (u *Handler) Discard(ctx context.Context, orgID, personID uuid.UUID, id string) error {
	ctx = context.WithValue(ctx, principalKey{}, principal{organization: orgID, person: personID, hold: &hold{}})
	upload, err := u.models.Upload(ctx, orgID, id)
	if err != nil {
		return err
	}
	if !upload.Arrives() {
		return uploadedAlready(upload.Filename)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, uploadPath+upload.ID, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	told := &statusOnly{header: http.Header{}}
	u.tus.ServeHTTP(told, r) // it holds the lock of who sends
	switch told.status {
	case http.StatusNoContent:
		return nil
	case http.StatusNotFound, http.StatusGone:
		// Its bytes never came, or are gone.
		was, err := u.models.DiscardUpload(ctx, personID, upload.ID)
		if err != nil {
			return err
		}
		if !was { // it is discarded, or its last byte came meanwhile and it is checked: then its bytes are needed
			_, err := u.models.Upload(ctx, orgID, upload.ID)
			return cmp.Or(err, error(uploadedAlready(upload.Filename)))
		}
		return u.store.Discard(ctx, upload.ID)
	case http.StatusConflict:
		return uploadedAlready(upload.Filename)
	default:
		return &refusal.Error{Code: "busy", Title: upload.Filename + " cannot be discarded now.", Next: "Try again in a minute."}
	}
}

// statusOnly is an answer of which the status is read.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
