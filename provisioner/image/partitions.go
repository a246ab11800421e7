package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// sectorSize is that of every disk a node gets; a table made for another is not found on it.
const sectorSize = 512

const (
	gptMagic = "EFI PART"
	// gptMostTable bounds the bytes of a GPT's entries that are read. Ordinary tables have 16 KiB.
	gptMostTable = 256 << 10
)

// The types of partitions that tell how a disk starts, as they lie on the disk.
var (
	espType     = []byte("\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b") // EFI system partition
	biosType    = []byte("\x48\x61\x68\x21\x49\x64\x6f\x6e\x74\x4e\x65\x65\x64\x45\x46\x49") // BIOS boot partition (GRUB)
	freeBSDType = []byte("\x9d\x6b\xbd\x83\x41\x7f\xdc\x11\xbe\x0b\x00\x15\x60\xb8\x4f\x0f") // freebsd-boot
)

const legacyBoot = 1 << 2 // attribute of a GPT's partition: SYSLINUX's boot code starts it

// partition is an entry of a table. Places are bytes.
type partition struct {
	first, end    uint64
	esp, bios     bool
	active        bool // MBR: the active one; GPT: legacy BIOS bootable
	extended      bool // MBR: holds logical ones
	fromMBR, full bool // full: covers the disk for a GPT's sake
}

// diskTable is what the first sectors of a disk, and the last, say of its partitions.
type diskTable struct {
	first  []byte // sector
	parts  []partition
	gpt    bool   // there is one
	broken string // what is wrong with a GPT that can be read still; empty where nothing is
	sector uint64 // of which size its sectors are taken to be
	end    uint64 // byte where the last partition or the table's copy ends
}

// readTable reads an MBR and, where it has nothing else or says so, a GPT. A GPT for sectors of 4096 bytes is found too.
func readTable(file *boundedReader, first []byte) diskTable {
	t := diskTable{first: first, sector: sectorSize, parts: readMBR(first)}
	full, others := false, false
	for _, p := range t.parts {
		full, others = full || p.full, others || !p.full
		if !p.full {
			t.end = max(t.end, p.end)
		}
	}
	if others && !full {
		if foreignSectors(file, t.parts) {
			t.sector = 4096
		}
		return t // what an older GPT left behind counts for nothing
	}
	if others || full || t.noFileSystem() {
		t.readGPT(file, full)
	}
	return t
}

// noFileSystem tells whether the first sector is not that of a file system.
func (t *diskTable) noFileSystem() bool {
	return !bytes.HasPrefix(t.first, []byte("\xeb")) || bytes.Equal(t.first[11:13], []byte{0, 0})
}

// readMBR gives the entries of a first sector. A sector whose entries have another status than active or not is a file
// system's own, with code where a table would be; Linux tells them apart so.
func readMBR(sector []byte) []partition {
	var parts []partition
	for n := range 4 {
		entry := sector[446+16*n : 462+16*n]
		if entry[0]&0x7f != 0 {
			return nil
		}
		kind, start, count := entry[4], uint64(binary.LittleEndian.Uint32(entry[8:])), uint64(binary.LittleEndian.Uint32(entry[12:]))
		if kind == 0 {
			continue
		}
		parts = append(parts, partition{
			first: start * sectorSize, end: (start + count) * sectorSize, fromMBR: true, active: entry[0] == 0x80,
			esp: kind == 0xef, full: kind == 0xee, extended: kind == 0x05 || kind == 0x0f || kind == 0x85,
		})
	}
	return parts
}

// readGPT takes the table at the disk's begin, or its copy at the end where that is damaged.
func (t *diskTable) readGPT(file *boundedReader, announced bool) {
	first := string(file.bytes(sectorSize, 8)) == gptMagic
	if !first && (string(file.bytes(4096, 8)) == gptMagic || validGPT(file, 4096, file.size/4096-1) != nil) {
		t.gpt, t.sector = true, 4096
		return
	}
	header := validGPT(file, sectorSize, 1)
	if header == nil {
		if header = validGPT(file, sectorSize, file.size/sectorSize-1); header != nil {
			t.broken = "The GPT at the disk's begin is damaged, its copy at the end is whole. Linux looks at the copy only where its command line has `gpt`."
		}
	}
	t.gpt = first || header != nil
	switch {
	case header != nil:
		t.copyEnds(header)
		t.entries(file, header)
	case first:
		t.copyEnds(file.bytes(sectorSize, sectorSize))
		t.broken = "Its GPT is damaged: header or entries do not have the checksum that they say, and no whole copy is at the end."
	case announced:
		t.broken = "Its first sector announces a GPT, and there is none."
	}
}

