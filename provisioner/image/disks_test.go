package image

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner"
)

// grubCode looks like GRUB's first sector, chainCode like SYSLINUX' and Windows', which start the active partition.
var (
	grubCode  = append([]byte("\xeb\x63\x90"), bytes.Repeat([]byte{0x90}, 400)...)
	chainCode = []byte("\x33\xc0\xfa\x8e\xd8Missing operating system.\r\n")
	gptCode   = []byte("\x33\xc0\xfa\x8e\xd8Missing OS\r\n")
	linuxType = []byte("\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4")
)

// gptPart is an entry of a GPT; places are sectors, both of them inside.
type gptPart struct {
	kind        []byte
	first, last uint64
	attributes  uint64
}

const madeSize = 12 << 20

// gptDisk makes a disk of 12 MiB with a GPT for sectors of a size.
func gptDisk(sector int, code []byte, parts ...gptPart) []byte {
	disk, table := make([]byte, madeSize), make([]byte, 128*128)
	le, n, span := binary.LittleEndian, madeSize/sector, 128*128/sector
	for i, p := range parts {
		entry := table[128*i:]
		copy(entry, p.kind)
		copy(entry[16:], "0123456789abcde"+string(rune('a'+i)))
		le.PutUint64(entry[32:], p.first)
		le.PutUint64(entry[40:], p.last)
		le.PutUint64(entry[48:], p.attributes)
	}
	header := func(lba, other, at int) {
		h := disk[lba*sector:]
		copy(h, "EFI PART\x00\x00\x01\x00\x5c\x00\x00\x00")
		for place, v := range map[int]int{24: lba, 32: other, 40: 2 + span, 48: n - span - 2, 72: at} {
			le.PutUint64(h[place:], uint64(v)) //nolint:gosec // small
		}
		le.PutUint32(h[80:], 128)
		le.PutUint32(h[84:], 128)
		le.PutUint32(h[88:], crc32.ChecksumIEEE(table))
		le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:92]))
		copy(disk[at*sector:], table)
	}
	header(1, n-1, 2)
	header(n-1, 1, n-1-span)
	return mbr(disk, code, mbrPart{0, 0xee, 1, uint32(n - 1)}) //nolint:gosec // small
}

// mbrPart is an entry of an MBR; places are sectors.
type mbrPart struct {
	status, kind byte
	start, count uint32
}

// mbr writes boot code and entries into a disk's first sector.
func mbr(disk, code []byte, parts ...mbrPart) []byte {
	clear(disk[:446])
	copy(disk[:440], code)
	for i, p := range parts {
		entry := disk[446+16*i:]
		entry[0], entry[4] = p.status, p.kind
		binary.LittleEndian.PutUint32(entry[8:], p.start)
		binary.LittleEndian.PutUint32(entry[12:], p.count)
	}
	disk[510], disk[511] = 0x55, 0xaa
	return disk
}

func mbrDisk(code []byte, parts ...mbrPart) []byte {
	return mbr(make([]byte, madeSize), code, parts...)
}

// with changes a disk's bytes at a place.
func with(disk []byte, at int, text string) []byte {
	copy(disk[at:], text)
	return disk
}

// vbr is a partition's first sector.
func vbr(code string) string { return code + strings.Repeat("\x00", 510-len(code)) + "\x55\xaa" }

type layoutCase struct {
	disk []byte
	// want is "" where the disk is taken without a word, "warned NAME" or "refused NAME" otherwise, "uefi" where only UEFI starts it,
	// and then a part of what is said.
	want, says string
}

