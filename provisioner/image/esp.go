package image

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// A directory of an EFI system partition is read up to mostDirectory bytes; that of the loaders holds a handful of files.
const mostDirectory = 128 << 10

// loaderOfNodes is what a node's firmware starts: its variables are empty at first, so that no other file is named there.
const loaderOfNodes = "EFI/BOOT/BOOTX64.EFI"

// otherLoaders are those of machines that nodes are not, by their names in a FAT's directory.
var otherLoaders = []struct{ short, name, machine string }{
	{"BOOTAA64EFI", "BOOTAA64.EFI", "64-bit ARM"},
	{"BOOTARM EFI", "BOOTARM.EFI", "32-bit ARM"},
	{"BOOTIA32EFI", "BOOTIA32.EFI", "32-bit x86"},
	{"BOOTRI~1EFI", "BOOTRISCV64.EFI", "RISC-V"},
	{"BOOTLO~1EFI", "BOOTLOONGARCH64.EFI", "LoongArch"},
}

// loaders is what EFI system partitions hold of what firmware starts without being told.
type loaders struct {
	esp     bool   // there is such a partition
	unread  bool   // one of them is no FAT that we can read: nothing is known against it
	nodes   bool   // one has the loader for nodes
	foreign string // else one for another machine: "EFI/BOOT/BOOTAA64.EFI (64-bit ARM)"
}

// may tells that nothing speaks against UEFI's starting the disk on a node.
func (l loaders) may() bool { return l.esp && (l.nodes || l.unread) }

// loaders looks into every EFI system partition, of which a disk has one.
func (t diskTable) loaders(file *boundedReader) (l loaders) {
	const mostLooked = 4
	looked := 0
	for _, p := range t.parts {
		if !p.esp {
			continue
		}
		l.esp = true
		if looked++; looked > mostLooked {
			l.unread = true
			break
		}
		names, read := readFAT(file, p.first).directory("EFI        ", "BOOT       ")
		l.unread = l.unread || !read
		for _, name := range names {
			l.nodes = l.nodes || name == "BOOTX64 EFI"
			for _, o := range otherLoaders {
				if name == o.short {
					l.foreign = "EFI/BOOT/" + o.name + " (" + o.machine + ")"
				}
			}
		}
	}
	return l
}

// fat is where the parts of a FAT lie, in bytes of the disk. The zero value is none.
type fat struct {
	file      *boundedReader
	table     uint64
	bits      uint64 // of an entry: 12, 16 or 32
	root      uint64 // fixed root directory of the smaller two
	rootSize  uint64
	rootFirst uint64 // its first cluster in the largest
	data      uint64 // of cluster 2
	cluster   uint64 // bytes
	clusters  uint64
}

// readFAT takes the first sector of a partition for that of a FAT, as the specification of Microsoft (1.03) describes it.
func readFAT(file *boundedReader, at uint64) fat {
	s := file.bytes(at, sectorSize)
	if !bootSector(s) {
		return fat{}
	}
	le := binary.LittleEndian
	sector, per, reserved := uint64(le.Uint16(s[11:])), uint64(s[13]), uint64(le.Uint16(s[14:]))
	copies, entries, each, all := uint64(s[16]), uint64(le.Uint16(s[17:])), uint64(le.Uint16(s[22:])), uint64(le.Uint16(s[19:]))
	largest := each == 0 // as UEFI's own driver and Linux tell it, whatever the number of clusters: mkfs.fat -F 32 makes small ones
	if largest {
		each = uint64(le.Uint32(s[36:]))
	}
	if all == 0 {
		all = uint64(le.Uint32(s[32:]))
	}
	rootSectors := uint64(0)
	if sector > 0 {
		rootSectors = (32*entries + sector - 1) / sector
	}
	before := reserved + copies*each + rootSectors
	if sector < sectorSize || sector > 4096 || bits.OnesCount64(sector) != 1 || bits.OnesCount64(per) != 1 || reserved == 0 || copies == 0 || each == 0 || before >= all {
		return fat{}
	}
	f := fat{
		file: file, table: at + reserved*sector, root: at + (reserved+copies*each)*sector, rootSize: 32 * entries, rootFirst: uint64(le.Uint32(s[44:])),
		data: at + before*sector, cluster: per * sector, clusters: (all - before) / per,
	}
	switch {
	case largest:
		f.bits = 32
	case f.clusters < 4085:
		f.bits = 12
	default:
		f.bits = 16
	}
	return f
}

// directory gives the short names of the files in a folder, by the short names on the way to it. A folder that is not there has none;
// not read tells that nothing is known.
func (f fat) directory(way ...string) (names []string, read bool) {
	if f.file == nil {
		return nil, false
	}
	bytes := f.file.bytes(f.root, min(f.rootSize, mostDirectory))
	if f.bits == 32 {
		if bytes, read = f.chain(f.rootFirst); !read {
			return nil, false
		}
	}
	for _, folder := range way {
		first, there := uint64(0), false
		for _, e := range directoryEntries(bytes) {
			if e.folder && e.name == folder {
				first, there = e.first, true
			}
		}
		if !there {
			return nil, true
		}
		if bytes, read = f.chain(first); !read {
			return nil, false
		}
	}
	for _, e := range directoryEntries(bytes) {
		if !e.folder {
			names = append(names, e.name)
		}
	}
	return names, true
}

// chain gives the bytes of a folder that begins in a cluster; false where its chain leaves the file system, or is too long.
func (f fat) chain(cluster uint64) (all []byte, whole bool) {
	for uint64(len(all)) < mostDirectory {
		if cluster < 2 || cluster >= f.clusters+2 {
			return nil, false
		}
		all = append(all, f.file.bytes(f.data+(cluster-2)*f.cluster, f.cluster)...)
		next, end := f.next(cluster)
		if end {
			return all, true
		}
		cluster = next
	}
	return nil, false
}

// next follows the table.
func (f fat) next(cluster uint64) (next uint64, end bool) {
	entry := make([]byte, 4)
	copy(entry, f.file.bytes(f.table+cluster*f.bits/8, 4))
	next = uint64(binary.LittleEndian.Uint32(entry))
	switch f.bits {
	case 12:
		next = next >> (4 * (cluster & 1)) & 0xfff
		return next, next >= 0xff8
	case 16:
		next &= 0xffff
		return next, next >= 0xfff8
	default:
		next &= 0x0fffffff
		return next, next >= 0x0ffffff8
	}
}

type directoryEntry struct {
	name   string // short: eight letters and three, filled up with blanks
	folder bool
	first  uint64 // cluster
}

func directoryEntries(bytes []byte) (all []directoryEntry) {
	const deleted, longName, folder, volume = 0xe5, 0x0f, 0x10, 0x08
	for ; len(bytes) >= 32 && bytes[0] != 0; bytes = bytes[32:] {
		if kind := bytes[11]; bytes[0] != deleted && kind&longName != longName && kind&volume == 0 {
			all = append(all, directoryEntry{
				name: strings.ToUpper(string(bytes[:11])), folder: kind&folder != 0,
				first: uint64(binary.LittleEndian.Uint16(bytes[20:]))<<16 | uint64(binary.LittleEndian.Uint16(bytes[26:])),
			})
		}
	}
	return all
}
