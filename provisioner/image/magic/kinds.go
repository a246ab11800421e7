package magic

import "encoding/binary"

// vhdCookie begins a VHD's footer, and the footer's copy that a dynamic one begins with.
const vhdCookie = "conectix"

// The kinds that are taken.
var (
	Raw   = Kind{Name: "a raw disk", Format: "raw", Use: Disk}
	QCOW2 = Kind{Name: "a qcow2 disk", Format: "qcow2", Use: Disk}
	VMDK  = Kind{Name: "a VMDK disk (VMware)", Format: "vmdk", Use: Disk}
	VHD   = Kind{Name: "a VHD disk (Virtual PC, Azure)", Format: "vpc", Use: Disk}
	Gzip  = Kind{Name: "a file compressed with gzip", Format: "gzip", Use: Wrapper, Unpack: "gunzip disk.gz"}
	XZ    = Kind{Name: "a file compressed with xz", Format: "xz", Use: Wrapper, Unpack: "unxz disk.xz"}
	Zstd  = Kind{Name: "a file compressed with zstd", Format: "zstd", Use: Wrapper, Unpack: "unzstd disk.zst"}
	OVA   = Kind{Name: "an OVA (a virtual machine in a tar archive)", Format: "ova", Use: Wrapper, Unpack: "tar xf disk.ova"}
	// Bundle is told by its first file, as an OVA is; so are the layouts of containers' images, which its reader refuses by name.
	Bundle = Kind{Name: "a bundle (a model cluster as an OCI image layout)", Format: "bundle", Use: Wrapper, Unpack: "tar xf model.tar"}
)

// Unknown is what has no mark.
var Unknown = Kind{
	Name:   "none of the formats that we know: it has no mark of one, and its first sector has no boot signature (55 AA) as a raw disk's has",
	Repair: "Upload a disk that boots: qcow2, VMDK, VHD or raw, as it is or compressed with gzip, xz or zstd, or an OVA. `qemu-img info FILE` says what a file is, `qemu-img convert -O qcow2 FILE disk.qcow2` makes a qcow2.",
}

// The kinds that several marks stand for.
var (
	iso       = Kind{Name: "an optical disc (ISO 9660 or UDF)", Format: "iso", Repair: install}
	luks      = Kind{Name: "an encrypted disk (LUKS)", Format: "luks", Repair: "A host must be able to boot it without a passphrase. Write it unencrypted: `cryptsetup open FILE plain`, then `qemu-img convert -f raw -O qcow2 /dev/mapper/plain disk.qcow2`, and upload disk.qcow2. Encryption inside the guest is yours to set up."}
	dmg       = convertible("a DMG disk (Apple)", "dmg")
	parallels = convertible("a Parallels disk", "parallels")
	cpio      = packed("a cpio archive", "cpio -idv < FILE")
	lz4       = packed("a file compressed with lz4", "unlz4 FILE disk")
	zip       = packed("a ZIP archive", "unzip FILE")
	web       = Kind{Name: "a web page", Repair: "The address or the browser gave a page instead of the file. Fetch the disk itself: `curl -fLO ADDRESS`, and look at it with `qemu-img info FILE`."}
	picture   = Kind{Name: "a picture", Repair: notDisk}
)

const (
	install = "Upload a disk that has been installed, not the installer: `qemu-img create -f qcow2 disk.qcow2 20G`, then `qemu-system-x86_64 -m 2G -cdrom FILE -drive file=disk.qcow2,format=qcow2`, install, shut the machine down, and upload disk.qcow2."
	notDisk = "Upload a disk that boots. `qemu-img convert -O qcow2 DISK disk.qcow2` makes a qcow2 of any that QEMU reads."
	whole   = "Upload a whole disk, with partition table and boot loader, not one partition of it: `qemu-img convert -f raw -O qcow2 /dev/vda disk.qcow2` on a machine that was started from another disk."
	// parts is for VMDKs that lie in several files.
	parts = "Write it into one file where all its files are: `qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2` (with VMware's tools `vmware-vdiskmanager -r disk.vmdk -t 0 whole.vmdk`), and upload that."
)

func convertible(name, format string) Kind {
	return Kind{Name: name, Format: format, Repair: "Convert it where it was made: `qemu-img convert -f " + format + " -O qcow2 FILE disk.qcow2`, then upload disk.qcow2."}
}

func packed(name, command string) Kind {
	return Kind{Name: name, Repair: "Unpack it first (`" + command + "`) and upload the disk that is inside, or compress that with gzip, xz or zstd."}
}