func layouts() map[string]layoutCase {
	root := gptPart{linuxType, 8192, 20000, 0}
	esp, bios := gptPart{espType, 2048, 6143, 0}, gptPart{biosType, 34, 2047, 0}
	both := func() []byte { return gptDisk(512, grubCode, bios, esp, root) }
	wiped := func(disk []byte, from, to int) []byte { clear(disk[from:to]); return disk }
	grown := func() []byte { return append(both(), make([]byte, 2<<20)...) }
	fat := mbr(make([]byte, madeSize), []byte("\xeb\x3c\x90mkfs.fat\x00\x02This is not a bootable disk. Please insert"))
	superfloppy := with(mbr(make([]byte, madeSize), []byte("\xeb\x58\x90SYSLINUX\x00\x02")), 440, strings.Repeat("Boot error!", 6))
	return map[string]layoutCase{
		// The cases that people brought.
		"uefi-only":     {gptDisk(512, nil, esp, root), "uefi", "Only UEFI can start this disk"},
		"bios-and-uefi": {both(), "", ""},
		"gpt-4kn":       {gptDisk(4096, grubCode, gptPart{espType, 256, 1000, 0}), "refused sector size", "sectors of 4096 bytes"},
		// What distributions bring.
		"Debian genericcloud":         {gptDisk(512, grubCode, gptPart{linuxType, 262144 / 32, 20000, 0}, bios, esp), "", ""},
		"Rocky: boot partition":       {gptDisk(512, grubCode, bios, esp, gptPart{linuxType, 6144, 8000, 0}, root), "", ""},
		"CirrOS, GRUB on an MBR":      {mbrDisk(grubCode, mbrPart{0x80, 0x83, 2048, 20000}), "", ""},
		"GRUB, nothing active":        {mbrDisk(grubCode, mbrPart{0, 0x83, 2048, 20000}), "", ""},
		"Alpine: SYSLINUX, active":    {with(mbrDisk(chainCode, mbrPart{0x80, 0x83, 2048, 20000}), 2048*512, vbr("\xeb\x58\x90EXTLINUX")), "", ""},
		"LVM behind GRUB":             {mbrDisk(grubCode, mbrPart{0x80, 0x83, 2048, 2048}, mbrPart{0, 0x8e, 4096, 20000}), "", ""},
		"SYSLINUX on a GPT":           {with(gptDisk(512, gptCode, esp, gptPart{linuxType, 8192, 20000, legacyBoot}), 8192*512, vbr("\xeb\x58\x90EXTLINUX")), "", ""},
		"FreeBSD":                     {gptDisk(512, grubCode, gptPart{freeBSDType, 40, 1063, 0}, root), "", ""},
		"hybrid MBR":                  {mbr(gptDisk(512, grubCode, esp, root), grubCode, mbrPart{0, 0xee, 1, 2047}, mbrPart{0x80, 0x83, 8192, 11809}), "", ""},
		"protective entry active":     {mbr(both(), grubCode, mbrPart{0x80, 0xee, 1, 32767}), "", ""},
		"first active logical":        {with(mbrDisk(chainCode, mbrPart{0, 0x05, 2048, 20000}), 2048*512, vbr("")), "", ""},
		"altmbr":                      {with(mbrDisk(chainCode, mbrPart{0, 0x83, 2048, 20000}), 439, "\x01"), "", ""},
		"a file system with code":     {superfloppy, "", ""},
		"disk grown after install":    {grown(), "", ""},
		"no table but GRUB":           {mbrDisk(grubCode), "", ""},
		"GRUB on a GPT, no partition": {gptDisk(512, grubCode, root), "", ""},
		"512, and 4096 left behind":   {gptDisk(512, grubCode, append([]gptPart{bios, esp, root, 23: {}}, gptPart{[]byte("EFI PART of another time"), 0, 0, 0})...), "", ""},
		"MBR, and a GPT left behind":  {mbr(gptDisk(512, nil, esp), grubCode, mbrPart{0x80, 0x83, 2048, 20000}), "", ""},
		"MBR, and 4096 left behind":   {mbr(gptDisk(4096, nil, esp), grubCode, mbrPart{0x80, 0x83, 2048, 20000}), "", ""},
		"MBR with ESP and GRUB":       {mbrDisk(grubCode, mbrPart{0x80, 0x83, 8192, 10000}, mbrPart{0, 0xef, 2048, 4096}), "", ""},
		// Only UEFI.
		"no BIOS code, BIOS partition":    {gptDisk(512, nil, bios, esp, root), "uefi", "into the BIOS boot partition that it has"},
		"ESP alone":                       {gptDisk(512, nil, esp), "uefi", "--new=0:34:2047"},
		"ESP at the first usable sector":  {gptDisk(512, nil, gptPart{espType, 34, 6143, 0}), "uefi", "--new=0:0:+1M"},
		"ESP of an MBR":                   {mbrDisk(nil, mbrPart{0x80, 0xef, 2048, 20000}), "uefi", "no boot code"},
		"ESP, parted's code":              {mbrDisk([]byte("\xfa\xb8\x00\x10\x8e\xd0\xbc\x00\xb0\xb8"), mbrPart{0, 0xef, 2048, 20000}), "uefi", "no partition is active"},
		"Windows' code on a GPT":          {gptDisk(512, chainCode, esp, root), "uefi", "no partition is active"},
		"active ESP without code":         {with(mbrDisk(chainCode, mbrPart{0x80, 0xef, 2048, 20000}), 2048*512, vbr("\xeb\x3c\x90mkfs.fatThis is not a bootable disk")), "uefi", "holds no boot code itself"},
		"SYSLINUX' GPT code, none marked": {gptDisk(512, gptCode, esp, root), "uefi", "no partition is active"},
		"uefi-only, begin damaged":        {wiped(gptDisk(512, nil, esp, root), 512, 1024), "warned partition table, uefi", "Only UEFI"},
		"uefi-only, no announcement":      {mbr(gptDisk(512, nil, esp), nil, mbrPart{}), "uefi", "Only UEFI"},
		"GRUB's code, no place for more":  {gptDisk(512, grubCode, esp, root), "warned firmware, uefi", "neither a BIOS boot partition"},
		// What its EFI system partition holds.
		"ESP with a loader":            {with(gptDisk(512, nil, esp, root), 2048*512, fatWith(2000, "BOOTX64 EFI")), "uefi", "Only UEFI can start this disk"},
		"FAT16, a loader":              {with(gptDisk(512, nil, esp, root), 2048*512, fatWith(20000, "BOOTX64 EFI")), "uefi", "Only UEFI can start this disk"},
		"FAT32, a loader":              {with(gptDisk(512, nil, esp, root), 2048*512, fatWith(90000, "BOOTX64 EFI")), "uefi", "Only UEFI can start this disk"},
		"FAT32 of few clusters":        {with(gptDisk(512, nil, esp, root), 2048*512, string(changed([]byte(fatWith(90000, "BOOTX64 EFI")), put32le(32, 20000)))), "uefi", "Only UEFI can start this disk"},
		"ESP for ARM":                  {with(gptDisk(512, nil, esp, root), 2048*512, fatWith(2000, "BOOTAA64EFI")), "refused firmware", "BOOTAA64.EFI (64-bit ARM)"},
		"FAT32 for ARM":                {with(gptDisk(512, nil, esp, root), 2048*512, fatWith(90000, "BOOTAA64EFI")), "refused firmware", "Take the same image for x86-64"},
		"ESP for both processors":      {with(gptDisk(512, nil, esp, root), 2048*512, fatWith(2000, "BOOTAA64EFI", "BOOTX64 EFI")), "uefi", "Only UEFI can start this disk"},
		"ESP without a default loader": {with(gptDisk(512, nil, esp, root), 2048*512, fatWith(2000)), "warned firmware, uefi", "has no EFI/BOOT/BOOTX64.EFI"},
		"code, and an ESP for ARM":     {with(gptDisk(512, grubCode, esp, root), 2048*512, fatWith(2000, "BOOTAA64EFI")), "", "code for BIOS"},
		"both, with a loader":          {with(both(), 2048*512, fatWith(2000, "BOOTX64 EFI")), "", "BIOS and UEFI can start it"},
		"both, without a loader":       {with(both(), 2048*512, fatWith(2000)), "", "BIOS can start it"},
		// Sectors of 4096 bytes.
		"4096, no announcement":       {mbr(gptDisk(4096, nil, esp), nil, mbrPart{}), "refused sector size", ""},
		"4096, begin wiped":           {wiped(gptDisk(4096, nil, gptPart{espType, 256, 1000, 0}), 4096, 8192), "refused sector size", ""},
		"4096, MBR of ext4":           {with(mbrDisk(grubCode, mbrPart{0x80, 0x83, 256, 1024}), 256*4096+1080, "\x53\xef"), "refused sector size", ""},
		"4096, MBR of XFS":            {with(mbrDisk(nil, mbrPart{0, 0x83, 256, 1024}), 256*4096, "XFSB"), "refused sector size", ""},
		"512, something at 8 times":   {with(with(mbrDisk(grubCode, mbrPart{0x80, 0x83, 256, 1024}), 256*4096, "XFSB"), 256*512+1080, "\x53\xef"), "", ""},
		"512, unknown file system":    {mbrDisk(grubCode, mbrPart{0x80, 0x83, 256, 1024}), "", ""},
		"begin damaged, copy is well": {wiped(both(), 1024, 1100), "warned partition table", "its copy at the end is whole"},
		"begin wiped, copy is well":   {wiped(both(), 512, 1024), "warned partition table", "its copy at the end is whole"},
		"checksum of the header":      {with(both(), 512+56, "other id"), "warned partition table", "its copy at the end is whole"},
		"no whole copy":               {with(with(both(), 512+56, "other id"), madeSize-512, "nonsense"), "warned partition table", "no whole copy"},
		"announced and not there":     {mbrDisk(grubCode, mbrPart{0, 0xee, 1, 32767}), "warned partition table", "there is none"},
		"cut short":                   {both()[:madeSize-512], "refused partition table", ""},
		"a partition past the end":    {gptDisk(512, grubCode, bios, gptPart{linuxType, 8192, 99999, 0}), "refused partition table", ""},
		"a partition of 2^64 sectors": {gptDisk(512, grubCode, bios, gptPart{linuxType, 8192, 1<<64 - 1, 0}), "refused partition table", ""},
		// Nothing that we know starts these: they are taken, with a word.
		"a table and no code":         {mbrDisk(nil, mbrPart{0x80, 0x83, 2048, 20000}), "warned firmware", "Nothing can start this disk"},
		"a signature alone":           {mbrDisk(nil), "warned firmware", "Nothing can start this disk"},
		"FAT over the whole disk":     {fat, "warned firmware", "not a bootable disk"},
		"GPT without loader":          {gptDisk(512, nil, root), "warned firmware", "Nothing can start this disk"},
		"SYSLINUX and nothing active": {mbrDisk(chainCode, mbrPart{0, 0x83, 2048, 20000}), "warned firmware", "no partition is active"},
	}
}

