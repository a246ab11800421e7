package blob

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/tus/tusd/v2/pkg/filestore"
	tus "github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/sys/unix"
)

// directoryUploads are uploads in a folder, which tusd's own store of files writes.
type directoryUploads struct {
	d     *Directory
	files filestore.FileStore
}

// Tus is tusd's store of files.
func (u *directoryUploads) Tus() TusStore { return directoryTus{u.files, u} }

// Progress reads the file's size and time.
func (u *directoryUploads) Progress(_ context.Context, id string) (Progress, error) {
	if err := CheckID(id); err != nil {
		return Progress{}, err
	}
	info, err := os.Stat(filepath.Join(u.files.Path, id))
	if err != nil {
		return Progress{}, u.d.absent(UploadKey(id), err)
	}
	return Progress{Received: info.Size(), Written: info.ModTime()}, nil
}

// Room is what is free in the file system.
func (u *directoryUploads) Room(context.Context) (Room, error) {
	if err := u.d.there(); err != nil {
		return Room{}, err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(u.files.Path, &fs); err != nil {
		return Room{}, fmt.Errorf("room for uploads: %w", err)
	}
	return Room{Free: int64(min(fs.Bavail, math.MaxInt64/uint64(fs.Bsize))) * fs.Bsize}, nil //nolint:gosec // bounded in the same line
}

// Range reads a part of the file.
func (u *directoryUploads) Range(_ context.Context, id string, from, length int64) (io.ReadCloser, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(u.files.Path, id))
	if err != nil {
		return nil, u.d.absent(UploadKey(id), err)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, from, length), f}, nil
}

// Ranges opens the file for each: that is no question to anybody.
func (u *directoryUploads) Ranges(ctx context.Context, id string) (Ranges, error) {
	if _, err := u.Progress(ctx, id); err != nil {
		return nil, err
	}
	return func(ctx context.Context, from, length int64) (io.ReadCloser, error) {
		return u.Range(ctx, id, from, length)
	}, nil
}

// Sums reads the file of sums.
func (u *directoryUploads) Sums(_ context.Context, id string) ([]byte, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	sums, err := os.ReadFile(filepath.Join(u.files.Path, id+SumsSuffix))
	if err != nil {
		if err = u.d.absent(UploadKey(id), err); errors.Is(err, ErrNotFound) {
			err = nil
		}
		return nil, err
	}
	return sums, nil
}

// KeepSums has them on the disk before they have their name: a sum of zeros after a power cut would tell people that their own file
// is another.
func (u *directoryUploads) KeepSums(ctx context.Context, id string, sums []byte) error {
	if err := CheckID(id); err != nil {
		return err
	}
	_, err := u.d.Put(ctx, UploadKey(id)+SumsSuffix, bytes.NewReader(sums))
	return err
}

// Discard removes the files.
func (u *directoryUploads) Discard(ctx context.Context, id string) error {
	if err := CheckID(id); err != nil {
		return err
	}
	var errs []error
	for _, suffix := range []string{"", SumsSuffix, ".halfsums", NoteSuffix} { // .halfsums: until 2026-11-29
		errs = append(errs, u.d.Delete(ctx, UploadKey(id)+suffix))
	}
	return errors.Join(errs...)
}

// directoryTus is tusd's store of files, with ErrFull where the disk is full, and whose uploads take all that is beside them with them.
type directoryTus struct {
	filestore.FileStore
	of *directoryUploads
}

// NewUpload implements tus.DataStore. tusd would make a folder anew that is not mounted, and write into it.
func (t directoryTus) NewUpload(ctx context.Context, info tus.FileInfo) (tus.Upload, error) {
	if err := CheckID(info.ID); err != nil {
		return nil, err
	}
	if err := t.of.d.there(); err != nil {
		return nil, err
	}
	u, err := t.FileStore.NewUpload(ctx, info)
	if err != nil {
		return nil, full(err)
	}
	return directoryUpload{u, t.of, info.ID}, nil
}

// GetUpload implements tus.DataStore.
func (t directoryTus) GetUpload(ctx context.Context, id string) (tus.Upload, error) {
	if CheckID(id) != nil {
		return nil, tus.ErrNotFound
	}
	u, err := t.FileStore.GetUpload(ctx, id)
	if errors.Is(err, tus.ErrNotFound) {
		if away := t.of.d.there(); away != nil { // who sends it is not told that it is gone
			return nil, away
		}
	}
	if err != nil {
		return nil, full(err)
	}
	return directoryUpload{u, t.of, id}, nil
}

// AsTerminatableUpload implements tus.TerminaterDataStore.
func (t directoryTus) AsTerminatableUpload(u tus.Upload) tus.TerminatableUpload {
	return u.(directoryUpload)
}

type directoryUpload struct {
	tus.Upload
	of *directoryUploads
	id string
}

// WriteChunk implements tus.Upload. It writes where the request said, and not at the end as tusd's store does: a process that was stopped between two
// bytes and goes on after another one has the lock then writes what the file has there anyway, and not the same bytes twice.
func (u directoryUpload) WriteChunk(ctx context.Context, offset int64, from io.Reader) (int64, error) {
	n, err := writeAt(filepath.Join(u.of.files.Path, u.id), offset, contextReader{ctx, from})
	if errors.Is(err, fs.ErrNotExist) { // it was here a moment ago
		err = cmp.Or(u.of.d.there(), err)
	}
	return n, full(err)
}

// writeAt writes into a file that is there from an offset on, and counts the bytes that are kept.
func writeAt(path string, offset int64, from io.Reader) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.NewOffsetWriter(f, offset), from)
	return n, errors.Join(err, f.Close())
}

// FinishUpload implements tus.Upload. What is whole has to be so after a power cut as well: its row says it from now on, and its sender keeps
// nothing any more.
func (u directoryUpload) FinishUpload(ctx context.Context) error {
	if err := u.Upload.FinishUpload(ctx); err != nil {
		return full(err)
	}
	for _, path := range []string{filepath.Join(u.of.files.Path, u.id), u.of.files.Path} {
		if err := u.of.d.syncAt(path); err != nil {
			return fmt.Errorf("finish upload %s: %w", u.id, full(err))
		}
	}
	return nil
}

// Terminate implements tus.TerminatableUpload.
func (u directoryUpload) Terminate(ctx context.Context) error { return u.of.Discard(ctx, u.id) }
