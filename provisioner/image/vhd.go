package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"volary.dev/provisioner/refusal"
)

// The layout is that of Microsoft's "Virtual Hard Disk Image Format Specification"; all numbers are big-endian.
const (
	vhdCookie     = "conectix"
	vhdHeaderMark = "cxsparse"
	vhdHeaderSize = 1024
	vhdMaxTable   = 32 << 20 // bytes that are read
	vhdUnused     = math.MaxUint32
	vhdNowhere    = math.MaxUint64
)

// Types of a VHD.
const (
	vhdFixed        = 2
	vhdDynamic      = 3
	vhdDifferencing = 4
)

const (
	vhdRewrite = "Write it anew where it was made: `qemu-img convert -f vpc -O qcow2 disk.vhd disk.qcow2`."
	vhdCopy    = "The file was cut short or is damaged. Copy it again and compare the sizes, or write it anew where it was made: `qemu-img convert -f vpc -O qcow2 disk.vhd disk.qcow2`."
	vhdMerge   = "Make it whole where all its files are: `Merge-VHD` of Hyper-V, or `qemu-img convert -O qcow2` of the machine's disk."
)

// vhd judges a VHD by its footer, which lies in the last sector. A dynamic one begins with a copy of it.
func (i *inspection) vhd() {
	footer, start := i.file.bytes(i.file.size-512, 512), i.file.bytes(0, 512)
	if len(footer) < 512 || len(start) < 512 {
		return // the reader failed
	}
	if string(footer[:8]) != vhdCookie {
		i.check("format", false, "This begins like a dynamic VHD disk, and its last sector is not the footer that such a disk ends with.", vhdCopy)
		return
	}
	be := binary.BigEndian
	version, kind, size := be.Uint32(footer[12:]), be.Uint32(footer[60:]), be.Uint64(footer[48:])
	if !i.check("format", version>>16 == 1, fmt.Sprintf("A VHD disk of version %d.%d.", version>>16, version&0xffff), "Version 1.0 is known. "+vhdRewrite) {
		return
	}
	i.Format = FormatVHD
	if !i.vhdFooter(footer) {
		return
	}
	if kind == vhdDifferencing {
		i.check("backing file", false, "The disk is a differencing one: it holds what changed against its parent, which is not part of the upload.", vhdMerge)
		return
	}
	sized := i.virtualSize(size)
	switch {
	case kind == vhdFixed:
		i.fixedVHD(start, size)
	case kind != vhdDynamic:
		i.check("layout", false, fmt.Sprintf("Type %d of a VHD is not known.", kind), "Fixed and dynamic ones are known. "+vhdRewrite)
	case i.dynamicVHD(start, footer, size) && sized && i.followable(sectorSize):
		i.vhdBlocks(be.Uint64(footer[16:]), size)
	}
}

// vhdFooter judges what is the same for every type.
func (i *inspection) vhdFooter(footer []byte) bool {
	const name, sumAt, savedAt = "footer", 64, 84
	if sum, said := vhdSum(footer, sumAt), binary.BigEndian.Uint32(footer[sumAt:]); sum != said {
		return i.check(name, false, fmt.Sprintf("The footer's checksum is %08x, and it says %08x.", sum, said), vhdCopy)
	}
	if footer[savedAt] != 0 {
		return i.check(name, false, "The footer says that the machine was suspended.", "Start the machine, shut it down, and copy the disk then.")
	}
	return i.check(name, true, "Whole.", "")
}

// vhdSum is the complement of the sum of all bytes but those of the sum.
func vhdSum(b []byte, at int) uint32 {
	var sum uint32
	for n, c := range b {
		if n < at || n >= at+4 {
			sum += uint32(c)
		}
	}
	return ^sum
}

// fixedVHD is a raw disk with a footer. QEMU takes it for a dynamic one where its first sector begins like a footer.
func (i *inspection) fixedVHD(start []byte, size uint64) {
	const name = "layout"
	switch {
	case i.file.size%512 != 0 || size != i.file.size-512:
		i.check(name, false, fmt.Sprintf("The footer is for a fixed disk of %d bytes, and %d lie before it.", size, i.file.size-512), vhdCopy)
	case bytes.HasPrefix(start, []byte(vhdCookie)):
		i.check(name, false, "The footer is for a fixed disk, and the file begins as a dynamic one does.", vhdRewrite)
	default:
		i.check(name, true, "A fixed disk.", "")
		i.DataSize = min(i.VirtualSize, signed(i.data()))
	}
}