func TestTablesAndFirmware(t *testing.T) {
	for name, c := range layouts() {
		seen := inspect(t, c.disk)
		said(t, name, seen.Checks, seen.Firmware, c)
	}
}

// said compares what a disk's verdict says.
func said(t *testing.T, name string, checks []provisioner.ImageCheck, firmware provisioner.Firmware, want layoutCase) {
	t.Helper()
	var got []string
	text := ""
	for _, c := range checks {
		switch {
		case !c.Passed:
			got = append(got, "refused "+c.Name)
		case c.Warned:
			got = append(got, "warned "+c.Name)
		default:
			if c.Name == "firmware" {
				text += c.Detail
			}
			continue
		}
		text += c.Detail + " " + c.Repair
		if c.Repair == "" || c.Detail == "" {
			t.Errorf("%s: %+v lacks what was seen or the repair", name, c)
		}
	}
	if firmware == provisioner.FirmwareUEFI {
		got = append(got, "uefi")
	}
	if strings.Join(got, ", ") != want.want || !strings.Contains(text, want.says) {
		t.Errorf("%s: %v %q; want %q with %q", name, got, text, want.want, want.says)
	}
}

// TestVerifyJudgesTheDiskOfAQCOW2 has the same said of a disk in a qcow2 as of the raw one.
func TestVerifyJudgesTheDiskOfAQCOW2(t *testing.T) {
	dir, all := t.TempDir(), layouts()
	for _, name := range []string{"uefi-only", "bios-and-uefi", "gpt-4kn", "GRUB's code, no place for more", "begin wiped, copy is well", "ESP for ARM"} {
		raw, path := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "disk.qcow2")
		if err := os.WriteFile(raw, all[name].disk, 0o600); err != nil {
			t.Fatal(err)
		}
		qemuImg(t, "convert", "-c", "-f", "raw", "-O", "qcow2", raw, path)
		r, err := verify(t, path)
		if err != nil {
			t.Fatal(err)
		}
		state := provisioner.UploadDone
		if strings.HasPrefix(all[name].want, "refused") {
			state = provisioner.UploadRefused
		}
		var firmware provisioner.Firmware
		for _, i := range r.Images {
			firmware = i.Firmware
		}
		if said(t, name, r.Checks, firmware, all[name]); r.State != state || (len(r.Canonical) == 0) != (state == provisioner.UploadRefused) {
			t.Errorf("%s: %s", name, r.State)
		}
	}
}

