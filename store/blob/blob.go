package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"
)

// Store keeps immutable blobs under keys. Put and Adopt replace what has the key, and a reader sees the old or the
// new bytes, never a part.
type Store interface {
	// Put keeps what r gives until its end and returns its size in bytes. ErrFull: there is no room.
	Put(ctx context.Context, key string, r io.Reader) (int64, error)
	// Adopt keeps a local file, which is gone afterwards. ErrFull: there is no room.
	Adopt(ctx context.Context, key, path string) error
	// Open gives the bytes from the start, and their number. A line that breaks meanwhile is the store's to mend.
	Open(ctx context.Context, key string) (io.ReadCloser, int64, error)
	// Local gives a file with the bytes for programs that want a path; release ends its use. The file must not be
	// changed.
	Local(ctx context.Context, key string) (path string, release func(), err error)
	// Delete removes a blob; there may be none.
	Delete(ctx context.Context, key string) error
	// List gives what lies in a folder ("images", "uploads") after a key ("": from the start), in the keys' order; more says that the
	// list goes on after its last. What is being written is not in it.
	List(ctx context.Context, folder, after string) (list []Listed, more bool, err error)
	// DiscardPartial removes what processes that died left half written before a time, but for uploads that may go on.
	DiscardPartial(ctx context.Context, before time.Time) error
}

// Listed is a blob, or what lies beside an upload.
type Listed struct {
	Key     string
	Size    int64 // bytes
	Written time.Time
}

// Uploads are files on their way in. Their ids are of 32 lower-case hex digits; once its last byte is here, an upload is the blob
// UploadKey. Nothing here keeps two from appending at once: that is a lock's (handlers/uploads).
type Uploads interface {
	// Tus is where the tus handler writes. Its errors are tusd's own, or any other: nobody outside may see those. ErrFull: there is no room.
	Tus() TusStore
	// Progress tells how far an upload has come; ErrNotFound where nothing of it is here.
	Progress(ctx context.Context, id string) (Progress, error)
	// Room is what may come still. ErrFull: nothing, since what is on its way has no place.
	Room(ctx context.Context) (Room, error)
	// Range gives length bytes of what is here of an upload, finished or not, from an offset on.
	Range(ctx context.Context, id string, from, length int64) (io.ReadCloser, error)
	// Ranges looks once what is here of an upload, for who reads several ranges of that.
	Ranges(ctx context.Context, id string) (Ranges, error)
	// Sums are what KeepSums kept beside the upload; none is no error.
	Sums(ctx context.Context, id string) ([]byte, error)
	// KeepSums replaces them as a whole.
	KeepSums(ctx context.Context, id string, sums []byte) error
	// Discard removes an upload and all that lies beside it; there may be none.
	Discard(ctx context.Context, id string) error
}

// TusStore is what the tus handler needs of a store.
type TusStore interface {
	tus.DataStore
	tus.TerminaterDataStore
}

// Ranges gives length bytes from an offset on.
type Ranges func(ctx context.Context, from, length int64) (io.ReadCloser, error)

// Progress is how far an upload has come.
type Progress struct {
	Received int64     // bytes that are here
	Written  time.Time // when the last of them came, as far as the store knows
}

// Room is what uploads may still take, in bytes.
type Room struct {
	// Free is what is free now, where Bound is 0.
	Free int64
	// Bound is what all unfinished uploads may have together, where nobody knows what is free.
	Bound int64
}

// Place is where all bytes are: blobs, and what is on its way in. Without its mark (Mark) it is away (ErrAway): it says nothing of what it
// has, and keeps nothing.
type Place interface {
	Store
	Uploads() Uploads
	// Kept tells whether this was a store before: it has its mark, or something that was kept before there were marks, and gets its mark
	// then. Where it is not, nothing is made.
	Kept(ctx context.Context) (bool, error)
	// Begin makes a store with its mark: for who knows that nothing was kept before.
	Begin(ctx context.Context) error
}

// Mark is the file, or the object, that tells a store from an empty folder or bucket, such as a folder in whose place a disk is to be mounted, or a
// bucket that was made anew.
const Mark = "volary-store"

// MarkText is what it says.
const MarkText = "Volary's uploads and images are beside this. A folder or a bucket without it is taken for another one.\n"

// The errors of a Place.
var (
	ErrNotFound = errors.New("no such blob")
	ErrKey      = errors.New("blob key refused")
	ErrFull     = errors.New("no room in the blob store")
	// ErrAway says that the store did not answer, or only that it cannot for now: nothing is known of what it has or does.
	ErrAway = errors.New("it does not answer")
)

// MaxUpload is how many bytes a file may have, whichever way it comes.
const MaxUpload = 64 << 30

// LeastFree is below what a store of uploads is as good as full, bytes.
const LeastFree = 64 << 20

// ListPage is how many blobs one List gives at most.
const ListPage = 1000

var (
	keyPattern    = regexp.MustCompile(`^[a-z]+/[0-9a-f]{32,64}(\.[a-z0-9]{1,8})?$`)
	digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	idPattern     = regexp.MustCompile(`^[0-9a-f]{32}$`)
	folderPattern = regexp.MustCompile(`^[a-z]+$`)
)

// UploadKey is the key of an upload's bytes.
func UploadKey(uploadID string) string { return "uploads/" + uploadID }

// UploadOf is the upload that a key of the folder "uploads" belongs to: its bytes, or what lies beside them.
func UploadOf(key string) (id string, ok bool) {
	if rest, found := strings.CutPrefix(key, "uploads/"); found && keyPattern.MatchString(key) {
		id, _, _ = strings.Cut(rest, ".")
	}
	return id, idPattern.MatchString(id)
}

// CheckID refuses (ErrKey) what is no upload's id: a key is made of it.
func CheckID(id string) error {
	if !idPattern.MatchString(id) {
		return fmt.Errorf("%w: upload %q", ErrKey, id)
	}
	return nil
}

// What lies beside an upload's bytes: the note of who writes them, and their sums.
const (
	NoteSuffix = ".info"
	SumsSuffix = ".sums"
)

// ImageKey is the key of a canonical image by its digest.
func ImageKey(digest string) (string, error) {
	if !digestPattern.MatchString(digest) {
		return "", fmt.Errorf("%w: %q is not a SHA-256 in lower-case hex", ErrKey, digest)
	}
	return "images/" + digest + ".qcow2", nil
}

// ImageDigest is the digest in an image's key.
func ImageDigest(key string) (digest string, ok bool) {
	digest, ok = strings.CutPrefix(strings.TrimSuffix(key, ".qcow2"), "images/")
	return digest, ok && digestPattern.MatchString(digest) && strings.HasSuffix(key, ".qcow2")
}

// CheckKey refuses (ErrKey) every key but those of this form, so that none leaves its folder: one lower-case word, a slash, hex digits and a short suffix.
func CheckKey(key string) error {
	if !keyPattern.MatchString(key) {
		return fmt.Errorf("%w: %q", ErrKey, key)
	}
	return nil
}

// CheckFolder is CheckKey for a folder.
func CheckFolder(folder string) error {
	if !folderPattern.MatchString(folder) {
		return fmt.Errorf("%w: folder %q", ErrKey, folder)
	}
	return nil
}
