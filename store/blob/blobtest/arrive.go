package blobtest

import (
	"context"
	"io"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/store/blob"
)

// Arrive has an upload's bytes come as the tus handler writes them, and tells of each step before it is made.
func Arrive(ctx context.Context, p blob.Place, id string, content io.Reader, size int64, step func()) error {
	step()
	u, err := p.Uploads().Tus().NewUpload(ctx, tus.FileInfo{ID: id, Size: size})
	if err != nil {
		return err
	}
	step()
	if _, err := u.WriteChunk(ctx, 0, io.MultiReader(io.LimitReader(content, size/2), stepping{step}, content)); err != nil {
		return err
	}
	step()
	return u.FinishUpload(ctx)
}

// stepping reads nothing, and tells of it.
type stepping struct{ step func() }

// Read implements io.Reader.
func (s stepping) Read([]byte) (int, error) {
	s.step()
	return 0, io.EOF
}