// mark is what a file of some kind has at a fixed place.
type mark struct {
	at    int
	magic string
	kind  Kind
	zeros bool            // an honest file's first sector ends with zeros: where it ends with 55 AA, it is a raw disk as well
	and   func(file) bool // what a short mark needs beside it; nil: nothing
}

func (m mark) in(f file) bool { return f.has(m.at, m.magic) && (m.and == nil || m.and(f)) }

// marks follow the block drivers of QEMU, and what people have been seen to upload instead of a disk.
var marks = []mark{
	{magic: "QFI\xfb\x00\x00\x00\x02", kind: QCOW2, zeros: true},
	{magic: "QFI\xfb\x00\x00\x00\x03", kind: QCOW2, zeros: true},
	{magic: "QFI\xfb\x00\x00\x00\x01", kind: convertible("a qcow disk of version 1", "qcow"), zeros: true},
	{magic: "QFI\xfb", kind: convertible("a qcow disk of a version that is not known", "qcow2"), and: laterQCOW},
	{magic: "KDMV", kind: VMDK, zeros: true, and: describedVMDK},
	{magic: "KDMV", kind: Kind{Name: "one part of a VMDK disk that is split into several files", Format: "vmdk", Repair: parts}, and: partVMDK},
	{magic: "COWD", kind: Kind{Name: "one part of a VMDK disk of ESX (COWD)", Format: "vmdk", Repair: parts}},
	{magic: "\xbe\xba\xfe\xca\x00\x00\x00\x00", kind: Kind{Name: "one part of a VMDK disk of ESXi (seSparse)", Format: "vmdk", Repair: parts}},
	{magic: "# Disk DescriptorFile", kind: Kind{Name: "the description of a VMDK disk, whose data lies in other files", Format: "vmdk", Repair: parts}},
	{magic: vhdCookie, kind: VHD, zeros: true},
	{magic: "cxsparse", kind: Kind{Name: "a VHD disk without its first sector", Format: "vpc", Repair: "The file was cut at its begin. Copy it again where it was made, or convert it there: `qemu-img convert -f vpc -O qcow2 FILE disk.qcow2`."}},
	{magic: "vhdxfile", kind: convertible("a VHDX disk (Hyper-V)", "vhdx")},
	{at: 0x40, magic: "\x7f\x10\xda\xbe", kind: convertible("a VDI disk (VirtualBox)", "vdi")},
	{magic: "QED\x00", kind: convertible("a QED disk", "qed")},
	{magic: "WithoutFreeSpace", kind: parallels},
	{magic: "WithouFreSpacExt", kind: parallels},
	{magic: "Bochs Virtual HD Image", kind: convertible("a Bochs disk", "bochs")},
	{magic: "#!/bin/sh\n#V2.0 Format\nmodprobe cloop", kind: convertible("a cloop disk", "cloop")},
	{magic: "OOOM", kind: Kind{Name: "a User Mode Linux disk (COW)", Repair: "It is what changed against another file. Write it into one where both are: `uml_moo FILE disk.raw`, and upload disk.raw."}},
	{magic: "MComprHD", kind: Kind{Name: "a CHD disk (MAME)", Repair: "Extract it: `chdman extracthd -i FILE -o disk.raw`, and upload disk.raw."}},
	{magic: "EVF\x09\x0d\x0a\xff\x00", kind: Kind{Name: "a forensic image (EnCase)", Repair: "Export it: `ewfexport -t disk -f raw FILE`, and upload disk.raw."}},
	{magic: "MSWIM\x00\x00\x00", kind: Kind{Name: "a Windows image (WIM)", Repair: "It holds files and no disk. Install it: " + install}},
	{magic: "\x3a\xff\x26\xed", kind: Kind{Name: "an Android sparse image", Repair: "Write it out: `simg2img FILE disk.raw`, and upload disk.raw if it is a whole disk."}},
	{magic: "LUKS\xba\xbe", kind: luks},
	{magic: "SKUL\xba\xbe", kind: luks},
	{at: 3, magic: "-FVE-FS-", kind: Kind{Name: "an encrypted partition (BitLocker)", Repair: "Decrypt it in the machine (`manage-bde -off C:`). " + whole}},
	{magic: "\x1f\x8b\x08", kind: Gzip},
	{magic: "\xfd7zXZ\x00", kind: XZ},
	{magic: "\x28\xb5\x2f\xfd", kind: Zstd},
	{at: 1, magic: "\x2a\x4d\x18", kind: Zstd, and: skippable},
	{magic: "BZh", kind: packed("a file compressed with bzip2", "bunzip2 FILE"), and: bzip2},
	{magic: "\x04\x22\x4d\x18", kind: lz4},
	{magic: "\x02\x21\x4c\x18", kind: lz4},
	{magic: "\x89LZO\x00\r\n\x1a\n", kind: packed("a file compressed with lzop", "lzop -d FILE")},
	{magic: "LZIP\x01", kind: packed("a file compressed with lzip", "lzip -d FILE")},
	{at: 1, magic: "\x00\x00", kind: packed("a file compressed with LZMA alone", "unlzma FILE"), and: lzma},
	{magic: "\x1f\x9d", kind: packed("a file compressed with compress", "uncompress FILE")},
	{magic: "\xff\x06\x00\x00sNaPpY", kind: packed("a file compressed with snappy", "snzip -d FILE")},
	{magic: "PK\x03\x04", kind: zip},
	{magic: "PK\x05\x06", kind: zip},
	{magic: "PK\x07\x08", kind: zip},
	{magic: "7z\xbc\xaf\x27\x1c", kind: packed("a 7-Zip archive", "7z x FILE")},
	{magic: "Rar!\x1a\x07", kind: packed("a RAR archive", "unrar x FILE")},
	{magic: "070701", kind: cpio},
	{magic: "070702", kind: cpio},
	{magic: "070707", kind: cpio},
	{magic: "\xc7\x71", kind: cpio, and: binaryCpio},
	{magic: "\xed\xab\xee\xdb", kind: packed("an RPM package", "rpm2cpio FILE | cpio -idv")},
	{magic: "!<arch>\ndebian-binary", kind: packed("a Debian package", "dpkg-deb -x FILE folder")},
	{magic: "MSCF\x00\x00\x00\x00", kind: packed("a cabinet archive", "cabextract FILE")},
	{magic: "hsqs", kind: Kind{Name: "a SquashFS file system", Repair: whole}},
	{at: 0x202, magic: "HdrS", kind: Kind{Name: "a Linux kernel", Repair: notDisk}},
	{magic: "\x7fELF", kind: Kind{Name: "a program (ELF)", Repair: notDisk}},
	{magic: "%PDF-", kind: Kind{Name: "a PDF document", Repair: notDisk}},
	{magic: "\x89PNG\r\n\x1a\n", kind: picture},
	{magic: "\xff\xd8\xff", kind: picture},
	{magic: "#!", kind: Kind{Name: "a script", Repair: notDisk}, and: func(f file) bool { return !f.has(0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop") }},
	{kind: Kind{Name: "an OVF description without its disks", Repair: "Pack it with them, the description first: `tar cf machine.ova machine.ovf machine-disk1.vmdk`, and upload machine.ova."}, and: ovf},
	{kind: web, and: html},
	{magic: "version https://git-lfs", kind: Kind{Name: "a pointer of Git LFS and not the file itself", Repair: "Fetch the file: `git lfs pull`, and upload it."}},
	{at: 0x8001, magic: "CD001", kind: iso},
	{at: 0x8001, magic: "BEA01", kind: iso},
	{at: 0x9311, magic: "CD001", kind: iso}, // sectors of 2352 bytes, as in .bin files
}

func laterQCOW(f file) bool {
	return len(f.start) >= 8 && binary.BigEndian.Uint32(f.start[4:])-1 > 2
}

// describedVMDK tells whether a sparse extent holds the description of a disk, as one that is a disk of its own does. A header that is cut short is
// for package image to tell.
func describedVMDK(f file) bool {
	const descriptorAt = 28
	return len(f.start) < 512 || binary.LittleEndian.Uint64(f.start[descriptorAt:]) != 0
}

func partVMDK(f file) bool { return !describedVMDK(f) }

// skippable is a frame of zstd that carries no data, which pzstd and others begin with.
func skippable(f file) bool { return f.start[0]&0xf0 == 0x50 }

// bzip2 looks for the level and for the begin of a block, or of the end where there is none.
func bzip2(f file) bool {
	return len(f.start) >= 10 && f.start[3] >= '1' && f.start[3] <= '9' && (f.has(4, "1AY&SY") || f.has(4, "\x17\x72\x45\x38\x50\x90"))
}

// lzma looks at what such a file begins with instead of a mark: its parameters, a dictionary of a power of two, and a size that is absent or sane.
func lzma(f file) bool {
	if len(f.start) < 14 || f.start[0] != 0x5d || f.start[13] != 0 {
		return false
	}
	dictionary, size := binary.LittleEndian.Uint32(f.start[1:]), binary.LittleEndian.Uint64(f.start[5:])
	return dictionary >= 1<<16 && dictionary&(dictionary-1) == 0 && (size == 1<<64-1 || size < 1<<42)
}

// binaryCpio is the old form, whose two bytes a raw disk could begin with as well: a boot sector speaks against it.
func binaryCpio(f file) bool { return !bootSector(f.start) }
