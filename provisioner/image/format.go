package image

import "strings"

// Format is a disk format that is accepted, by qemu-img's word. It is always named to qemu-img and never guessed by it.
type Format string

// The accepted formats.
const (
	FormatQCOW2 Format = "qcow2"
	FormatRaw   Format = "raw"
	FormatVMDK  Format = "vmdk"
	FormatVHD   Format = "vpc"
)

// Checkable tells whether `qemu-img check -f FORMAT` knows the format: of qcow2 it counts every reference, of VMDK it follows every grain; VHD and
// raw it refuses with status 63. What Inspect has walked of a VHD is then all that is known before it is converted.
func (f Format) Checkable() bool { return f == FormatQCOW2 || f == FormatVMDK }

// Source gives the arguments by which qemu-img opens a file of the format to read it, for `convert`, `map` and `info`.
//
// A VHD says its size twice: in bytes (current_size), and by cylinders, heads and sectors (CHS), which cannot express every size. By itself qemu-img
// goes by who made the file: CHS for "vpc ", "qemu" and every program that it does not know, VirtualBox among them, and bytes for Hyper-V,
// Azure, Disk2vhd and Xen. CHS is the smaller one where they differ, and loses the disk's end, where a GPT has its copy; so it is
// told to take the bytes (force_size_calc), which are also what Inspect has judged.
func (f Format) Source(path string) []string {
	if f != FormatVHD {
		return []string{"-f", string(f), path}
	}
	return []string{"--image-opts", "driver=vpc,force_size_calc=current_size,file.driver=file,file.filename=" + strings.ReplaceAll(path, ",", ",,")}
}
