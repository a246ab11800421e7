package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Store keeps immutable blobs under keys. Put and Adopt replace what has the key, and a reader sees the old or the
// new bytes, never a part.
type Store interface {
	// Put keeps what r gives until its end and returns its size in bytes.
	Put(ctx context.Context, key string, r io.Reader) (int64, error)
	// Adopt keeps a local file, which is gone afterwards.
	Adopt(ctx context.Context, key, path string) error
	// Open gives the bytes from the start, and their number.
	Open(ctx context.Context, key string) (io.ReadCloser, int64, error)
	// Local gives a file with the bytes for programs that want a path; release ends its use. The file must not be
	// changed.
	Local(ctx context.Context, key string) (path string, release func(), err error)
	// Delete removes a blob; there may be none.
	Delete(ctx context.Context, key string) error
}

// The errors of a Store.
var (
	ErrNotFound = errors.New("no such blob")
	ErrKey      = errors.New("blob key refused")
)

var (
	keyPattern    = regexp.MustCompile(`^[a-z]+/[0-9a-f]{32,64}(\.[a-z0-9]{1,8})?$`)
	digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// UploadKey is the key of an upload's bytes.
func UploadKey(uploadID string) string { return "uploads/" + uploadID }

// UploadKeys are all that lies in the store of an upload: its bytes, tusd's note beside them, and their sums (handlers/uploads).
func UploadKeys(uploadID string) []string {
	return []string{UploadKey(uploadID), UploadKey(uploadID) + ".info", UploadKey(uploadID) + SumsSuffix, UploadKey(uploadID) + HalfSumsSuffix}
}

// The file of an upload's sums, and one that is being written.
const (
	SumsSuffix     = ".sums"
	HalfSumsSuffix = ".halfsums"
)

// ImageKey is the key of a canonical image by its digest.
func ImageKey(digest string) (string, error) {
	if !digestPattern.MatchString(digest) {
		return "", fmt.Errorf("%w: %q is not a SHA-256 in lower-case hex", ErrKey, digest)
	}
	return "images/" + digest + ".qcow2", nil
}

// checkKey lets no key leave its folder: one lower-case word, a slash, hex digits and a short suffix.
func checkKey(key string) error {
	if !keyPattern.MatchString(key) {
		return fmt.Errorf("%w: %q", ErrKey, key)
	}
	return nil
}
