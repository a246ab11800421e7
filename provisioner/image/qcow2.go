package image

import (
	"encoding/binary"
	"fmt"
	"strings"

	"volary.dev/provisioner/refusal"
)

// The layout is that of docs/interop/qcow2.txt in QEMU; all numbers are big-endian.
const (
	qcow2Magic     = "QFI\xfb"
	qcow2MaxL1     = 32 << 20 // bytes; QEMU's own bound
	qcow2MaxHeader = 64 << 10 // bytes of header and extensions that are read
)

const unencrypted = "Write it unencrypted, since a host must be able to boot it without a passphrase: `qemu-img convert --image-opts driver=qcow2,file.filename=disk.qcow2,encrypt.key-secret=key --object secret,id=key,file=KEYFILE -O qcow2 plain.qcow2`. Encryption inside the guest is yours to set up."

// Incompatible feature bits.
const (
	featureDirty       = 1 << 0
	featureCorrupt     = 1 << 1
	featureDataFile    = 1 << 2
	featureCompression = 1 << 3
	featureExtendedL2  = 1 << 4
)

type qcow2Header struct {
	version         uint32
	backingOffset   uint64
	backingSize     uint32
	clusterBits     uint32
	size            uint64
	crypt           uint32
	l1Size          uint32
	l1Offset        uint64
	refcountOffset  uint64
	refcountSize    uint32 // clusters
	snapshots       uint32
	incompatible    uint64
	refcountOrder   uint32
	headerLength    uint32
	compressionType byte
}

func parseQCOW2(b []byte) qcow2Header {
	be := binary.BigEndian
	h := qcow2Header{
		version: be.Uint32(b[4:]), backingOffset: be.Uint64(b[8:]), backingSize: be.Uint32(b[16:]), clusterBits: be.Uint32(b[20:]),
		size: be.Uint64(b[24:]), crypt: be.Uint32(b[32:]), l1Size: be.Uint32(b[36:]), l1Offset: be.Uint64(b[40:]),
		refcountOffset: be.Uint64(b[48:]), refcountSize: be.Uint32(b[56:]), snapshots: be.Uint32(b[60:]),
		refcountOrder: 4, headerLength: 72,
	}
	if h.version == 3 {
		h.incompatible, h.refcountOrder, h.headerLength = be.Uint64(b[72:]), be.Uint32(b[96:]), be.Uint32(b[100:])
		if h.headerLength > 104 {
			h.compressionType = b[104]
		}
	}
	return h
}

func (h qcow2Header) clusterSize() uint64 { return 1 << h.clusterBits }

// entrySize is that of an entry of a second-level table, in bytes.
func (h qcow2Header) entrySize() uint64 {
	if h.incompatible&featureExtendedL2 != 0 {
		return 16
	}
	return 8
}

// qcow2 judges a qcow2 file. Checks that need a sound layout are left out where it is not.
func (i *inspection) qcow2() {
	start := i.file.bytes(0, 112)
	if len(start) < 112 {
		i.check("format", false, fmt.Sprintf("This is the beginning of a qcow2 disk: %d bytes of its header.", len(start)), "The file was cut short. Copy it again and compare the sizes.")
		return
	}
	h := parseQCOW2(start)
	if !i.check("format", h.version == 2 || h.version == 3, fmt.Sprintf("A qcow2 disk of version %d.", h.version),
		"Versions 2 and 3 are known. Convert it: `qemu-img convert -O qcow2 disk new.qcow2`.") {
		return
	}
	i.Format = FormatQCOW2
	i.references(h)
	i.features(h)
	layout := i.layout(h)
	sized := i.virtualSize(h.size)
	if layout && i.extensions(h) && sized && i.places(h) {
		i.walkTables(h)
	}
}

// references refuses whatever would make a program open a second file or ask for a key.
func (i *inspection) references(h qcow2Header) {
	backing := "None."
	if h.backingOffset != 0 || h.backingSize != 0 {
		backing = "The disk is only what changed against another file, which is not part of the upload."
	}
	i.check("backing file", h.backingOffset == 0 && h.backingSize == 0, backing,
		"Make it whole where both files are: `qemu-img convert -O qcow2 disk.qcow2 whole.qcow2`.")
	data := "None."
	if h.incompatible&featureDataFile != 0 {
		data = "The disk keeps its data in another file, which is not part of the upload."
	}
	i.check("external data file", h.incompatible&featureDataFile == 0, data,
		"Make it whole where both files are: `qemu-img convert -O qcow2 disk.qcow2 whole.qcow2`.")
	crypt := map[uint32]string{0: "None.", 1: "The disk is encrypted (AES).", 2: "The disk is encrypted (LUKS)."}[h.crypt]
	if crypt == "" {
		crypt = fmt.Sprintf("Encryption method %d is not known.", h.crypt)
	}
	i.check("encryption", h.crypt == 0, crypt, unencrypted)
	snapshots := "None."
	if h.snapshots > 0 {
		snapshots = fmt.Sprintf("The disk carries %d internal snapshots.", h.snapshots)
	}
	i.check("internal snapshots", h.snapshots == 0, snapshots, "Delete them: `qemu-img snapshot -l disk.qcow2`, then `qemu-img snapshot -d NAME disk.qcow2`.")
}

