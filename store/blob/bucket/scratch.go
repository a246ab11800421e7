package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"volary.dev/store/blob"
)

// localPrefix begins the names of files that Local gives.
const localPrefix = "volary-blob-"

// scratchAge spares a file whose maker has not locked it yet.
const scratchAge = time.Minute

// spool is a file without a name: it ends with its closing, however that comes.
func (b *Bucket) spool() (*os.File, error) {
	f, err := os.CreateTemp(b.options.Scratch, localPrefix)
	if err != nil {
		return nil, local(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Local brings the bytes into a file of the scratch folder, where there is room for them. The room is promised until they lie there.
func (b *Bucket) Local(ctx context.Context, key string) (path string, release func(), err error) {
	from, size, err := b.Open(ctx, key)
	if err != nil {
		return "", nil, err
	}
	defer from.Close()
	give := func() {}
	if b.options.Reserve != nil {
		reserved, err := b.options.Reserve(b.options.Scratch, size)
		if err != nil {
			return "", nil, err
		}
		give = sync.OnceFunc(reserved)
	}
	sweep(b.options.Scratch, time.Now().Add(-scratchAge))
	f, err := os.CreateTemp(b.options.Scratch, localPrefix)
	if err != nil {
		give()
		return "", nil, local(err)
	}
	release = sync.OnceFunc(func() {
		_ = os.Remove(f.Name())
		_ = f.Close()
		give()
	})
	// The lock ends with the process, by which a file that a dead worker left is known.
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		release()
		return "", nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	n, err := io.Copy(f, from)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		release()
		return "", nil, fmt.Errorf("bring %s: %w", key, local(err))
	}
	give() // what lies there is not free: a promise that went on would count it twice
	return f.Name(), release, nil
}

// sweep removes the files that were made before a time and that nobody holds. What cannot be removed is tried again the next time.
func sweep(folder string, before time.Time) {
	files, _ := os.ReadDir(folder)
	for _, file := range files {
		info, err := file.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.HasPrefix(file.Name(), localPrefix) || !info.ModTime().Before(before) {
			continue
		}
		path := filepath.Join(folder, file.Name())
		if f, err := os.Open(path); err == nil {
			if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
				_ = os.Remove(path)
			}
			_ = f.Close()
		}
	}
}

var _ blob.Place = (*Bucket)(nil)
