package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
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

// digestSpans hashes size bytes from the file's start, and in the same reading the spans, which are in order and do not overlap.
func digestSpans(ctx context.Context, file io.ReaderAt, size int64, spans []span) (string, error) {
	h := sha256.New()
	at := int64(0)
	read := func(to int64, into io.Writer) error {
		err := feed(ctx, into, io.NewSectionReader(file, at, to-at), to-at)
		at = to
		return err
	}
	for _, s := range spans {
		if err := errors.Join(read(s.at, h), read(s.at+s.size, io.MultiWriter(h, s.into))); err != nil {
			return "", err
		}
	}
	if err := read(size, h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// The measures of the guest-visible digest; doc.go has the whole of it.
const (
	guestBlock = 4 << 10
	guestPiece = 1 << 20
)

// guestDigest is the digest of what a guest reads of a disk that lies in a raw file: doc.go says byte by byte of what. Holes are
// not read, and blocks of zeros count as holes: it does not matter how the file lies on its file system.
func guestDigest(ctx context.Context, file *os.File, size int64) (string, error) {
	h := sha256.New()
	buf := make([]byte, guestPiece)
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		from, _, err := nextData(file, at, size)
		if err != nil {
			return "", err
		}
		if from >= size {
			break
		}
		from -= from % guestPiece
		piece := buf[:min(guestPiece, size-from)]
		if _, err := file.ReadAt(piece, from); err != nil {
			return "", fmt.Errorf("hash at %d of %d bytes: %w", from, size, err)
		}
		hashExtents(h, from, piece)
		at = from + int64(len(piece))
	}
	hashExtent(h, size, nil)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// guestStream is the guest-visible digest of a disk whose bytes come in their order, in whole pieces but for the last. It hashes in a goroutine
// of its own while the next piece is on its way.
type guestStream struct {
	pieces chan []byte
	free   chan []byte // buffers of a piece that may be filled again
	sum    chan string
}

// guestAhead is how many pieces may wait for the hash.
const guestAhead = 4

func newGuestStream() *guestStream {
	g := &guestStream{pieces: make(chan []byte, guestAhead), free: make(chan []byte, guestAhead), sum: make(chan string, 1)}
	for range guestAhead {
		g.free <- make([]byte, guestPiece)
	}
	go func() {
		h, at := sha256.New(), int64(0)
		for piece := range g.pieces {
			hashExtents(h, at, piece)
			at += int64(len(piece))
			g.free <- piece[:guestPiece]
		}
		hashExtent(h, at, nil)
		g.sum <- hex.EncodeToString(h.Sum(nil))
	}()
	return g
}

// take takes the next piece of the disk, and gives a buffer for the one after that.
func (g *guestStream) take(piece []byte) (next []byte) {
	next = <-g.free
	g.pieces <- piece
	return next
}

// end gives the digest of all that came; it is called once, whatever became of the disk.
func (g *guestStream) end() string {
	close(g.pieces)
	return <-g.sum
}

// hashExtents hashes the longest runs of blocks that are not zeros in a piece that lies at an offset of the disk.
func hashExtents(h hash.Hash, at int64, piece []byte) {
	begin := -1 // of the run; -1: there is none
	for n := 0; n < len(piece); n += guestBlock {
		switch zero := allZeros(piece[n:min(n+guestBlock, len(piece))]); {
		case zero && begin >= 0:
			hashExtent(h, at+int64(begin), piece[begin:n])
			begin = -1
		case !zero && begin < 0:
			begin = n
		}
	}
	if begin >= 0 {
		hashExtent(h, at+int64(begin), piece[begin:])
	}
}

func hashExtent(h hash.Hash, at int64, data []byte) {
	var head [16]byte
	binary.BigEndian.PutUint64(head[:], whole(at))
	binary.BigEndian.PutUint64(head[8:], whole(int64(len(data))))
	h.Write(head[:])
	h.Write(data)
}

var zeroBlock [guestBlock]byte

// allZeros is of at most a block.
func allZeros(block []byte) bool { return bytes.Equal(block, zeroBlock[:len(block)]) }

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

// feed gives n bytes of r to hashes, and ends with ctx.
func feed(ctx context.Context, h io.Writer, r io.Reader, n int64) error {
	buf := make([]byte, min(1<<20, max(n, 0)))
	for done := int64(0); done < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := io.ReadFull(r, buf[:min(int64(len(buf)), n-done)])
		if err != nil {
			return fmt.Errorf("hash at %d of %d bytes: %w", done, n, err)
		}
		_, _ = h.Write(buf[:got]) // a hash takes all
		done += int64(got)
	}
	return nil
}