// fatWith is the begin of a FAT of so many sectors, which decide its kind, with files in EFI/BOOT.
func fatWith(sectors int, files ...string) string {
	le, bits := binary.LittleEndian, 12
	switch {
	case sectors > 70000:
		bits = 32
	case sectors > 5000:
		bits = 16
	}
	each := (sectors*bits/8 + 511) / 512
	f := make([]byte, (1+each+1+3)*512)
	copy(f, "\xeb\x3c\x90mkfs.fat")
	le.PutUint16(f[11:], 512)
	f[13], f[14], f[16] = 1, 1, 1         // sectors of a cluster, before the table; tables
	le.PutUint32(f[32:], uint32(sectors)) //nolint:gosec // small
	root, efi := (1+each)*512, (1+each+1)*512
	if bits == 32 {
		le.PutUint32(f[36:], uint32(each)) //nolint:gosec // small
		le.PutUint32(f[44:], 4)
		root, efi = (1+each+2)*512, (1+each)*512
	} else {
		le.PutUint16(f[22:], uint16(each)) //nolint:gosec // small
		le.PutUint16(f[17:], 16)
	}
	f[510], f[511] = 0x55, 0xaa
	copy(f[512:], strings.Repeat("\xff", 5*bits/8+1)) // every chain ends where it begins
	folder := func(at int, entries ...string) {
		for i, name := range entries {
			e := f[at+32*i:]
			copy(e, name)
			if name == "EFI        " || name == "BOOT       " {
				e[11] = 0x10
				e[26] = map[string]byte{"EFI        ": 2, "BOOT       ": 3}[name]
			}
		}
	}
	folder(root, "VOLUME  TXT", "EFI        ")
	folder(efi, "BOOT       ")
	folder(efi+512, files...)
	return string(f)
}

