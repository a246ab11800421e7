package image

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"

	"volary.dev/provisioner"
)

// qcow2Disk reads what a guest sees of a qcow2 that Inspect has passed: no entry of its tables leads out of the file, and nothing of
// it is named twice.
type qcow2Disk struct {
	file    io.ReaderAt
	h       qcow2Header
	cluster int64
	first   []uint64 // the first-level table
	at      uint64   // the second-level table that was read last, and its entries
	second  []uint64
	zstd    *zstd.Decoder
	packed  []byte // the cluster that was unpacked last, and its entry
	entry   uint64
}

// zeroFlag marks a cluster of zeros, whatever its entry names.
const zeroFlag = 1

func openQCOW2(file io.ReaderAt) (*qcow2Disk, error) {
	start := make([]byte, 112)
	if _, err := file.ReadAt(start, 0); err != nil {
		return nil, fmt.Errorf("read its header: %w", err)
	}
	d := &qcow2Disk{file: file, h: parseQCOW2(start)}
	if d.h.incompatible&featureExtendedL2 != 0 {
		return nil, fmt.Errorf("it has subclusters: write it without, `qemu-img convert -f qcow2 -O qcow2 FILE disk.qcow2`")
	}
	d.cluster = signed(d.h.clusterSize())
	var err error
	if d.first, err = d.table(d.h.l1Offset, int(d.h.l1Size)); err != nil {
		return nil, err
	}
	d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	return d, err
}

// table reads a table of big-endian numbers, of a size that Inspect has bounded.
func (d *qcow2Disk) table(at uint64, entries int) ([]uint64, error) {
	b := make([]byte, entries*8)
	if _, err := d.file.ReadAt(b, signed(at)); err != nil {
		return nil, fmt.Errorf("read a table at %d: %w", at, err)
	}
	all := make([]uint64, entries)
	for i := range all {
		all[i] = binary.BigEndian.Uint64(b[i*8:])
	}
	return all, nil
}

// entryOf gives the entry of the cluster at a place of the disk; 0: it reads as zeros, as do all to next.
func (d *qcow2Disk) entryOf(at int64) (entry uint64, next int64, err error) {
	perTable := d.cluster / 8
	n := at / d.cluster
	next = (n + 1) * d.cluster
	table := d.first[n/perTable] & offsetMask
	if table == 0 {
		return 0, (n/perTable + 1) * perTable * d.cluster, nil
	}
	if table != d.at {
		if d.second, err = d.table(table, int(perTable)); err != nil {
			return 0, 0, err
		}
		d.at = table
	}
	entry = d.second[n%perTable]
	if entry&l2Compressed == 0 && (entry&offsetMask == 0 || entry&zeroFlag != 0 && d.h.version == 3) {
		entry = 0
	}
	return entry, next, nil
}

// ReadAt implements io.ReaderAt over what a guest reads.
func (d *qcow2Disk) ReadAt(p []byte, off int64) (n int, err error) {
	size := signed(d.h.size)
	for n < len(p) && off < size {
		entry, next, err := d.entryOf(off)
		if err != nil {
			return n, err
		}
		part := p[n : n+int(min(int64(len(p)-n), next-off, size-off))]
		switch {
		case entry == 0:
			clear(part)
		case entry&l2Compressed != 0:
			cluster, err := d.unpack(entry)
			if err != nil {
				return n, fmt.Errorf("read at %d: %w", off, err)
			}
			copy(part, cluster[off%d.cluster:])
		default:
			// The file may end within its last cluster.
			if got, err := d.file.ReadAt(part, signed(entry&offsetMask)+off%d.cluster); err != nil && err != io.EOF { //nolint:errorlint // ReadAt gives it as it is
				return n, fmt.Errorf("read at %d: %w", off, err)
			} else if got < len(part) {
				clear(part[got:])
			}
		}
		n, off = n+len(part), off+int64(len(part))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// unpack gives a compressed cluster: where it begins and in how many sectors of 512 bytes it ends stand in its entry.
func (d *qcow2Disk) unpack(entry uint64) ([]byte, error) {
	if entry == d.entry {
		return d.packed, nil
	}
	offsetBits := 62 - (d.h.clusterBits - 8)
	from := entry & (1<<offsetBits - 1)
	sectors := entry & (1<<62 - 1) >> offsetBits
	data := make([]byte, (sectors+1)*512-from%512)
	got, err := d.file.ReadAt(data, signed(from))
	if err != nil && err != io.EOF { //nolint:errorlint // ReadAt gives it as it is
		return nil, err
	}
	if d.packed == nil {
		d.packed = make([]byte, d.cluster)
	}
	d.entry = 0
	var unpacked io.Reader
	if d.h.compressionType == 1 {
		if err := d.zstd.Reset(bytes.NewReader(data[:got])); err != nil {
			return nil, err
		}
		unpacked = d.zstd
	} else {
		unpacked = flate.NewReader(bytes.NewReader(data[:got]))
	}
	if _, err := io.ReadFull(unpacked, d.packed); err != nil {
		return nil, fmt.Errorf("unpack a cluster: %w", err)
	}
	d.entry = entry
	return d.packed, nil
}

// starts finds what starts the disk, as content does of one that was unpacked.
func (d *qcow2Disk) starts() (provisioner.Firmware, error) {
	disk := inspection{file: boundedReader{r: d, size: d.h.size}}
	sector := disk.file.bytes(0, 512)
	if !bootSector(sector) {
		return "", fmt.Errorf("boot sector: the disk's first sector has no boot signature (55 AA)")
	}
	disk.guard(func() { disk.table(sector) })
	if disk.file.err != nil {
		return "", disk.file.err
	}
	return disk.Firmware, saidOf(&disk.Inspection)
}

// readGuest gives a stream the disk's pieces that are no holes.
func (d *qcow2Disk) readGuest(ctx context.Context, g *guestStream) error {
	size := signed(d.h.size)
	buf := make([]byte, guestPiece)
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, next, err := d.entryOf(at)
		if err != nil {
			return err
		}
		if entry == 0 {
			at = next
			continue
		}
		at -= at % guestPiece
		piece := buf[:min(guestPiece, size-at)]
		if _, err := d.ReadAt(piece, at); err != nil {
			return err
		}
		buf = g.take(at, piece)
		at += int64(len(piece))
	}
	return nil
}
