package image

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"volary.dev/provisioner"
	"volary.dev/provisioner/image/magic"
)

// Limits bound what is accepted.
type Limits struct {
	MaxFile    int64 // bytes of the uploaded file
	MaxVirtual int64 // bytes of the disk a guest sees
	// Data is how many bytes of the file at most are no zeros, where that is known, in blocks of guestBlock; 0: all may be. A file that came out of a
	// wrapper may have holes of any size, and what it holds is judged by what is in it.
	Data int64
	// Largest names what MaxVirtual is, for people: "the disk of the largest shape, large of North"; it may be empty.
	Largest string
	// Canonical says that the disk is a canonical form, as a bundle has one and a portal gives it: it may unfold to mostUnfold times its file and
	// canonicalFree.
	Canonical bool
	// Digest is the SHA-256 in lower-case hex that the uploaded file is said to have; empty: nobody said. A file of another one is refused.
	Digest string
}

// DefaultLimits take what a group's model cluster plausibly is.
func DefaultLimits() Limits {
	return Limits{MaxFile: 64 << 30, MaxVirtual: 1 << 40}
}

// minDisk is the smallest disk that could hold a boot loader and a kernel.
const minDisk = 1 << 20

// Inspection is what header and tables say. Sizes are bytes, and 0 where they could not be read.
type Inspection struct {
	Format      Format
	VirtualSize int64
	DataSize    int64                // of what is not a hole, unpacked: at most
	Firmware    provisioner.Firmware // of a raw disk: what starts it
	Checks      []provisioner.ImageCheck
}

// Passed says whether every check passed.
func (i *Inspection) Passed() bool { return i.Failed() == nil && len(i.Checks) > 0 }

// Failed gives the first check that failed, or nil.
func (i *Inspection) Failed() *provisioner.ImageCheck {
	for n := range i.Checks {
		if !i.Checks[n].Passed {
			return &i.Checks[n]
		}
	}
	return nil
}

// Inspect reads the headers and tables of a file of size bytes: 33 MiB and each of its tables once, which lie apart from each other
// in the file; of a VMDK with two grain directories 65 MiB. It returns an error only where r cannot be read. It should panic on no input; where
// it does, the file is refused by the check "inspection".
func Inspect(r io.ReaderAt, size int64, limits Limits) (Inspection, error) {
	i := &inspection{file: boundedReader{r: r, size: whole(size)}, limits: limits}
	i.guard(i.run)
	return i.Inspection, i.file.err
}

// guard runs checks, of which none brings the worker down.
func (i *inspection) guard(checks func()) {
	defer func() {
		if what := recover(); what != nil {
			i.crashed(what)
		}
	}()
	checks()
}

// crashed refuses what brought a check down: what cannot be judged is not taken.
func (i *inspection) crashed(what any) {
	text := []rune(strings.ToValidUTF8(fmt.Sprint(what), "\ufffd"))
	i.check("inspection", false, "The inspection of this file broke off: "+string(text[:min(len(text), 200)])+".",
		"Write it anew where it was made (`qemu-img convert -O qcow2 FILE disk.qcow2`) and upload that. Tell the administrator in any case: no file should do this.")
}

type inspection struct {
	Inspection
	file   boundedReader
	limits Limits
}

func (i *inspection) run() {
	repair := fmt.Sprintf("At most %s are taken. Make it smaller: zero its free space and compress it with `qemu-img convert -c -O qcow2`.", bytesText(i.limits.MaxFile))
	if i.file.size < sectorSize {
		repair = fmt.Sprintf("A disk has at least %d bytes. Look whether its download or its export came to an end, and choose the file that holds the disk.", sectorSize)
	}
	if !i.check("file size", i.file.size >= sectorSize && i.file.size <= whole(i.limits.MaxFile), bytesText(signed(i.file.size)), repair) {
		return
	}
	switch kind := i.kind(); {
	case kind.Use == magic.Wrapper:
		i.check("format", false, "This is "+kind.Name+".", "Unpack it first (`"+kind.Unpack+"`) and upload the disk that is inside.")
	case kind.Use == magic.Refused:
		i.check("format", false, "This is "+kind.Name+".", kind.Repair)
	case kind == magic.QCOW2:
		i.qcow2()
	case kind == magic.VMDK:
		i.vmdk()
	case kind == magic.VHD:
		i.vhd()
	default:
		i.raw()
	}
}

