package image

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// ErrNotHere says that a file's guest-visible digest cannot be computed without the programs that a verification confines.
var ErrNotHere = errors.New("its guest-visible digest is not computed here")

// FileDigest is the SHA-256 of a file as it lies.
func FileDigest(ctx context.Context, file *os.File) (string, error) {
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("size of the file: %w", err)
	}
	return digest(ctx, file, info.Size(), func(int64) {})
}

// GuestDigest is the guest-visible digest of a disk in a file, computed by our own readers alone: of raw disks and of qcow2, that Inspect
// passes within the limits. ErrNotHere of everything else, with what to do.
//
// 2026-11-30: it is for who checks a certificate on a machine of their own, without a sandbox and qemu-img. A verification has both and does not use it.
func GuestDigest(ctx context.Context, file *os.File, limits Limits) (digest string, err error) {
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("size of the disk: %w", err)
	}
	found, err := Inspect(file, info.Size(), limits)
	if err != nil {
		return "", err
	}
	if failed := found.Failed(); failed != nil {
		return "", fmt.Errorf("%w: %s %s", ErrNotHere, failed.Detail, failed.Repair)
	}
	g := newGuestStream(io.Discard)
	size := found.VirtualSize
	switch found.Format {
	case FormatRaw:
		err = g.readGuest(ctx, file, size, nil)
	case FormatQCOW2:
		err = readQCOW2(ctx, g, file)
	default:
		err = fmt.Errorf("%w: it is a disk of the format %s; convert it: `qemu-img convert -O raw FILE disk.raw`", ErrNotHere, found.Format)
	}
	if err != nil {
		return "", errors.Join(err, g.abandon())
	}
	return g.end(size)
}

// qcow2Reader reads what a guest reads of a qcow2 that Inspect passed: no other file, no encryption, each cluster named once.
type qcow2Reader struct {
	file    io.ReaderAt
	h       qcow2Header
	cluster int64
	l1      []byte
	l2      []byte // the table at l2At
	l2At    int64
	packed  []byte // the last compressed cluster, unpacked, and its entry
	entry   uint64
	source  []byte
	zstd    *zstd.Decoder
}

func readQCOW2(ctx context.Context, g *guestStream, file io.ReaderAt) error {
	head := make([]byte, 112)
	if _, err := file.ReadAt(head, 0); err != nil {
		return fmt.Errorf("read header: %w", err)
	}
	q := &qcow2Reader{file: file, h: parseQCOW2(head)}
	if q.h.incompatible&featureExtendedL2 != 0 {
		return fmt.Errorf("%w: the qcow2 has extended entries; convert it: `qemu-img convert -O raw FILE disk.raw`", ErrNotHere)
	}
	q.cluster = int64(1) << q.h.clusterBits
	q.l1, q.l2, q.packed = make([]byte, int64(q.h.l1Size)*8), make([]byte, q.cluster), make([]byte, q.cluster)
	if _, err := file.ReadAt(q.l1, signed(q.h.l1Offset)); err != nil {
		return fmt.Errorf("read the first-level table: %w", err)
	}
	if q.h.compressionType == 1 {
		var err error
		if q.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderLowmem(true)); err != nil {
			return fmt.Errorf("begin to unpack: %w", err)
		}
		defer q.zstd.Close()
	}
	return q.pieces(ctx, g, signed(q.h.size))
}

// pieces gives the stream every piece in which something may be.
func (q *qcow2Reader) pieces(ctx context.Context, g *guestStream, size int64) error {
	reach := q.cluster / 8 * q.cluster // bytes of the disk that a second-level table is of
	buf := make([]byte, guestPiece)
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if table := at / reach; q.table(table) == 0 && (table+1)*reach >= at+guestPiece {
			at = (table + 1) * reach / guestPiece * guestPiece
			continue
		}
		piece := buf[:min(guestPiece, size-at)]
		there, err := q.fill(piece, at)
		if err != nil {
			return fmt.Errorf("read the disk at %d of %d bytes: %w", at, size, err)
		}
		if there {
			buf = g.take(at, piece)
		}
		at += int64(len(piece))
	}
	return nil
}

// table is where the n-th second-level table lies; 0: there is none.
func (q *qcow2Reader) table(n int64) int64 {
	if n >= int64(len(q.l1)/8) {
		return 0
	}
	return signed(binary.BigEndian.Uint64(q.l1[n*8:]) & offsetMask)
}

// fill reads a piece of the disk, and tells whether any of it is in the file.
func (q *qcow2Reader) fill(piece []byte, at int64) (there bool, err error) {
	clear(piece)
	for done := int64(0); done < int64(len(piece)); {
		within := (at + done) % q.cluster
		part := piece[done:min(int64(len(piece)), done+q.cluster-within)]
		some, err := q.read(part, (at+done)/q.cluster, within)
		if err != nil {
			return false, err
		}
		there = there || some
		done += int64(len(part))
	}
	return there, nil
}

// read reads a part of the n-th cluster of the disk, from a byte of it on.
func (q *qcow2Reader) read(part []byte, n, within int64) (there bool, err error) {
	entries := q.cluster / 8
	at := q.table(n / entries)
	if at == 0 {
		return false, nil
	}
	if at != q.l2At {
		if _, err := q.file.ReadAt(q.l2, at); err != nil {
			return false, err
		}
		q.l2At = at
	}
	entry := binary.BigEndian.Uint64(q.l2[n%entries*8:])
	switch {
	case entry&l2Compressed != 0:
		if err := q.unpack(entry); err != nil {
			return false, err
		}
		copy(part, q.packed[within:])
		return true, nil
	case q.h.version == 3 && entry&l2ReadsZeros != 0 || entry&offsetMask == 0:
		return false, nil
	}
	// A file may end in its last cluster: what is behind its end reads as zeros.
	_, err = io.ReadFull(io.NewSectionReader(q.file, signed(entry&offsetMask)+within, int64(len(part))), part)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return true, err
}

// unpack leaves a compressed cluster in q.packed.
func (q *qcow2Reader) unpack(entry uint64) error {
	if entry == q.entry {
		return nil
	}
	q.entry = 0 // until it is whole
	bits := 62 - (q.h.clusterBits - 8)
	at := signed(entry & (1<<bits - 1))
	length := signed((entry&(1<<62-1))>>bits+1)*512 - at%512
	if int64(cap(q.source)) < length {
		q.source = make([]byte, length)
	}
	n, err := q.file.ReadAt(q.source[:length], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	packed := bytes.NewReader(q.source[:n])
	var from io.Reader
	if q.zstd != nil {
		if err := q.zstd.Reset(packed); err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		from = q.zstd
	} else {
		from = flate.NewReader(packed)
	}
	if _, err := io.ReadFull(from, q.packed); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	q.entry = entry
	return nil
}
