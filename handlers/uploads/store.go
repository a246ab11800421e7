package uploads

import (
	"context"
	"errors"
	"io"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/handlers/respond"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/blob"
)

// worded is the store of uploads for the tus handler, with words of ours where it is full or fails: tusd would show the client
// the error itself, with the store's own names. What is written is written under the upload's lock.
type worded struct {
	blob.TusStore
	handler *Handler
}

func (w worded) useIn(c *tus.StoreComposer) {
	c.UseCore(w)
	c.UseTerminater(w)
}

// NewUpload implements tus.DataStore.
func (w worded) NewUpload(ctx context.Context, info tus.FileInfo) (tus.Upload, error) {
	u, err := w.TusStore.NewUpload(ctx, info)
	return wordedUpload{u, w.handler, info.ID}, w.handler.inOurWords(ctx, err)
}

// GetUpload implements tus.DataStore.
func (w worded) GetUpload(ctx context.Context, id string) (tus.Upload, error) {
	u, err := w.TusStore.GetUpload(ctx, id)
	return wordedUpload{u, w.handler, id}, w.handler.inOurWords(ctx, err)
}

// AsTerminatableUpload implements tus.TerminaterDataStore.
func (w worded) AsTerminatableUpload(u tus.Upload) tus.TerminatableUpload {
	upload, _ := u.(wordedUpload)
	return wordedEnd{w.TusStore.AsTerminatableUpload(upload.Upload), w.handler}
}

type wordedEnd struct {
	tus.TerminatableUpload
	handler *Handler
}

// Terminate implements tus.TerminatableUpload.
func (e wordedEnd) Terminate(ctx context.Context) error {
	return e.handler.inOurWords(ctx, e.TerminatableUpload.Terminate(ctx))
}

type wordedUpload struct {
	tus.Upload
	handler *Handler
	id      string
}

// GetInfo implements tus.Upload.
func (u wordedUpload) GetInfo(ctx context.Context) (tus.FileInfo, error) {
	info, err := u.Upload.GetInfo(ctx)
	return info, u.handler.inOurWords(ctx, err)
}

// WriteChunk implements tus.Upload. Bytes that come when the lock is not certainly ours wait, and those after its end are not taken.
func (u wordedUpload) WriteChunk(ctx context.Context, offset int64, from io.Reader) (int64, error) {
	upload, err := u.handler.admit(ctx, u.id, offset)
	if err != nil {
		return 0, u.handler.refusal(ctx, err)
	}
	held := holdOf(ctx)
	ctx, end := held.under(ctx)
	defer end()
	l, err := u.handler.lookAt(ctx, upload, offset, held.guard(ctx, from))
	if err != nil {
		return 0, u.handler.inOurWords(ctx, err)
	}
	n, err := u.Upload.WriteChunk(ctx, offset, l)
	if l.refused != nil {
		return 0, u.handler.turnDown(ctx, upload, l.refused)
	}
	return n, u.handler.inOurWords(ctx, err)
}

// FinishUpload implements tus.Upload.
func (u wordedUpload) FinishUpload(ctx context.Context) error {
	return u.handler.inOurWords(ctx, u.Upload.FinishUpload(ctx))
}

// inOurWords leaves tusd's own errors as they are; of any other the sender learns what there is to do.
func (u *Handler) inOurWords(ctx context.Context, err error) error {
	var tusd tus.Error
	switch {
	case err == nil, errors.As(err, &tusd):
		return err
	case errors.Is(err, errLockLost):
		return tus.ErrUploadInterrupted
	case errors.Is(err, blob.ErrFull):
		u.log.ErrorContext(ctx, "upload", "error", err)
		return said(storageFull(noRoom))
	}
	return u.refusal(ctx, err)
}

func storageFull(title string) *refusal.Error {
	return &refusal.Error{Code: "storage_full", Title: title, Next: "What was sent is kept. Tell the operator, and go on later."}
}

// said is the tus handler's form of a refusal.
func said(r *refusal.Error) error { return told(r, respond.Status(r.Code)) }
