package image

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// vmdkShown is how many bytes behind the header QEMU takes for the description, however many the header says.
const vmdkShown = 20 * 512

var (
	vmdkExtentLine = regexp.MustCompile(`^(?i)(RW|RDONLY|NOACCESS)\s+(\d+)\s+([A-Z]+)(?:\s+"([^"]*)")?\s*(\d*)\s*$`)
	vmdkAccess     = regexp.MustCompile(`^(?i)\s*(RW|RDONLY|NOACCESS)\s`)
	vmdkEncrypted  = regexp.MustCompile(`(?i)^\s*(encryptionKeys|keySafe|dataFileKey|encryption)\b|vmware:key/`)
)

// description judges the text in a VMDK. It is where a file names others: parents, and extents with the disk's data.
func (i *inspection) description(h vmdkHeader) bool {
	area := i.file.bytes(512, max(vmdkShown, h.descriptorSize*512))
	end := bytes.IndexByte(area, 0)
	if end < 0 || whole(int64(end)) >= h.descriptorSize*512 {
		return i.check("description", false, "The text that describes the disk has no end.", vmdkRewrite)
	}
	text := string(area[:end])
	var kinds, extents []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch key, value, _ := strings.Cut(line, "="); {
		case strings.EqualFold(strings.TrimSpace(key), "createType"):
			kinds = append(kinds, strings.Trim(strings.TrimSpace(value), `"`))
		case vmdkAccess.MatchString(line):
			extents = append(extents, line)
		}
	}
	fine := i.vmdkParent(text)
	fine = i.vmdkKind(kinds, h) && fine
	fine = i.vmdkExtent(extents, h) && fine
	secret := false
	for line := range strings.Lines(text) {
		secret = secret || vmdkEncrypted.MatchString(line)
	}
	return i.check("encryption", !secret, map[bool]string{false: "None.", true: "The disk is encrypted by VMware."}[secret],
		"Remove the encryption in VMware's settings of the machine, then export the disk again. Encryption inside the guest is yours to set up.") && fine
}

// vmdkParent refuses what is only the difference against another disk. Every place of the words counts, as for QEMU.
func (i *inspection) vmdkParent(text string) bool {
	const name = "backing file"
	repair := "Make it whole where all its files are: `qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2`."
	text = strings.ToLower(text)
	var said []string
	for _, after := range strings.Split(text, "parentcid")[1:] {
		value, _, _ := strings.Cut(strings.TrimLeft(after, "= \t"), "\n")
		said = append(said, strings.TrimSpace(value))
	}
	switch {
	case strings.Contains(text, "parentfilenamehint"):
		return i.check(name, false, "The disk is only what changed against another file, which its description names.", repair)
	case len(said) == 0:
		return i.check(name, false, "Its description does not say whether there is a parent (parentCID).", vmdkRewrite)
	case len(said) > 1:
		return i.check(name, false, fmt.Sprintf("Its description says %d times which parent it has.", len(said)), vmdkRewrite)
	case said[0] != "ffffffff":
		return i.check(name, false, "The disk is only what changed against a parent with CID "+clip(said[0])+".", repair)
	}
	return i.check(name, true, "None.", "")
}

func (i *inspection) vmdkKind(kinds []string, h vmdkHeader) bool {
	want := "monolithicSparse"
	if h.compressed() {
		want = "streamOptimized"
	}
	const name = "description"
	switch {
	case len(kinds) != 1:
		return i.check(name, false, fmt.Sprintf("Its description gives %d types of disk (createType).", len(kinds)), vmdkRewrite)
	case kinds[0] != "monolithicSparse" && kinds[0] != "streamOptimized":
		return i.check(name, false, "Its description says that it is "+clip(kinds[0])+", whose data lies in several files or elsewhere.",
			"Only monolithicSparse and streamOptimized are one file. Write it into one where all its files are: `qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2`.")
	case kinds[0] != want:
		return i.check(name, false, "Its description says "+kinds[0]+", its header "+want+".", vmdkRewrite)
	}
	return i.check(name, true, kinds[0]+".", "")
}

// vmdkExtent wants one extent: the file itself. What it was called when it was made is not known, but that it lies beside its description.
func (i *inspection) vmdkExtent(lines []string, h vmdkHeader) bool {
	const name, one = "external data file", "Make it one file where all are: `qemu-img convert -f vmdk -O qcow2 disk.vmdk disk.qcow2`."
	if len(lines) != 1 {
		return i.check(name, false, fmt.Sprintf("Its description names %d files with the disk's data (extents), and there is one.", len(lines)), one)
	}
	parts := vmdkExtentLine.FindStringSubmatch(lines[0])
	if parts == nil {
		return i.check(name, false, "The line of its description that names the data cannot be read: "+clip(lines[0])+".", vmdkRewrite)
	}
	size, err := strconv.ParseUint(parts[2], 10, 64)
	switch file := parts[4]; {
	case !strings.EqualFold(parts[3], "SPARSE"):
		return i.check(name, false, "Its data is said to be "+clip(parts[3])+", and not in this file (SPARSE).", one)
	case file == "" || file == "." || file == ".." || strings.ContainsAny(file, `/\:`) || parts[5] != "":
		return i.check(name, false, "Its data is said to lie elsewhere than in the file itself: "+clip(strings.TrimSpace(file+" "+parts[5]))+".", one)
	case err != nil || size != h.capacity:
		return i.check(name, false, fmt.Sprintf("Its description gives the disk %s sectors, its header %d.", clip(parts[2]), h.capacity), vmdkRewrite)
	}
	return i.check(name, true, "None.", "")
}

// clip shortens what a file says, for a sentence.
func clip(text string) string {
	const most = 60
	r := []rune(strings.ToValidUTF8(text, "�"))
	if len(r) > most {
		r = append(r[:most], '…')
	}
	return strconv.Quote(string(r))
}