// dynamicVHD judges the two headers of a dynamic VHD.
func (i *inspection) dynamicVHD(start, footer []byte, size uint64) bool {
	const name, sumAt = "layout", 36
	be := binary.BigEndian
	at := be.Uint64(footer[16:])
	h := i.file.bytes(at, vhdHeaderSize)
	bad := func(detail string, args ...any) bool {
		return i.check(name, false, fmt.Sprintf(detail, args...), vhdCopy)
	}
	switch {
	case i.file.size%512 != 0:
		return bad("The file ends inside a sector: it has %d bytes.", i.file.size)
	case !bytes.Equal(start, footer):
		return bad("The footer and its copy at the begin differ.")
	case at < 512 || at%512 != 0 || len(h) < vhdHeaderSize:
		return bad("The header of the dynamic disk is said to lie at byte %d.", at)
	case string(h[:8]) != vhdHeaderMark:
		return bad("At byte %d is no header of a dynamic disk.", at)
	case vhdSum(h, sumAt) != be.Uint32(h[sumAt:]):
		return bad("The checksum of the dynamic disk's header is %08x, and it says %08x.", vhdSum(h, sumAt), be.Uint32(h[sumAt:]))
	case be.Uint64(h[8:]) != vhdNowhere || be.Uint32(h[24:])>>16 != 1:
		return bad("The dynamic disk's header is of version %d and says that another lies at byte %d.", be.Uint32(h[24:])>>16, be.Uint64(h[8:]))
	}
	if parent := h[40:768]; !empty(parent) {
		return i.check("backing file", false, "The dynamic disk's header names a parent, which is another file.", vhdMerge)
	}
	const least, most = 4 << 10, 256 << 20
	entries, block := uint64(be.Uint32(h[28:])), uint64(be.Uint32(h[32:]))
	switch {
	case block < least || block > most || block&(block-1) != 0:
		return bad("Its blocks have %d bytes; a power of two from %s to %s is known.", block, bytesText(least), bytesText(most))
	case entries*4 > vhdMaxTable:
		return bad("Its block table is said to have entries to number %d, and at most %d are taken.", entries, vhdMaxTable/4)
	case entries*block < size:
		return bad("The entries of its block table: %d. The disk needs %d.", entries, size/block+min(size%block, 1))
	}
	return i.check(name, true, "A dynamic disk in blocks of "+bytesText(signed(block))+".", "")
}

// vhdBlocks follows the block table of a dynamic VHD, whose header lies at a place and is sound. Memory: one bit for each sector of the file.
func (i *inspection) vhdBlocks(header, size uint64) {
	be := binary.BigEndian
	h := i.file.bytes(header, vhdHeaderSize)
	if len(h) < vhdHeaderSize {
		return // the reader failed
	}
	table, entries, block := be.Uint64(h[16:]), uint64(be.Uint32(h[28:])), uint64(be.Uint32(h[32:]))
	bitmapSectors := (block/512/8 + 511) / 512
	s, blocks := newSectors(&i.file), uint64(0)
	s.claim("The footer's copy", 0, 1)
	s.claim("The header", header/512, vhdHeaderSize/512)
	s.claim("The footer", i.file.size/512-1, 1)
	if table%512 != 0 {
		s.fail("The block table lies at byte %d, inside a sector.", table)
	}
	s.claim("The block table", table/512, (entries*4+511)/512)
	for done := uint64(0); done < entries*4 && s.problem == ""; done += tableReadSize {
		part := i.file.bytes(table+done, min(tableReadSize, entries*4-done))
		for n := uint64(0); n+4 <= uint64(len(part)) && s.problem == ""; n += 4 {
			entry, number := be.Uint32(part[n:]), (done+n)/4
			switch {
			case entry == vhdUnused:
			case number*block >= size:
				s.fail("Entry %d of the block table lies behind the disk's end.", number)
			default:
				s.claim(fmt.Sprintf("Block %d", number), uint64(entry), bitmapSectors+block/512)
				blocks++
			}
		}
	}
	// A block of data lies across two of the disk's.
	i.DataSize = min(signed(blocks*block), signed(2*i.data()), i.VirtualSize)
	detail := s.problem
	if detail == "" {
		detail = "Each part of the file is named once: " + refusal.Plural(signed(blocks), "block", "blocks") + " of data."
	}
	i.check("tables", s.problem == "", detail, vhdCopy)
}