// validGPT gives the header that lies in a sector, or nil where it is not one with the right checksums.
func validGPT(file *boundedReader, sector, lba uint64) []byte {
	h := bytes.Clone(file.bytes(lba*sector, sector))
	if lba == 0 || uint64(len(h)) < sector || string(h[:8]) != gptMagic || binary.LittleEndian.Uint64(h[24:]) != lba {
		return nil
	}
	size, sum := binary.LittleEndian.Uint32(h[12:]), binary.LittleEndian.Uint32(h[16:])
	if size < 92 || uint64(size) > sector {
		return nil
	}
	clear(h[16:20])
	if crc32.ChecksumIEEE(h[:size]) != sum {
		return nil
	}
	if entries := gptEntries(file, sector, h); entries == nil || crc32.ChecksumIEEE(entries) != binary.LittleEndian.Uint32(h[88:]) {
		return nil
	}
	return h
}

// gptEntries gives the bytes of a header's entries, or nil where they do not lie in the file or are absurd.
func gptEntries(file *boundedReader, sector uint64, h []byte) []byte {
	at, count, size := binary.LittleEndian.Uint64(h[72:]), uint64(binary.LittleEndian.Uint32(h[80:])), uint64(binary.LittleEndian.Uint32(h[84:]))
	if size < 128 || size > sector || count == 0 || count*size > gptMostTable || at > file.size/sector || !file.holds(at*sector, count*size) {
		return nil
	}
	return file.bytes(at*sector, count*size)
}

// entries takes those of a sound header.
func (t *diskTable) entries(file *boundedReader, header []byte) {
	all, size := gptEntries(file, sectorSize, header), int(binary.LittleEndian.Uint32(header[84:]))
	for ; len(all) >= size; all = all[size:] {
		kind := all[:16]
		if bytes.Equal(kind, make([]byte, 16)) {
			continue
		}
		first, last := min(binary.LittleEndian.Uint64(all[32:]), 1<<54), min(binary.LittleEndian.Uint64(all[40:]), 1<<54)
		p := partition{first: first * sectorSize, end: (last + 1) * sectorSize, esp: bytes.Equal(kind, espType)}
		p.bios = bytes.Equal(kind, biosType) || bytes.Equal(kind, freeBSDType)
		p.active = binary.LittleEndian.Uint64(all[48:])&legacyBoot != 0
		t.parts, t.end = append(t.parts, p), max(t.end, p.end)
	}
}

// copyEnds takes where a header says that the table's other copy is: a disk that was cut short has lost it.
func (t *diskTable) copyEnds(header []byte) {
	if len(header) >= 40 {
		// A number of sectors that does not fit in 64 bits of bytes is far outside as well.
		t.end = max(t.end, (min(binary.LittleEndian.Uint64(header[32:]), 1<<54)+1)*sectorSize)
	}
}

// contents are marks by which the begin of a partition is known.
var contents = []struct {
	at   uint64
	mark string
}{
	{510, "\x55\xaa"}, {1080, "\x53\xef"}, {0, "XFSB"}, {0x10040, "_BHRfS_M"}, {512, "LABELONE"}, {0, "LUKS\xba\xbe"}, {4086, "SWAPSPACE2"},
}

// foreignSectors tells whether an MBR counts in sectors of 4096 bytes: there its partitions begin with something, and none
// does where they were with 512.
func foreignSectors(file *boundedReader, parts []partition) bool {
	there := 0
	for _, p := range parts {
		if begins(file, p.first) || p.end > file.size/8 {
			return false
		}
		if begins(file, 8*p.first) {
			there++
		}
	}
	return there > 0
}

func begins(file *boundedReader, at uint64) bool {
	for _, c := range contents {
		if string(file.bytes(at+c.at, uint64(len(c.mark)))) == c.mark {
			return true
		}
	}
	return false
}

// table judges the disk's partition table, and what starts the disk. A disk that was cut short while it was copied boots up
// to the first block it misses.
func (i *inspection) table(sector []byte) {
	t := readTable(&i.file, sector)
	if t.sector != sectorSize {
		i.check("sector size", false, fmt.Sprintf("Its partition table is for sectors of %d bytes, and a node's disk has sectors of %d: no partition would be found.", t.sector, sectorSize),
			"Make the disk anew with sectors of 512 bytes, the default of virtual machines: copy it onto such a disk partition by partition, or install again. With a loop device: `losetup --sector-size 512`; for mkosi and systemd-repart: `SectorSize=512`.")
		return
	}
	if !i.check("partition table", t.end <= i.file.size,
		fmt.Sprintf("The partition table ends at byte %d, the file has %d.", t.end, i.file.size),
		"The file was cut short, or the disk shrunk below its partitions. Copy it again and compare the sizes.") {
		return
	}
	if t.broken != "" {
		i.warn("partition table", t.broken, "Write it anew where the disk was made: `sgdisk --verify disk.raw` says what is wrong, `gdisk` with `r`, `b` and `w` restores the begin from the copy.")
	}
	i.firmware(t)
}
