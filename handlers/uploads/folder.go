package uploads

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"github.com/tus/tusd/v2/pkg/filestore"
	tus "github.com/tus/tusd/v2/pkg/handler"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/blob"
)

// uploadFolder is tusd's store in a folder, with words of ours where the disk is full or fails: tusd would show the
// client the error itself, paths included.
type uploadFolder struct {
	filestore.FileStore
	handler *Handler
}

func (f uploadFolder) useIn(c *tus.StoreComposer) {
	c.UseCore(f)
	c.UseTerminater(f)
}

func (f uploadFolder) NewUpload(ctx context.Context, info tus.FileInfo) (tus.Upload, error) {
	u, err := f.FileStore.NewUpload(ctx, info)
	return folderUpload{u, f.handler}, inOurWords(err)
}

func (f uploadFolder) GetUpload(ctx context.Context, id string) (tus.Upload, error) {
	u, err := f.FileStore.GetUpload(ctx, id)
	return folderUpload{u, f.handler}, inOurWords(err)
}

func (f uploadFolder) AsTerminatableUpload(u tus.Upload) tus.TerminatableUpload {
	return discardable{f.FileStore.AsTerminatableUpload(u.(folderUpload).Upload), u.(folderUpload)}
}

// discardable takes the sums away too.
type discardable struct {
	tus.TerminatableUpload
	upload folderUpload
}

func (d discardable) Terminate(ctx context.Context) error {
	info, err := d.upload.GetInfo(ctx)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(d.upload.handler.folder, info.ID+blob.SumsSuffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return inOurWords(err)
	}
	return d.TerminatableUpload.Terminate(ctx)
}

type folderUpload struct {
	tus.Upload
	handler *Handler
}

func (u folderUpload) WriteChunk(ctx context.Context, offset int64, from io.Reader) (int64, error) {
	info, err := u.GetInfo(ctx)
	if err != nil {
		return 0, err
	}
	if err := u.handler.admit(ctx, info.ID, offset); err != nil {
		return 0, u.handler.refusal(ctx, err)
	}
	n, err := u.Upload.WriteChunk(ctx, offset, from)
	return n, inOurWords(err)
}

// inOurWords leaves tusd's own errors and those of the connection, which nobody reads, as they are.
func inOurWords(err error) error {
	var failed *os.PathError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return diskFull("The server has no room left for uploads.")
	case errors.As(err, &failed):
		return fmt.Errorf("upload folder: %w", failed.Err)
	}
	return err
}

func diskFull(title string) error {
	return told(&refusal.Error{
		Code: "storage_full", Title: title, Next: "What was sent is kept. Tell the operator, and go on later.",
	}, http.StatusInsufficientStorage)
}
