package image

import (
	"encoding/binary"
	"fmt"
)

// raw judges a file that has no magic of its own: anything could be a raw disk, so it has to look like one that
// boots, with a boot sector and partitions that lie in the file.
func (i *inspection) raw() {
	sector := i.file.bytes(0, 512)
	if !bootSector(sector) {
		kind := "neither a qcow2 nor a raw disk that boots: its first sector has no boot signature (55 AA)"
		repair := "Upload a qcow2 file, or a raw disk with a partition table and a boot loader."
		if string(i.file.bytes(1080, 2)) == "\x53\xef" {
			kind, repair = bare.name, bare.repair
		}
		i.check("format", false, "This is "+kind+".", repair)
		return
	}
	i.Format = FormatRaw
	i.check("format", true, "A raw disk.", "")
	if !i.virtualSize(i.file.size) {
		return
	}
	i.DataSize = i.VirtualSize
	i.partitions(sector)
}

func bootSector(sector []byte) bool {
	return len(sector) == 512 && sector[510] == 0x55 && sector[511] == 0xaa
}

// partitions compares the partition table with the file's length: a disk that was cut short while it was copied
// boots up to the first block it misses.
func (i *inspection) partitions(sector []byte) {
	var end uint64
	for n := range 4 {
		entry := sector[446+16*n : 462+16*n]
		start, count := binary.LittleEndian.Uint32(entry[8:]), binary.LittleEndian.Uint32(entry[12:])
		// A protective entry covers the whole disk as far as 32 bits go; the GPT itself says where it ends.
		if entry[4] == 0 || entry[4] == 0xee {
			continue
		}
		end = max(end, (uint64(start)+uint64(count))*512)
	}
	if header := i.file.bytes(512, 40); len(header) == 40 && string(header[:8]) == "EFI PART" {
		// A number of sectors that does not fit in 64 bits of bytes is far outside as well.
		last := min(binary.LittleEndian.Uint64(header[32:]), 1<<54)
		end = max(end, (last+1)*512)
	}
	i.check("partition table", end <= i.file.size,
		fmt.Sprintf("The partition table ends at byte %d, the file has %d.", end, i.file.size),
		"The file was cut short, or the disk shrunk below its partitions. Copy it again and compare the sizes.")
}
