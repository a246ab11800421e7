package image

import "bytes"

// otherKind is a format that is known and not accepted.
type otherKind struct{ name, repair string }

func convertible(name, format string) otherKind {
	return otherKind{name, "Convert it where it was made: `qemu-img convert -f " + format + " -O qcow2 disk disk.qcow2`, then upload disk.qcow2."}
}

func packed(name, command string) otherKind {
	return otherKind{name, "Unpack it first (`" + command + "`) and upload the disk that is inside."}
}

var (
	vmdk = convertible("a VMDK disk (VMware)", "vmdk")
	vhd  = convertible("a VHD disk (Virtual PC, Azure)", "vpc")
	qcow = convertible("a qcow disk of version 1", "qcow")
	luks = otherKind{"an encrypted disk (LUKS)", "Upload it unencrypted: a host must be able to boot it without a passphrase. Encryption inside the guest is yours to set up."}
	iso  = otherKind{"an optical disc (ISO 9660)", "Upload a disk that has been installed, not the installer. Boot the disc on your workstation, install to a qcow2 disk, and upload that."}
	bare = otherKind{"a file system without a boot sector", "Upload a whole disk, with partition table and boot loader, not one partition of it."}
)

// magics are what a file of another kind has at a fixed place. The list follows the block drivers of QEMU and what
// people have been seen to upload instead of a disk.
var magics = []struct {
	at    uint64
	magic string
	kind  otherKind
}{
	{0, "KDMV", vmdk},
	{0, "COWD", vmdk},
	{0, "# Disk DescriptorFile", vmdk},
	{0, "conectix", vhd},
	{0, "cxsparse", vhd},
	{0, "vhdxfile", convertible("a VHDX disk (Hyper-V)", "vhdx")},
	{0x40, "\x7f\x10\xda\xbe", convertible("a VDI disk (VirtualBox)", "vdi")},
	{0, "QED\x00", convertible("a QED disk", "qed")},
	{0, "WithoutFreeSpace", convertible("a Parallels disk", "parallels")},
	{0, "WithouFreSpacExt", convertible("a Parallels disk", "parallels")},
	{0, "Bochs Virtual HD Image", convertible("a Bochs disk", "bochs")},
	{0, "OOOM", convertible("a User Mode Linux disk", "raw")},
	{0, "LUKS\xba\xbe", luks},
	{0x8001, "CD001", iso},
	{0x8001, "BEA01", iso},
	{0, "\x1f\x8b", packed("compressed with gzip", "gunzip disk.gz")},
	{0, "PK\x03\x04", packed("a ZIP archive", "unzip disk.zip")},
	{0, "\xfd7zXZ\x00", packed("compressed with xz", "unxz disk.xz")},
	{0, "\x28\xb5\x2f\xfd", packed("compressed with zstd", "unzstd disk.zst")},
	{0, "BZh", packed("compressed with bzip2", "bunzip2 disk.bz2")},
	{0, "\x04\x22\x4d\x18", packed("compressed with lz4", "unlz4 disk.lz4")},
	{0, "7z\xbc\xaf\x27\x1c", packed("a 7-Zip archive", "7z x disk.7z")},
	{0, "Rar!\x1a\x07", packed("a RAR archive", "unrar x disk.rar")},
	{257, "ustar", packed("a tar archive (an OVA is one)", "tar xf disk.ova")},
	{0, "hsqs", otherKind{"a SquashFS file system", bare.repair}},
	{0, "\x7fELF", otherKind{"a program (ELF)", "Upload the disk the program or kernel boots from."}},
	{0, "%PDF-", otherKind{"a PDF document", "Upload a disk: a qcow2 or raw file."}},
	{0, "#!", otherKind{"a script", "Upload a disk: a qcow2 or raw file."}},
}

// otherFormat finds a known format that is not accepted, by its magic at the start or, for two, at the end.
func (i *inspection) otherFormat() (otherKind, bool) {
	for _, m := range magics {
		if bytes.Equal(i.file.bytes(m.at, uint64(len(m.magic))), []byte(m.magic)) {
			return m.kind, true
		}
	}
	if start := i.file.bytes(0, 5); len(start) == 5 && string(start[:4]) == qcow2Magic && start[4] == 0 {
		if version := i.file.bytes(4, 4); len(version) == 4 && bytes.Equal(version, []byte{0, 0, 0, 1}) {
			return qcow, true
		}
	}
	// A fixed VHD and a DMG are what they are by their last sector alone.
	switch footer := i.file.bytes(i.file.size-512, 8); {
	case string(footer) == "conectix":
		return vhd, true
	case len(footer) == 8 && string(footer[:4]) == "koly":
		return convertible("a DMG disk (Apple)", "dmg"), true
	}
	return otherKind{}, false
}
