package ui

import "strings"

// formatNames are what people call the formats of disks that qemu-img calls otherwise.
var formatNames = map[string]string{"vmdk": "VMDK", "vpc": "VHD", "ova": "OVA", "bundle": "bundle of a model cluster"}

// DiskFormat is what an upload is, as people call it, of what its verdict says: "qcow2", "VHD in xz", "OVA"; empty stays empty.
func DiskFormat(format string) string {
	disk, wrapper, wrapped := strings.Cut(format, " in ")
	if name, other := formatNames[disk]; other {
		disk = name
	}
	switch {
	case !wrapped:
		return disk
	case disk == "":
		return "compressed with " + wrapper
	}
	return disk + " in " + wrapper
}
