package uploads

import (
	"context"
	"errors"
	"io"

	"volary.dev/handlers/respond"
	"volary.dev/provisioner/image/magic"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/models"
)

// look lets the bytes of an upload pass until the first ones of its file have all come, and refuses the file for what they tell before the next.
// What comes meanwhile is kept as it comes, since a line may be cut there, too.
type look struct {
	from    io.Reader
	start   []byte // of the file, from its begin
	enough  int    // bytes of it
	size    int64  // of the file
	refused *refusal.Error
}

// lookAt gives a look at what is sent of an upload from an offset on; behind the first bytes there is nothing to be looked at.
func (u *Handler) lookAt(ctx context.Context, upload models.Upload, offset int64, from io.Reader) (*look, error) {
	l := &look{from: from, enough: int(min(magic.Enough, upload.Size)), size: upload.Size}
	if offset >= int64(l.enough) {
		return &look{from: from}, nil
	}
	l.start = make([]byte, offset, l.enough)
	if offset == 0 {
		return l, nil
	}
	before, err := u.store.Range(ctx, upload.ID, 0, offset)
	if err != nil {
		return nil, err
	}
	_, err = io.ReadFull(before, l.start)
	return l, errors.Join(err, before.Close())
}

// Read implements io.Reader.
func (l *look) Read(p []byte) (int, error) {
	n, err := l.from.Read(p)
	if lacks := l.enough - len(l.start); lacks > 0 && n > 0 {
		l.start = append(l.start, p[:min(n, lacks)]...)
		if len(l.start) == l.enough && !l.passes() {
			return 0, l.refused
		}
	}
	return n, err
}

// passes judges. What has no mark may have one at its end: the check has it all.
func (l *look) passes() bool {
	if len(magic.Look(l.start, nil, l.size)) > 0 {
		_, l.refused = magic.Take(l.start, nil, l.size)
	}
	return l.refused == nil
}

// turnDown ends an upload whose first bytes are none of a file that is taken. Its page says why, and nothing of it is kept: what the store
// does not give away now, a sweep finds.
func (u *Handler) turnDown(ctx context.Context, upload models.Upload, r *refusal.Error) error {
	who, _ := ctx.Value(principalKey{}).(principal)
	if err := u.models.RefuseUpload(ctx, who.person, upload.ID, r.Title, r.Next); err != nil {
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