// kind is the one that the file is known for. What is several at once is of a kind that is refused.
func (i *inspection) kind() magic.Kind {
	kinds := magic.Look(i.file.bytes(0, magic.Enough), i.file.bytes(i.file.size-magic.EndSize, magic.EndSize), signed(i.file.size))
	switch len(kinds) {
	case 0:
		return magic.Unknown
	case 1:
		return kinds[0]
	}
	return magic.Several(kinds)
}

// data is how many bytes of the file at most are no zeros.
func (i *inspection) data() uint64 {
	if d := whole(i.limits.Data); d > 0 && d < i.file.size {
		return d
	}
	return i.file.size
}

// mostParts is how many clusters or sectors a file may have whose tables are followed: each takes a bit or three of memory.
const mostParts = 1 << 29

// followable tells whether a file is small enough for its tables to be followed, in parts of some bytes.
func (i *inspection) followable(part uint64) bool {
	parts := i.file.size/part + min(i.file.size%part, 1)
	return parts <= mostParts || i.check("tables", false,
		fmt.Sprintf("The file has %s, in parts of %s that its tables can name; at most %s of such a file are followed.", bytesText(signed(i.file.size)), bytesText(signed(part)), bytesText(signed(mostParts*part))),
		"Write it anew as a qcow2 with the usual clusters, which takes less: `qemu-img convert -f "+string(i.Format)+" -O qcow2 -o cluster_size=64k disk."+string(i.Format)+" new.qcow2`.")
}

// check adds a line and tells whether it passed. The detail says what was seen either way.
func (i *inspection) check(name string, passed bool, detail, repair string) bool {
	if passed {
		repair = ""
	}
	i.Checks = append(i.Checks, provisioner.ImageCheck{Name: name, Passed: passed, Detail: detail, Repair: repair})
	return passed
}

// warn adds a line that passed, and says what is doubtful and what to do.
func (i *inspection) warn(name, detail, repair string) {
	i.Checks = append(i.Checks, provisioner.ImageCheck{Name: name, Passed: true, Warned: true, Detail: detail, Repair: repair})
}

// virtualSize judges the size of the disk a guest would see.
func (i *inspection) virtualSize(size uint64) bool {
	fine := size >= minDisk && size <= whole(i.limits.MaxVirtual) && size%512 == 0
	detail := fmt.Sprintf("The disk has %d bytes.", size)
	if fine {
		i.VirtualSize = signed(size)
		detail = fmt.Sprintf("The disk has %s.", bytesText(i.VirtualSize))
	}
	most := bytesText(i.limits.MaxVirtual)
	if i.limits.Largest != "" {
		most += " (" + i.limits.Largest + ")"
	}
	repair := fmt.Sprintf("A disk has whole sectors of 512 bytes, at least %s and at most %s. Set its size with `qemu-img resize`.", bytesText(minDisk), most)
	if size > whole(i.limits.MaxVirtual) {
		repair = fmt.Sprintf("No node could have it: a disk has at most %s. Make its last partition smaller, then the disk: `qemu-img resize --shrink disk.qcow2 %dM`.", most, i.limits.MaxVirtual>>20)
	}
	return i.check("disk size", fine, detail, repair)
}

// boundedReader reads inside a file only; outside of it there are no bytes. The first real error stays.
type boundedReader struct {
	r    io.ReaderAt
	size uint64
	err  error
}

// bytes gives n bytes from an offset, or fewer at the file's end.
func (b *boundedReader) bytes(at, n uint64) []byte {
	if at >= b.size {
		return nil
	}
	buf := make([]byte, min(n, b.size-at))
	got, err := b.r.ReadAt(buf, signed(at))
	if err != nil && !errors.Is(err, io.EOF) && b.err == nil {
		b.err = fmt.Errorf("read image at %d: %w", at, err)
	}
	return buf[:got]
}

// holds tells whether n bytes from an offset lie in the file.
func (b *boundedReader) holds(at, n uint64) bool {
	return at <= b.size && n <= b.size-at
}

// bytesText writes a number of bytes for people, with a unit of which it is at least one.
func bytesText(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n < unit.size {
			continue
		}
		if n%unit.size == 0 {
			return fmt.Sprintf("%d %s", n/unit.size, unit.name)
		}
		return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.size), unit.name)
	}
	return fmt.Sprintf("%d bytes", n)
}
