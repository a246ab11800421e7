package uploads

import (
	"bytes"
	"context"
	"errors"
	"io"

	"volary.dev/handlers/respond"
	"volary.dev/provisioner"
	"volary.dev/provisioner/image/magic"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/models"
)

// looked gives what a request sends of an upload from an offset on, after the first bytes of its file have come and been looked at: a file
// that is refused for what they tell is refused before the rest is sent. Where they do not all come by this request nothing is said.
// The error is a refusal, or that the bytes before the offset cannot be read.
func (u *Handler) looked(ctx context.Context, upload models.Upload, offset int64, from io.Reader) (io.Reader, error) {
	enough := min(magic.Enough, upload.Size)
	if offset >= enough {
		return from, nil
	}
	start, err := u.begin(ctx, upload.ID, offset, enough)
	if err != nil {
		return nil, err
	}
	n, err := io.ReadFull(from, start[offset:])
	came := bytes.NewReader(start[offset:][:n])
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return came, nil
	case err != nil:
		return io.MultiReader(came, failed{err}), nil // what came before a cut is kept
	}
	// What has no mark may have one at its end; the check has it all.
	if len(magic.Look(start, nil, upload.Size)) > 0 {
		if _, refused := magic.Take(start, nil, upload.Size); refused != nil {
			return nil, refused
		}
	}
	return io.MultiReader(came, from), nil
}

// begin has the bytes before an offset, and room for those up to enough.
func (u *Handler) begin(ctx context.Context, id string, offset, enough int64) ([]byte, error) {
	start := make([]byte, enough)
	if offset == 0 {
		return start, nil
	}
	before, err := u.store.Range(ctx, id, 0, offset)
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(before, start[:offset])
	return start, errors.Join(err, before.Close())
}

// failed is the end of a body that was cut.
type failed struct{ err error }

// Read implements io.Reader.
func (f failed) Read([]byte) (int, error) { return 0, f.err }

// turnDown ends an upload whose first bytes are none of a file that is taken. Its page says why, and nothing of it is kept: what the store
// does not give away now, a sweep finds.
func (u *Handler) turnDown(ctx context.Context, upload models.Upload, r *refusal.Error) error {
	who, _ := ctx.Value(principalKey{}).(principal)
	if err := u.models.RefuseUpload(ctx, who.person, upload.ID, provisioner.ImageCheck{Name: "format", Detail: r.Title, Repair: r.Next}); err != nil {
		return u.refusal(ctx, err)
	}
	if err := u.store.Discard(ctx, upload.ID); err != nil {
		u.log.WarnContext(ctx, "bytes of a refused upload are left to the sweep", "upload", upload.ID, "error", err)
	}
	answer := told(r, respond.Status(r.Code))
	answer.HTTPResponse.Header[uploadHeader] = upload.ID
	return answer
}

// turnedDown says again why an upload was ended.
func turnedDown(upload models.Upload) *refusal.Error {
	r := &refusal.Error{Code: "format", Title: upload.Reason}
	for _, c := range upload.Checks {
		r.Next = c.Repair
	}
	return r
}
