package image

import (
	"encoding/binary"
	"fmt"
	"math"

	"volary.dev/provisioner/refusal"
)

// maxUnfold is how many times its file's size the compressed data of a disk may have. Honest system disks have 3 to 5,
// since zeros are left out and not compressed.
const maxUnfold = 20

// canonicalFree is what a canonical form may unfold to beside mostUnfold times its file. A raw disk may hold anything, and ours compresses one of a single
// byte three thousand times: what we gave is to be taken back. It is bounded still, for a bundle of a few MiB would keep a worker for days.
const canonicalFree = 16 << 30

// mayUnfold is how many bytes compressed data of a file may have.
func (i *inspection) mayUnfold() (most uint64, words string) {
	if i.limits.Canonical {
		return mostUnfold*i.data() + canonicalFree, fmt.Sprintf("%d times the file's size and %s are taken of an image in a bundle. Upload the disk itself.", mostUnfold, bytesText(canonicalFree))
	}
	return maxUnfold * i.data(), fmt.Sprintf("%d times the file's size is taken; system disks have 3 to 5.", maxUnfold)
}

// What an entry of a table names, and what its low and high bits mean.
const (
	offsetMask    = 0x00fffffffffffe00
	l2Compressed  = 1 << 62
	l2ReadsZeros  = 1 // version 3 without extended entries
	refcountMask  = 0xfffffffffffffe00
	tableReadSize = 1 << 20 // bytes of a table that are read at a time
)

// tableWalk follows every table of a qcow2 once. A sound file names each of its clusters once, for without snapshots
// nothing is shared; a file that names one cluster a million times is small, and its disk is not. Memory: three bits for
// each cluster of the file. Time: each table is a cluster of the file and is read once, so that no more is read than the
// file has, and no more tables than the disk needs.
type tableWalk struct {
	*inspection
	h       qcow2Header
	cluster uint64
	tables  bitmap // clusters that hold a table
	data    bitmap // clusters that hold one cluster of the disk
	packed  bitmap // clusters that hold compressed ones, of which several lie in one

	plain, compressed uint64 // clusters of the disk
	problem           string // the first; empty: none yet
}

// bitmap is one bit for each cluster of the file.
type bitmap []uint64

// set sets a bit and tells whether it was set.
func (b bitmap) set(n uint64) bool {
	was := b.has(n)
	b[n/64] |= 1 << (n % 64)
	return was
}

func (b bitmap) has(n uint64) bool { return b[n/64]&(1<<(n%64)) != 0 }

// walkTables judges every table below the header, whose own places have been judged.
func (i *inspection) walkTables(h qcow2Header) {
	w := &tableWalk{inspection: i, h: h, cluster: h.clusterSize()}
	if !i.followable(w.cluster) {
		return
	}
	words := (i.file.size+w.cluster-1)/w.cluster/64 + 1
	w.tables, w.data, w.packed = make(bitmap, words), make(bitmap, words), make(bitmap, words)
	w.walk()
	unfolded := w.compressed * w.cluster
	// What a block of data holds lies in as many of the disk's as it has clusters.
	plain := min(w.plain*w.cluster, i.data()*max(1, guestBlock/w.cluster))
	i.DataSize = signed(min(plain+unfolded, whole(i.VirtualSize)))
	detail := w.problem
	if detail == "" {
		detail = fmt.Sprintf("Each part of the file is named once: %s of data, %d compressed.", refusal.Plural(signed(w.plain), "cluster", "clusters"), w.compressed)
	}
	if !i.check("tables", w.problem == "", detail,
		"The file was cut short or is damaged. Copy it again and compare the sizes, or write it anew where it was made: `qemu-img check -r all disk.qcow2`, then `qemu-img convert -O qcow2 disk.qcow2 new.qcow2`.") {
		return
	}
	if w.compressed == 0 {
		return
	}
	i.unfolds(unfolded, "qcow2")
}

// unfolds bounds what compressed data unfolds to, by what the file holds.
func (i *inspection) unfolds(unfolded uint64, format string) {
	file, of := i.data(), ""
	if file < i.file.size {
		of = " that are no zeros"
	}
	most, taken := i.mayUnfold()
	i.check("compression", unfolded <= most,
		fmt.Sprintf("Its compressed data unfolds to %s, %.1f times the file's %s%s.", bytesText(signed(unfolded)), float64(unfolded)/float64(file), bytesText(signed(file)), of),
		fmt.Sprintf("At most %s Write it without compression: `qemu-img convert -f %s -O qcow2 disk.%s new.qcow2`.", taken, format, format))
}