// features refuses bits that say the file is broken or that we do not know.
func (i *inspection) features(h qcow2Header) {
	const known = featureDirty | featureCorrupt | featureDataFile | featureCompression | featureExtendedL2
	var wrong []string
	repair := "Convert it: `qemu-img convert -O qcow2 disk.qcow2 new.qcow2`."
	if h.incompatible&featureDirty != 0 {
		wrong = append(wrong, "The disk was not closed cleanly.")
	}
	if h.incompatible&featureCorrupt != 0 {
		wrong = append(wrong, "The disk is marked as corrupt.")
	}
	if wrong != nil {
		repair = "Shut the machine down and repair the disk: `qemu-img check -r all disk.qcow2`."
	}
	if unknown := h.incompatible &^ known; unknown != 0 {
		wrong = append(wrong, fmt.Sprintf("Feature bits %#x are not known.", unknown))
	}
	compressed := h.incompatible&featureCompression != 0
	if h.compressionType > 1 || compressed != (h.compressionType != 0) {
		wrong = append(wrong, fmt.Sprintf("Compression type %d is not known or not marked.", h.compressionType))
	}
	detail := "All known."
	if wrong != nil {
		detail = strings.Join(wrong, " ")
	}
	i.check("features", wrong == nil, detail, repair)
}

// layout judges the numbers that all others are computed from.
func (i *inspection) layout(h qcow2Header) bool {
	fine := h.clusterBits >= 9 && h.clusterBits <= 21 && h.refcountOrder <= 6
	if fine && h.version == 3 {
		fine = h.headerLength >= 104 && h.headerLength%8 == 0 && uint64(h.headerLength) <= h.clusterSize()
	}
	if fine && h.incompatible&featureExtendedL2 != 0 {
		fine = h.clusterBits >= 14
	}
	return i.check("layout", fine,
		fmt.Sprintf("Clusters of 2^%d bytes, reference counts of 2^%d bits, a header of %d bytes.", h.clusterBits, h.refcountOrder, h.headerLength),
		"Clusters have 2^9 to 2^21 bytes and reference counts at most 64 bits. The header is damaged; export the disk again.")
}

// extensions walks the header extensions, which lie between header and first cluster's end. Two of them name another file; they are refused
// even where no feature bit asks for one. The list ends with an entry of zeros: QEMU writes one always, and version 2 files that knew no
// extensions have zeros there. Without one, readers disagree about where it ends.
func (i *inspection) extensions(h qcow2Header) bool {
	const (
		endOfList   = 0x00000000
		backingName = 0xe2792aca
		dataName    = 0x44415441
		cryptHeader = 0x0537be77
	)
	limit := min(h.clusterSize(), qcow2MaxHeader)
	area := i.file.bytes(0, limit)
	fine, detail := true, "Well formed."
	for at := uint64(h.headerLength); fine; {
		if at+8 > uint64(len(area)) {
			fine, detail = false, fmt.Sprintf("The list of header extensions has no end within its %s.", bytesText(int64(len(area))))
			break
		}
		kind, length := binary.BigEndian.Uint32(area[at:]), uint64(binary.BigEndian.Uint32(area[at+4:]))
		if kind == endOfList {
			break
		}
		next := at + 8 + (length+7)/8*8
		switch {
		case next > uint64(len(area)):
			fine, detail = false, fmt.Sprintf("Extension %#08x at byte %d has %d bytes and leaves the header.", kind, at, length)
		case kind == backingName || kind == dataName:
			fine, detail = false, fmt.Sprintf("Extension %#08x names another file or its format.", kind)
		case kind == cryptHeader:
			fine, detail = false, "An extension points at an encryption header."
		}
		at = next
	}
	return i.check("header extensions", fine, detail, "Convert it: `qemu-img convert -O qcow2 disk.qcow2 new.qcow2`.")
}

// places judges where the first-level and the reference count table lie; walkTables looks into them.
func (i *inspection) places(h qcow2Header) bool {
	cluster := h.clusterSize()
	needed := (&tableWalk{h: h, cluster: cluster}).firstLevelEntries()
	l1Bytes := uint64(h.l1Size) * 8
	refBytes := uint64(h.refcountSize) * cluster
	var problem string
	switch {
	case l1Bytes > qcow2MaxL1 || uint64(h.l1Size) < needed:
		problem = fmt.Sprintf("The first-level table has %s, the disk needs %d and at most %d are taken.", refusal.Plural(int64(h.l1Size), "entry", "entries"), needed, qcow2MaxL1/8)
	case h.l1Offset%cluster != 0 || h.l1Offset < cluster && h.l1Size > 0 || !i.file.holds(h.l1Offset, l1Bytes):
		problem = fmt.Sprintf("The first-level table lies at byte %d with %d bytes, the file has %d.", h.l1Offset, l1Bytes, i.file.size)
	case h.refcountOffset%cluster != 0 || h.refcountOffset < cluster || h.refcountSize == 0 || refBytes > qcow2MaxL1 || !i.file.holds(h.refcountOffset, refBytes):
		problem = fmt.Sprintf("The reference count table lies at byte %d with %d bytes, the file has %d.", h.refcountOffset, refBytes, i.file.size)
	default:
		return true
	}
	return i.check("tables", false, problem, "The file was cut short or is damaged. Copy it again and compare the sizes, or repair it: `qemu-img check -r all disk.qcow2`.")
}
