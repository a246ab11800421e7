package image

import (
	"bufio"
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
func digest(ctx context.Context, file io.ReaderAt, size int64, tell func(at int64)) (string, error) {
	h := sha256.New()
	if err := feed(ctx, &telling{into: h, tell: tell}, io.NewSectionReader(file, 0, size), size); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// telling tells how many bytes went into a writer.
type telling struct {
	into io.Writer
	at   int64
	tell func(at int64)
}

// Write implements io.Writer.
func (t *telling) Write(p []byte) (int, error) {
	n, err := t.into.Write(p)
	t.at += int64(n)
	t.tell(t.at)
	return n, err
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
	extentHead = 16
)

// guestStream takes a disk piece by piece and writes the bytes that its guest-visible digest is of: to the hash, and to whatever else
// wants them. Each of these works in a goroutine of its own while the next piece is on its way.
type guestStream struct {
	pieces chan guestBytes
	free   chan []byte // buffers of a piece that may be filled again
	to     io.Writer
	sum    hash.Hash
	done   chan error // of writing to to
}

// guestBytes is a piece of a disk and where it lies; no buffer: the disk's end.
type guestBytes struct {
	at   int64
	data []byte
}

// guestAhead is how many pieces may be on their way.
const guestAhead = 6

func newGuestStream(to io.Writer) *guestStream {
	g := &guestStream{pieces: make(chan guestBytes, guestAhead), free: make(chan []byte, guestAhead), to: to, sum: sha256.New(), done: make(chan error, 1)}
	for range guestAhead {
		g.free <- make([]byte, guestPiece)
	}
	hashed := make(chan guestBytes, guestAhead)
	go func() {
		defer close(hashed)
		for p := range g.pieces {
			_ = writeExtents(g.sum, p) // a hash takes all
			hashed <- p
		}
	}()
	go func() { g.done <- g.write(hashed) }()
	return g
}

// write writes what is hashed, and where that cannot be done any more lets the rest pass: who gives pieces never waits for ever.
func (g *guestStream) write(hashed <-chan guestBytes) (err error) {
	to := bufio.NewWriterSize(g.to, 64<<10) // runs may be as short as a block
	for p := range hashed {
		if err == nil {
			err = writeExtents(to, p)
		}
		if p.data != nil {
			g.free <- p.data[:guestPiece]
		}
	}
	return errors.Join(err, to.Flush())
}

// take takes the next piece of the disk, whole but for the disk's last and not empty, which lies at a multiple of a piece. It gives a buffer for the one
// after that. What is not given is holes.
func (g *guestStream) take(at int64, piece []byte) (next []byte) {
	next = <-g.free
	g.pieces <- guestBytes{at, piece}
	return next
}

// end says that the disk has size bytes, and gives the digest. An error is that of writing.
func (g *guestStream) end(size int64) (digest string, err error) {
	g.pieces <- guestBytes{at: size}
	err = g.abandon()
	return hex.EncodeToString(g.sum.Sum(nil)), err
}

// abandon ends the stream of a disk that does not go on. Either it or end is called, once.
func (g *guestStream) abandon() error {
	close(g.pieces)
	return <-g.done
}

// readGuest gives a stream the whole of a disk that lies in a raw file. Holes are not read: it does not matter how the file lies on its file
// system. tell may be nil.
func (g *guestStream) readGuest(ctx context.Context, file *os.File, size int64, tell func(at int64)) error {
	buf := make([]byte, guestPiece)
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		from, _, err := nextData(file, at, size)
		if err != nil {
			return err
		}
		if from >= size {
			break
		}
		from -= from % guestPiece
		piece := buf[:min(guestPiece, size-from)]
		if _, err := file.ReadAt(piece, from); err != nil {
			return fmt.Errorf("read at %d of %d bytes: %w", from, size, err)
		}
		buf = g.take(from, piece)
		if at = from + int64(len(piece)); tell != nil {
			tell(at)
		}
	}
	return nil
}

// writeExtents writes the longest runs of blocks of a piece that are not zeros, or the disk's end.
func writeExtents(to io.Writer, p guestBytes) error {
	if len(p.data) == 0 {
		return writeExtent(to, p.at, nil)
	}
	begin := -1 // of the run; -1: there is none
	for n := 0; n < len(p.data); n += guestBlock {
		switch zero := allZeros(p.data[n:min(n+guestBlock, len(p.data))]); {
		case zero && begin >= 0:
			if err := writeExtent(to, p.at+int64(begin), p.data[begin:n]); err != nil {
				return err
			}
			begin = -1
		case !zero && begin < 0:
			begin = n
		}
	}
	if begin >= 0 {
		return writeExtent(to, p.at+int64(begin), p.data[begin:])
	}
	return nil
}

func writeExtent(to io.Writer, at int64, data []byte) error {
	var head [extentHead]byte
	binary.BigEndian.PutUint64(head[:], whole(at))
	binary.BigEndian.PutUint64(head[8:], whole(int64(len(data))))
	if _, err := to.Write(head[:]); err != nil {
		return err
	}
	_, err := to.Write(data)
	return err
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
