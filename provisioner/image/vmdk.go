package image

import (
	"encoding/binary"
	"fmt"

	"volary.dev/provisioner/refusal"
)

// The layout is that of VMware's "Virtual Disk Format 5.0"; all numbers are little-endian, and places are sectors of 512 bytes.
const (
	vmdkTableEntries = 512 // of a grain table
	vmdkTableSectors = vmdkTableEntries * 4 / 512
	vmdkMaxDirectory = 32 << 20 // bytes that are read; QEMU's own bound is four times that
	vmdkAtEnd        = 1<<64 - 1
	vmdkNewline      = "\n \r\n" // what a transfer as text would have changed
	vmdkDeflate      = 1
)

// Flags of the header.
const (
	vmdkNewlineTest = 1 << 0
	vmdkRedundant   = 1 << 1  // a second directory
	vmdkZeroGrains  = 1 << 2  // entry 1 reads as zeros
	vmdkCompressed  = 1 << 16 // each grain is a zlib stream
	vmdkMarkers     = 1 << 17 // each grain tells its place and size
)

type vmdkHeader struct {
	version         uint32
	flags           uint32
	capacity        uint64
	grain           uint64
	descriptorAt    uint64
	descriptorSize  uint64
	tableEntries    uint32
	redundantAt     uint64
	directoryAt     uint64
	overhead        uint64
	unclean         byte
	newline         string
	compressionType uint16
}

func parseVMDK(b []byte) vmdkHeader {
	le := binary.LittleEndian
	return vmdkHeader{
		version: le.Uint32(b[4:]), flags: le.Uint32(b[8:]), capacity: le.Uint64(b[12:]), grain: le.Uint64(b[20:]),
		descriptorAt: le.Uint64(b[28:]), descriptorSize: le.Uint64(b[36:]), tableEntries: le.Uint32(b[44:]),
		redundantAt: le.Uint64(b[48:]), directoryAt: le.Uint64(b[56:]), overhead: le.Uint64(b[64:]),
		unclean: b[72], newline: string(b[73:77]), compressionType: le.Uint16(b[77:]),
	}
}

func (h vmdkHeader) compressed() bool { return h.flags&vmdkCompressed != 0 }

// tables is how many grain tables, and so entries of the directory, the disk needs.
func (h vmdkHeader) tables() uint64 {
	covered := h.grain * vmdkTableEntries
	return h.capacity/covered + min(h.capacity%covered, 1)
}

const (
	vmdkRewrite = "Write it anew where it was made: `qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2`."
	vmdkCopy    = "The file was cut short or is damaged. Copy it again and compare the sizes, or write it anew where it was made: `qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2`."
)

// vmdk judges a sparse extent that is a disk of its own: monolithicSparse, or streamOptimized, whose directory may lie at the end.
func (i *inspection) vmdk() {
	start := i.file.bytes(0, 512)
	if len(start) < 512 {
		i.check("format", false, fmt.Sprintf("This is the beginning of a VMDK disk: %d bytes of its header.", len(start)), "The file was cut short. Copy it again and compare the sizes.")
		return
	}
	h := parseVMDK(start)
	if !i.check("format", h.version >= 1 && h.version <= 3, fmt.Sprintf("A VMDK disk of version %d.", h.version),
		"Versions 1 to 3 are known. "+vmdkRewrite) {
		return
	}
	i.Format = FormatVMDK
	i.vmdkFeatures(h)
	layout := i.vmdkLayout(h)
	described := layout && i.description(h)
	// A size that does not fit counts as the largest number, which is too large.
	size := h.capacity * 512
	if h.capacity > 1<<54 {
		size = 1<<64 - 512
	}
	if sized := i.virtualSize(size); !sized || !described {
		return
	}
	if h.directoryAt == vmdkAtEnd {
		if h.directoryAt = i.vmdkFooter(start); h.directoryAt == 0 {
			return
		}
	}
	if i.followable(sectorSize) {
		i.walkGrains(h)
	}
}