func (w *tableWalk) walk() {
	w.claimTable("The header", 0, w.cluster)
	w.claimTable("The first-level table", w.h.l1Offset, uint64(w.h.l1Size)*8)
	w.claimTable("The reference count table", w.h.refcountOffset, uint64(w.h.refcountSize)*w.cluster)
	w.entries(w.h.refcountOffset, uint64(w.h.refcountSize)*w.cluster, 8, func(n, entry, _ uint64) {
		if at := entry & refcountMask; at != 0 {
			w.claimWhole(fmt.Sprintf("Entry %d of the reference count table", n), at)
		}
	})
	needed := w.firstLevelEntries()
	w.entries(w.h.l1Offset, uint64(w.h.l1Size)*8, 8, func(n, entry, _ uint64) {
		at := entry & offsetMask
		if at == 0 {
			return
		}
		if n >= needed {
			w.fail("Entry %d of the first-level table lies behind the disk's end, which has %d.", n, needed)
			return
		}
		if w.claimWhole(fmt.Sprintf("Entry %d of the first-level table", n), at) {
			w.entries(at, w.cluster, w.h.entrySize(), func(m, entry, bits uint64) { w.clusterOf(n, m, entry, bits) })
		}
	})
}

// firstLevelEntries is how many the disk needs.
func (w *tableWalk) firstLevelEntries() uint64 {
	covered := w.cluster / w.h.entrySize() * w.cluster // bytes of the disk behind one entry
	return (w.h.size + covered - 1) / covered
}

// entries reads a table of big-endian numbers; the second one is that of entries of 16 bytes. It ends with the first
// problem.
func (w *tableWalk) entries(from, length, size uint64, do func(n, entry, bits uint64)) {
	for done := uint64(0); done < length && w.problem == ""; done += tableReadSize {
		part := w.file.bytes(from+done, min(tableReadSize, length-done))
		for at := uint64(0); at+size <= uint64(len(part)) && w.problem == ""; at += size {
			var bits uint64
			if size == 16 {
				bits = binary.BigEndian.Uint64(part[at+8:])
			}
			do((done+at)/size, binary.BigEndian.Uint64(part[at:]), bits)
		}
	}
}

// clusterOf judges entry m of the second-level table behind entry n of the first.
func (w *tableWalk) clusterOf(n, m, entry, bits uint64) {
	if entry&l2Compressed != 0 {
		w.compressedCluster(n, m, entry)
		return
	}
	at := entry & offsetMask
	if at == 0 {
		return
	}
	switch index := at / w.cluster; {
	case at%w.cluster != 0 || at >= w.file.size:
		w.fail("Entry %d of second-level table %d names byte %d, the file has %d and clusters of %d.", m, n, at, w.file.size, w.cluster)
	case w.tables.has(index) || w.packed.has(index):
		w.fail("Entry %d of second-level table %d names byte %d as data, which is named for something else as well.", m, n, at)
	case w.data.set(index):
		w.fail("Entry %d of second-level table %d names the cluster at byte %d, which another entry names already: %s counted before it.", m, n, at, refusal.Plural(signed(w.plain), "cluster was", "clusters were"))
	case w.h.incompatible&featureExtendedL2 == 0 && w.h.version == 3 && entry&l2ReadsZeros != 0, w.h.incompatible&featureExtendedL2 != 0 && bits&math.MaxUint32 == 0:
		// Kept for the disk, and reads as zeros.
	default:
		w.plain++
	}
}

func (w *tableWalk) compressedCluster(n, m, entry uint64) {
	shift := 62 - (w.h.clusterBits - 8)
	at := entry & (1<<shift - 1)
	sectors := entry>>shift&(1<<(w.h.clusterBits-8)-1) + 1
	end := at&^511 + sectors*512
	// The last sectors need not be whole: they are counted from the first byte's.
	if size := w.file.size; at < w.cluster || at >= size || end > (size+w.cluster-1)/w.cluster*w.cluster {
		w.fail("Entry %d of second-level table %d names compressed data from byte %d to %d, the file has %d.", m, n, at, end, size)
		return
	}
	for index := at / w.cluster; index <= (end-1)/w.cluster; index++ {
		if w.tables.has(index) || w.data.has(index) {
			w.fail("Entry %d of second-level table %d names byte %d as compressed data, which is named for something else as well.", m, n, at)
			return
		}
		w.packed.set(index)
	}
	w.compressed++
}

// claimWhole takes one aligned cluster inside the file for a table and tells whether it could.
func (w *tableWalk) claimWhole(what string, at uint64) bool {
	if at%w.cluster != 0 || !w.file.holds(at, w.cluster) {
		w.fail("%s points at byte %d, the file has %d.", what, at, w.file.size)
		return false
	}
	return w.claimTable(what, at, w.cluster)
}

// claimTable takes the clusters of a table, which lie in the file.
func (w *tableWalk) claimTable(what string, at, length uint64) bool {
	for index := at / w.cluster; index*w.cluster < at+length; index++ {
		if w.tables.has(index) || w.data.has(index) || w.packed.has(index) {
			w.fail("%s lies at byte %d, which is named for something else as well.", what, index*w.cluster)
			return false
		}
		w.tables.set(index)
	}
	return true
}

// fail keeps the first problem.
func (w *tableWalk) fail(format string, args ...any) {
	if w.problem == "" {
		w.problem = fmt.Sprintf(format, args...)
	}
}
