package magic

import (
	"bytes"
	"encoding/binary"
	"slices"

	"volary.dev/provisioner/refusal"
)

// Enough is how many bytes of a file's start decide: behind them lies no mark that is looked for.
const Enough = 40 << 10

// EndSize is how many bytes of a file's end decide.
const EndSize = 512

// Use is what becomes of a file of some kind.
type Use int

// The uses.
const (
	Refused Use = iota
	Disk        // package image judges it
	Wrapper     // its inside is asked for again
)

// Kind is what a file is known for.
type Kind struct {
	// Name follows "This is" in a sentence: "a VMDK disk (VMware)".
	Name string
	// Format is qemu-img's word for a disk (raw, qcow2, vmdk, vpc, …), or gzip, xz, zstd, ova, bundle; empty where nothing needs one.
	Format string
	Use    Use
	// Unpack is, of a wrapper, the command that unpacks it.
	Unpack string
	// Repair says with a command how a file that is taken is made of one that is refused; empty where it is not refused.
	Repair string
}

// Look tells what a file of size bytes could be taken for: from the first bytes (Enough of them, or as many as it has) and, where the
// end is known, the last EndSize; nil where it is not. A size below 1 is not known either. Nothing is told of a file that no mark is found in;
// several kinds, the first being what the start says, are a file that is several at once.
func Look(start, end []byte, size int64) []Kind {
	f := file{start: start[:min(len(start), Enough)], end: end, size: size}
	var kinds []Kind
	raw := bootSector(f.start)
	add := func(k Kind, rawAsWell bool) {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
		raw = raw && rawAsWell
	}
	for _, m := range marks {
		if m.in(f) {
			add(m.kind, m.zeros)
		}
	}
	if k, found := tarKind(f); found {
		add(k, true)
	}
	if k, found := trailer(f); found {
		add(k, len(kinds) > 0 || k == VHD && !fixedVHD(f))
	}
	switch {
	case raw:
		return append(kinds, Raw)
	case kinds == nil:
		return bare(f)
	}
	return kinds
}

// Take gives the one kind of a file that is taken, or why it is not: Look's answer as a refusal with Code "format", whose Next is the repair.
// It is for whoever has the first bytes only: that a kind is given does not say that its file is sound.
func Take(start, end []byte, size int64) (Kind, *refusal.Error) {
	kinds := Look(start, end, size)
	switch {
	case len(kinds) == 0:
		return Kind{}, refused(Unknown)
	case len(kinds) > 1:
		return Kind{}, refused(Several(kinds))
	case kinds[0].Use == Refused:
		return Kind{}, refused(kinds[0])
	}
	return kinds[0], nil
}

// Several is the kind of a file that is several at once.
func Several(kinds []Kind) Kind {
	names := kinds[0].Name
	for n, k := range kinds[1:] {
		if n == len(kinds)-2 {
			names += " and " + k.Name
		} else {
			names += ", " + k.Name
		}
	}
	repair := "A file has one format. Write it anew as what it is meant to be: `qemu-img convert -f FORMAT -O qcow2 FILE disk.qcow2`"
	if f := kinds[0].Format; kinds[0].Use == Disk {
		repair += ", with `-f " + f + "` if it is " + kinds[0].Name
	}
	return Kind{Name: "more than one thing at once: " + names, Repair: repair + "."}
}

func refused(k Kind) *refusal.Error {
	return &refusal.Error{Code: "format", Title: "This is " + k.Name + ".", Next: k.Repair}
}

// file is what is seen of one.
type file struct {
	start, end []byte
	size       int64
}

// has tells whether a mark is at an offset from the start.
func (f file) has(at int, mark string) bool {
	return len(f.start) >= at+len(mark) && string(f.start[at:at+len(mark)]) == mark
}

func bootSector(start []byte) bool {
	return len(start) >= 512 && start[510] == 0x55 && start[511] == 0xaa
}

// trailer looks for the formats that a file is of by its last sector.
func trailer(f file) (Kind, bool) {
	switch end := f.last(); {
	case bytes.HasPrefix(end, []byte(vhdCookie)):
		return VHD, true
	case bytes.HasPrefix(end, []byte("koly")):
		return dmg, true
	}
	return Kind{}, false
}

// last is the last sector, or nil.
func (f file) last() []byte { return f.end[max(0, len(f.end)-EndSize):] }

// fixedVHD tells whether a VHD's footer is for a fixed disk of just the size that lies before it.
func fixedVHD(f file) bool {
	const typeAt, fixed, sizeAt = 60, 2, 48
	footer := f.last()
	if len(footer) < EndSize || binary.BigEndian.Uint32(footer[typeAt:]) != fixed {
		return false
	}
	disk := binary.BigEndian.Uint64(footer[sizeAt:])
	return f.size < 1 || disk == uint64(f.size)-EndSize
}
