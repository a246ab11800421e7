package magic

import (
	"bytes"
	"path"
	"strconv"
	"strings"
)

var (
	vagrant = Kind{Name: "a box of Vagrant", Repair: "Unpack it (`tar xf FILE`) and upload the disk that is inside: box.img is a qcow2, box-disk001.vmdk a VMDK; of a box whose disk is in another format make `qemu-img convert -O qcow2 DISK disk.qcow2`."}
	tarball = packed("a tar archive that is no OVA: its first file is no OVF description", "tar xf FILE")
)

const tarBlock = 512

// tarKind tells what a tar archive is by the names in the headers that lie in the first bytes. An OVA's first file is its description, a bundle's says that it is an OCI layout; a Vagrant box has
// files of known names, and may have a description as well.
func tarKind(f file) (Kind, bool) {
	if !f.tarHeader(0) {
		return Kind{}, false
	}
	k, first, long := tarball, true, ""
	for at := 0; at+tarBlock <= len(f.start) && f.tarHeader(at); {
		header := f.start[at : at+tarBlock]
		size, err := strconv.ParseUint(string(bytes.Trim(header[124:136], " \x00")), 8, 40)
		if err != nil {
			break // in base 256, for sizes that do not lie in the first bytes
		}
		body := f.start[at+tarBlock:]
		body = body[:min(size, uint64(len(body)))]
		name := long
		if name == "" {
			name = text(header[:100])
		}
		long = ""
		switch header[156] {
		case '0', 0:
			switch base := strings.ToLower(path.Base(name)); {
			case base == "vagrantfile" || base == "metadata.json" || base == "box.img" || base == "box_0.img":
				return vagrant, true
			case first && strings.HasSuffix(base, ".ovf"):
				k = OVA
			case first && base == "oci-layout":
				k = Bundle
			}
			first = false
		case 'L':
			long = text(body)
		case 'x':
			long = paxPath(body)
		}
		at += tarBlock + int((size+tarBlock-1)/tarBlock)*tarBlock
	}
	return k, true
}

// text is what stands before the first zero.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}

// paxPath is the name that the next file has by an extended header, or nothing.
func paxPath(records []byte) string {
	_, after, _ := bytes.Cut(records, []byte(" path="))
	name, _, _ := bytes.Cut(after, []byte("\n"))
	return string(name)
}

// tarHeader tells a header by its mark or, in the oldest form, by its checksum alone.
func (f file) tarHeader(at int) bool {
	if f.has(at+257, "ustar") {
		return true
	}
	if at+tarBlock > len(f.start) || f.start[at] == 0 {
		return false
	}
	header := f.start[at : at+tarBlock]
	said, err := strconv.ParseUint(string(bytes.Trim(header[148:156], " \x00")), 8, 32)
	sum := uint64(8 * ' ')
	for n, b := range header {
		if n < 148 || n >= 156 {
			sum += uint64(b)
		}
	}
	return err == nil && sum == said
}
