package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
)

// Directory is a Place in one folder. Files are written beside their place and renamed into it after an fsync.
type Directory struct {
	root string
	sync func(*os.File) error // has a file or a folder on the disk
}

// NewDirectory names the folder, and makes nothing.
func NewDirectory(root string) (*Directory, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("blob folder %s: %w", root, err)
	}
	return &Directory{root: absolute, sync: (*os.File).Sync}, nil
}

// OpenDirectory is NewDirectory, and Begin.
func OpenDirectory(root string) (*Directory, error) {
	d, err := NewDirectory(root)
	if err != nil {
		return nil, err
	}
	return d, d.Begin(context.Background())
}

// Begin makes the folder, its parts and its mark where they are missing.
func (d *Directory) Begin(context.Context) error {
	for _, part := range []string{"uploads", "images", "partial"} {
		if err := os.MkdirAll(filepath.Join(d.root, part), 0o750); err != nil {
			return fmt.Errorf("blob folder: %w", err)
		}
	}
	if d.there() != nil {
		if err := os.WriteFile(filepath.Join(d.root, Mark), []byte(MarkText), 0o600); err != nil {
			return fmt.Errorf("blob folder: %w", err)
		}
	}
	return nil
}

// Kept looks for its mark, and for files in its parts.
func (d *Directory) Kept(ctx context.Context) (bool, error) {
	if _, err := os.Stat(filepath.Join(d.root, Mark)); err == nil {
		return true, d.Begin(ctx)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("blob folder: %w", err)
	}
	for _, part := range []string{"uploads", "images"} {
		entries, err := os.ReadDir(filepath.Join(d.root, part))
		if len(entries) > 0 {
			return true, d.Begin(ctx)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("blob folder: %w", err)
		}
	}
	return false, nil
}

// Uploads are those in its folder of that name.
func (d *Directory) Uploads() Uploads {
	return &directoryUploads{d, filestore.New(filepath.Join(d.root, "uploads"))}
}

// Put keeps what r gives until its end and returns its size in bytes.
func (d *Directory) Put(ctx context.Context, key string, r io.Reader) (int64, error) {
	to, err := d.place(key)
	if err == nil {
		err = d.there()
	}
	if err != nil {
		return 0, err
	}
	f, err := os.CreateTemp(filepath.Join(d.root, "partial"), "put-")
	if err != nil {
		return 0, fmt.Errorf("keep %s: %w", key, full(err))
	}
	defer os.Remove(f.Name())
	defer f.Close()
	n, err := io.Copy(f, contextReader{ctx, r})
	if err == nil {
		err = errors.Join(d.sync(f), f.Close())
	}
	if err == nil {
		err = d.move(f.Name(), to)
	}
	if err != nil {
		return n, fmt.Errorf("keep %s: %w", key, full(err))
	}
	return n, nil
}

// Adopt keeps a local file, which is gone afterwards; on the same file system without a copy.
func (d *Directory) Adopt(ctx context.Context, key, path string) error {
	to, err := d.place(key)
	if err == nil {
		err = d.there()
	}
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("adopt %s: %w", key, err)
	}
	defer f.Close()
	if err := d.sync(f); err != nil {
		return fmt.Errorf("adopt %s: %w", key, full(err))
	}
	if err := d.move(path, to); err == nil {
		return nil
	}
	// Another file system: the only way is a copy.
	if _, err := d.Put(ctx, key, f); err != nil {
		return err
	}
	return os.Remove(path)
}

// Open gives the bytes from the start, and their number.
func (d *Directory) Open(_ context.Context, key string) (io.ReadCloser, int64, error) {
	path, err := d.place(key)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, d.absent(key, err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("open %s: %w", key, err)
	}
	return f, info.Size(), nil
}

// Local gives the file itself.
func (d *Directory) Local(_ context.Context, key string) (string, func(), error) {
	path, err := d.place(key)
	if err != nil {
		return "", nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return "", nil, d.absent(key, err)
	}
	return path, func() {}, nil
}

// Delete removes a blob; there may be none.
func (d *Directory) Delete(_ context.Context, key string) error {
	path, err := d.place(key)
	if err != nil {
		return err
	}
	err = os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d.there()
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// List gives what lies in a folder after a key, in the keys' order.
func (d *Directory) List(ctx context.Context, folder, after string) (list []Listed, more bool, err error) {
	if err := CheckFolder(folder); err != nil {
		return nil, false, err
	}
	files, err := os.ReadDir(filepath.Join(d.root, folder)) // by name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, fmt.Errorf("%w: list %s: %w", ErrAway, folder, err)
	}
	if err := d.there(); err != nil {
		return nil, false, err
	}
	if err != nil {
		return nil, false, fmt.Errorf("list %s: %w", folder, err)
	}
	for _, f := range files {
		key := folder + "/" + f.Name()
		if key <= after || CheckKey(key) != nil {
			continue
		}
		if len(list) == ListPage {
			return list, true, ctx.Err()
		}
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() { // else it went meanwhile
			list = append(list, Listed{Key: key, Size: info.Size(), Written: info.ModTime()})
		}
	}
	return list, false, ctx.Err()
}

// DiscardPartial removes what processes that died left half written before a time.
func (d *Directory) DiscardPartial(_ context.Context, before time.Time) error {
	folder := filepath.Join(d.root, "partial")
	files, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("discard partial blobs: %w", err)
	}
	var errs []error
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.ModTime().Before(before) {
			if err := os.Remove(filepath.Join(folder, f.Name())); !errors.Is(err, fs.ErrNotExist) { // another worker's sweep
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (d *Directory) place(key string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	return filepath.Join(d.root, filepath.FromSlash(key)), nil
}

// full names ErrFull where the file system has no room.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// there is ErrAway where the folder has no mark: another folder is in its place, such as the one on which it is to be mounted.
func (d *Directory) there() error {
	if _, err := os.Stat(filepath.Join(d.root, Mark)); err != nil {
		return fmt.Errorf("%w: the folder of uploads and images is not there, or not mounted: %w", ErrAway, err)
	}
	return nil
}

// absent tells a blob that is not there from a folder that is not there, such as one that is not mounted any more.
func (d *Directory) absent(key string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open %s: %w", key, err)
	}
	if _, err := os.Stat(filepath.Dir(filepath.Join(d.root, filepath.FromSlash(key)))); err != nil {
		return fmt.Errorf("%w: open %s: %w", ErrAway, key, err)
	}
	if err := d.there(); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrNotFound, key)
}

// move renames and writes the folder's entry to disk, so that a power cut leaves the old name or the new one.
func (d *Directory) move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return d.syncAt(filepath.Dir(to))
}

// syncAt has the file or folder at a path on the disk.
func (d *Directory) syncAt(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.sync(f)
}

// contextReader ends a copy when ctx does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
