package blob

import (
	"context"
	"errors"
	"fmt"
	"io"

	tus "github.com/tus/tusd/v2/pkg/handler"
)

// Arrival is an upload whose bytes this process brings itself. Who makes one has the upload's lock.
type Arrival struct {
	upload tus.Upload
	offset int64
}

// Arrive goes on with an upload, or begins it where nothing is here. Size is its bytes, or the most that it may have where how many there will
// be is told by Finish.
func Arrive(ctx context.Context, to Uploads, id, filename string, size int64) (*Arrival, error) {
	upload, err := to.Tus().GetUpload(ctx, id)
	if errors.Is(err, tus.ErrNotFound) {
		upload, err = to.Tus().NewUpload(ctx, tus.FileInfo{ID: id, Size: size, MetaData: tus.MetaData{"filename": filename}})
	}
	if err != nil {
		return nil, fmt.Errorf("begin upload %s: %w", id, err)
	}
	info, err := upload.GetInfo(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at upload %s: %w", id, err)
	}
	return &Arrival{upload: upload, offset: info.Offset}, nil
}

// Offset is how many bytes are here.
func (a *Arrival) Offset() int64 { return a.offset }

// Append takes bytes until from ends or fails, and counts those that are kept. ErrFull: there is no room.
func (a *Arrival) Append(ctx context.Context, from io.Reader) (int64, error) {
	n, err := a.upload.WriteChunk(ctx, a.offset, from)
	a.offset += n
	return n, err
}

// Finish makes one blob of an upload that is here as a whole.
func (a *Arrival) Finish(ctx context.Context) error {
	if u, ok := a.upload.(tus.LengthDeclarableUpload); ok {
		if err := u.DeclareLength(ctx, a.offset); err != nil {
			return fmt.Errorf("end upload: %w", err)
		}
	}
	return a.upload.FinishUpload(ctx)
}
