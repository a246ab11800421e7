package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// digest hashes size bytes from the file's start; a file that is shorter than that is an error.
func digest(ctx context.Context, file io.ReaderAt, size int64) (string, error) {
	h := sha256.New()
	if err := feed(ctx, h, io.NewSectionReader(file, 0, size), size); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sparseDigest gives the digest of size bytes from the file's start without reading its holes: their zeros come from
// memory. The value is digest's.
func sparseDigest(ctx context.Context, file *os.File, size int64) (string, error) {
	h := sha256.New()
	for at := int64(0); at < size; {
		from, to, err := nextData(file, at, size)
		if err != nil {
			return "", err
		}
		if err := feed(ctx, h, zeros{}, from-at); err != nil {
			return "", err
		}
		if err := feed(ctx, h, io.NewSectionReader(file, from, to-from), to-from); err != nil {
			return "", err
		}
		at = to
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// nextData is the next part of a file that is not a hole, from an offset on; empty and at size where there is none. A file
// system that knows no holes says that all is data.
func nextData(file *os.File, at, size int64) (from, to int64, err error) {
	from, err = unix.Seek(int(file.Fd()), at, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		return size, size, nil
	}
	if err == nil && from >= size {
		return size, size, nil
	}
	if err == nil {
		to, err = unix.Seek(int(file.Fd()), from, unix.SEEK_HOLE)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("find data from %d: %w", at, err)
	}
	return from, min(to, size), nil
}

// zeros is as many zeros as are wanted.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// feed gives n bytes of r to a hash, and ends with ctx.
func feed(ctx context.Context, h hash.Hash, r io.Reader, n int64) error {
	buf := make([]byte, min(1<<20, max(n, 0)))
	for done := int64(0); done < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := io.ReadFull(r, buf[:min(int64(len(buf)), n-done)])
		if err != nil {
			return fmt.Errorf("hash at %d of %d bytes: %w", done, n, err)
		}
		h.Write(buf[:got])
		done += int64(got)
	}
	return nil
}