// vmdkFeatures refuses flags that say that the file is broken or that we do not know.
func (i *inspection) vmdkFeatures(h vmdkHeader) {
	const known = vmdkNewlineTest | vmdkRedundant | vmdkZeroGrains | vmdkCompressed | vmdkMarkers
	const packed = vmdkCompressed | vmdkMarkers
	detail, repair := "", vmdkRewrite
	switch {
	case h.flags&vmdkNewlineTest != 0 && h.newline != vmdkNewline:
		detail, repair = "The ends of its lines were changed on the way: it was transferred as text.", "Copy it again as binary (FTP: `binary`) and compare the checksums."
	case h.unclean != 0:
		detail, repair = "The disk was left open: what wrote it did not close it.", "Shut the machine down and repair the disk: `vmware-vdiskmanager -R disk.vmdk`, or write it anew: `qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2`."
	case h.flags&^uint32(known) != 0:
		detail = fmt.Sprintf("Flags %#x are not known.", h.flags&^uint32(known))
	case h.flags&packed != 0 && h.flags&packed != packed:
		detail = fmt.Sprintf("Flags %#x say that grains are compressed without telling their size, or the other way round.", h.flags)
	case h.compressed() && h.compressionType != vmdkDeflate, !h.compressed() && h.compressionType != 0:
		detail = fmt.Sprintf("Compression type %d of its grains is not known or not marked.", h.compressionType)
	}
	fine := detail == ""
	if fine {
		detail = "All known."
	}
	i.check("features", fine, detail, repair)
}

// vmdkLayout judges the numbers that all others are computed from.
func (i *inspection) vmdkLayout(h vmdkHeader) bool {
	const name, most = "layout", 2048 // sectors of a grain: 1 MiB, of which honest ones have a sixteenth
	switch {
	case h.grain < 8 || h.grain > most || h.grain&(h.grain-1) != 0:
		return i.check(name, false, fmt.Sprintf("Its grains have %d sectors.", h.grain), "Grains have 8 to 2048 sectors, a power of two. The header is damaged. "+vmdkRewrite)
	case h.tableEntries != vmdkTableEntries:
		return i.check(name, false, fmt.Sprintf("The entries of its grain tables: %d.", h.tableEntries), "Grain tables have 512 entries. The header is damaged. "+vmdkRewrite)
	case h.descriptorAt != 1 || h.descriptorSize < 1 || h.descriptorSize > 128:
		return i.check(name, false, fmt.Sprintf("Its description lies at sector %d with %d sectors.", h.descriptorAt, h.descriptorSize), "It lies behind the header, in sector 1, with at most 128 sectors. "+vmdkRewrite)
	case !i.file.holds(512, h.descriptorSize*512):
		return i.check(name, false, "The file ends before its description does.", vmdkCopy)
	case h.overhead > i.file.size/512:
		return i.check(name, false, fmt.Sprintf("Its data begins at sector %d, the file has %d.", h.overhead, i.file.size/512), vmdkCopy)
	}
	return i.check(name, true, fmt.Sprintf("Grains of %s.", bytesText(signed(h.grain*512))), "")
}

// vmdkFooter gives the directory's place from the header's copy at the end, or 0 where that is not one.
func (i *inspection) vmdkFooter(start []byte) uint64 {
	const name, markerFooter = "footer", 3
	const directoryField, overheadField = 48, 64 // between them the two fields that may differ
	if i.file.size%512 != 0 || i.file.size < 4*512 {
		i.check(name, false, fmt.Sprintf("The directory is said to lie at the end, and the file ends inside a sector: it has %d bytes.", i.file.size), vmdkCopy)
		return 0
	}
	end := i.file.bytes(i.file.size-3*512, 3*512)
	if len(end) < 3*512 {
		return 0 // the reader failed
	}
	le := binary.LittleEndian
	marker, copied, last := end[:512], end[512:1024], end[1024:]
	switch h := parseVMDK(copied); {
	case le.Uint32(marker[8:]) != 0 || le.Uint32(marker[12:]) != markerFooter:
		i.check(name, false, "The directory is said to lie at the end, where no footer is.", vmdkCopy)
	case le.Uint64(last) != 0 || le.Uint32(last[8:]) != 0 || le.Uint32(last[12:]) != 0:
		i.check(name, false, "Behind its footer the stream is not at its end.", vmdkCopy)
	case string(copied[:directoryField]) != string(start[:directoryField]) || string(copied[overheadField:79]) != string(start[overheadField:79]):
		i.check(name, false, "Its footer is for another disk than its header.", vmdkCopy)
	case h.directoryAt == vmdkAtEnd || h.directoryAt == 0:
		i.check(name, false, "Its footer does not say where the directory is.", vmdkCopy)
	default:
		i.check(name, true, "Header and footer agree.", "")
		return h.directoryAt
	}
	return 0
}

// grainWalk follows directory and tables once, as tableWalk does for a qcow2. Memory: one bit for each sector of the file. Time: each table
// and, where they are compressed, each grain's first bytes are read once, and each has a sector of its own.
type grainWalk struct {
	*inspection
	h      vmdkHeader
	taken  sectors
	grains uint64
}