// TestNoFATIsBelieved: whatever lies in an EFI system partition, it is read within bounds and soon.
func TestNoFATIsBelieved(t *testing.T) {
	for name, change := range map[string]func([]byte){
		"a chain in a circle":           func(f []byte) { binary.LittleEndian.PutUint16(f[512+4:], 2) },
		"a chain that leaves":           func(f []byte) { binary.LittleEndian.PutUint16(f[512+4:], 0xfff0) },
		"no sectors in a cluster":       func(f []byte) { f[13] = 0 },
		"no bytes in a sector":          func(f []byte) { clear(f[11:13]) },
		"clusters without end":          func(f []byte) { clear(f[22:24]); copy(f[32:40], "\xff\xff\xff\xff\xff\xff\xff\xff") },
		"more before than there is":     func(f []byte) { copy(f[14:16], "\xff\xff") },
		"a folder that is its own root": func(f []byte) { f[(1+79)*512+32+26] = 0 },
	} {
		part := []byte(fatWith(20000, "BOOTAA64EFI"))
		change(part)
		disk := with(gptDisk(512, nil, gptPart{espType, 2048, 6143, 0}), 2048*512, string(part))
		if seen := inspect(t, disk); !seen.Passed() || seen.Firmware != provisioner.FirmwareUEFI {
			t.Errorf("%s: %+v", name, seen.Checks)
		}
	}
}