// walkGrains judges every table below the header.
func (i *inspection) walkGrains(h vmdkHeader) {
	w := &grainWalk{inspection: i, h: h, taken: newSectors(&i.file)}
	w.walk()
	unfolded := w.grains * h.grain * 512
	i.DataSize = min(signed(unfolded), i.VirtualSize)
	if !h.compressed() {
		i.DataSize = min(i.DataSize, signed(2*i.data())) // a block of data lies across two of the disk's
	}
	detail := w.taken.problem
	if detail == "" {
		detail = "Each part of the file is named once: " + refusal.Plural(signed(w.grains), "grain", "grains") + " of data."
	}
	if i.check("tables", w.taken.problem == "", detail, vmdkCopy) && h.compressed() && w.grains > 0 {
		i.unfolds(unfolded, "vmdk")
	}
}

func (w *grainWalk) walk() {
	entries := w.h.tables()
	if entries*4 > vmdkMaxDirectory {
		w.taken.fail("The grain directory would have entries to number %d.", entries)
		return
	}
	w.taken.claim("The header", 0, 1)
	w.taken.claim("The description", w.h.descriptorAt, w.h.descriptorSize)
	if w.directory("directory", w.h.directoryAt, w.table) && w.h.flags&vmdkRedundant != 0 && w.h.redundantAt != 0 {
		w.directory("second directory", w.h.redundantAt, func(uint64, []byte) {})
	}
}

// directory claims a directory and each of its tables, and hands on what a table holds; it tells whether all is well so far.
func (w *grainWalk) directory(what string, at uint64, table func(n uint64, entries []byte)) bool {
	bytes := w.h.tables() * 4
	if !w.taken.claim("The grain "+what, at, (bytes+511)/512) {
		return false
	}
	for done := uint64(0); done < bytes && w.taken.problem == ""; done += tableReadSize {
		part := w.file.bytes(at*512+done, min(tableReadSize, bytes-done))
		for n := uint64(0); n+4 <= uint64(len(part)) && w.taken.problem == ""; n += 4 {
			entry, number := uint64(binary.LittleEndian.Uint32(part[n:])), (done+n)/4
			if entry != 0 && w.taken.claim(fmt.Sprintf("Grain table %d of the %s", number, what), entry, vmdkTableSectors) {
				table(number, w.file.bytes(entry*512, vmdkTableSectors*512))
			}
		}
	}
	return w.taken.problem == ""
}

// table judges the entries of the n-th grain table.
func (w *grainWalk) table(n uint64, entries []byte) {
	for m := uint64(0); 4*m+4 <= uint64(len(entries)) && w.taken.problem == ""; m++ {
		at := uint64(binary.LittleEndian.Uint32(entries[4*m:]))
		first := (n*vmdkTableEntries + m) * w.h.grain // sector of the disk
		switch {
		case at == 0 || at == 1 && w.h.flags&vmdkZeroGrains != 0:
		case first >= w.h.capacity:
			w.taken.fail("Entry %d of grain table %d lies behind the disk's end.", m, n)
		case w.h.compressed():
			w.packedGrain(n, m, at, first)
		default:
			// The last grain may reach beyond the disk, and then need not be whole.
			w.taken.claim(fmt.Sprintf("The grain of entry %d of table %d", m, n), at, min(w.h.grain, w.h.capacity-first))
			w.grains++
		}
	}
}

// packedGrain judges a grain that tells itself which it is and how long.
func (w *grainWalk) packedGrain(n, m, at, first uint64) {
	const head = 12
	marker := w.file.bytes(at*512, head)
	if len(marker) < head {
		w.taken.fail("Entry %d of grain table %d names a grain at byte %d, the file has %d.", m, n, at*512, w.file.size)
		return
	}
	place, size := binary.LittleEndian.Uint64(marker), uint64(binary.LittleEndian.Uint32(marker[8:]))
	switch {
	case place != first:
		w.taken.fail("Entry %d of grain table %d is for sector %d of the disk, and names a grain that says it is for sector %d.", m, n, first, place)
	case size == 0 || size > 2*w.h.grain*512:
		w.taken.fail("The compressed grain of entry %d of table %d says that it has %d bytes.", m, n, size)
	default:
		w.taken.claim(fmt.Sprintf("The compressed grain of entry %d of table %d", m, n), at, (head+size+511)/512)
		w.grains++
	}
}
