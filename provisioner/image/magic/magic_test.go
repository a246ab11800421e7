package magic

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// at is a file of 40 KiB with a mark at a place; further pairs are further marks.
func at(pairs ...any) []byte {
	b := make([]byte, 40<<10)
	for n := 0; n+1 < len(pairs); n += 2 {
		copy(b[pairs[n].(int):], pairs[n+1].(string))
	}
	return b
}

const boots = "\x55\xaa"

// footer is the last sector of a VHD of some type for a disk of size bytes.
func footer(kind uint32, size uint64) []byte {
	b := make([]byte, EndSize)
	copy(b, vhdCookie)
	binary.BigEndian.PutUint64(b[48:], size)
	binary.BigEndian.PutUint32(b[60:], kind)
	return b
}

func archive(format tar.Format, names ...string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		_ = w.WriteHeader(&tar.Header{Name: name, Size: 600, Mode: 0o644, Format: format})
		_, _ = w.Write(bytes.Repeat([]byte("x"), 600))
	}
	_ = w.Close()
	return b.Bytes()
}

// v7 takes the mark away, and sets the checksum anew.
func v7(b []byte) []byte {
	clear(b[257:265])
	sum := 8 * int(' ')
	for n, c := range b[:512] {
		if n < 148 || n >= 156 {
			sum += int(c)
		}
	}
	copy(b[148:], []byte(octal(sum)))
	return b
}

func octal(n int) string {
	digits := ""
	for range 6 {
		digits = string(rune('0'+n%8)) + digits
		n /= 8
	}
	return digits + "\x00 "
}

func names(kinds []Kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.Name)
	}
	return strings.Join(all, " + ")
}

func TestLook(t *testing.T) {
	const disc, elf = "an optical disc (ISO 9660 or UDF)", "a program (ELF)"
	vmdk := func(more ...any) []byte { return at(append([]any{0, "KDMV\x01", 28, "\x01"}, more...)...) }
	for name, c := range map[string]struct {
		start, end []byte
		want       string
	}{
		"nothing":                    {nil, nil, ""},
		"text":                       {[]byte(strings.Repeat("hello ", 200)), nil, ""},
		"raw":                        {at(510, boots), nil, Raw.Name},
		"qcow2 version 2":            {at(0, "QFI\xfb\x00\x00\x00\x02"), nil, QCOW2.Name},
		"qcow2 version 3":            {at(0, "QFI\xfb\x00\x00\x00\x03"), nil, QCOW2.Name},
		"VMDK":                       {vmdk(), nil, VMDK.Name},
		"VHD, dynamic":               {at(0, vhdCookie), footer(3, 1<<30), VHD.Name},
		"VHD, fixed":                 {at(510, boots), footer(2, 1<<20-512), VHD.Name},
		"VHD that boots not":         {at(), footer(2, 1<<20-512), VHD.Name},
		"gzip that boots by chance":  {at(0, "\x1f\x8b\x08", 510, boots), nil, Gzip.Name},
		"xz":                         {at(0, "\xfd7zXZ\x00"), nil, XZ.Name},
		"zstd":                       {at(0, "\x28\xb5\x2f\xfd"), nil, Zstd.Name},
		"pzstd":                      {at(0, "\x50\x2a\x4d\x18"), nil, Zstd.Name},
		"OVA":                        {archive(tar.FormatUSTAR, "machine.ovf", "machine.mf", "disk.vmdk"), nil, OVA.Name},
		"OVA, pax":                   {archive(tar.FormatPAX, strings.Repeat("long", 60)+".ovf", "disk.vmdk"), nil, OVA.Name},
		"OVA, GNU":                   {archive(tar.FormatGNU, strings.Repeat("long", 60)+".ovf", "disk.vmdk"), nil, OVA.Name},
		"tar of the oldest form":     {v7(archive(tar.FormatUSTAR, "machine.ovf")), nil, OVA.Name},
		"plain tar":                  {archive(tar.FormatGNU, "disk.raw"), nil, tarball.Name},
		"OVF that is not first":      {archive(tar.FormatGNU, "disk.vmdk", "machine.ovf"), nil, tarball.Name},
		"box of libvirt":             {archive(tar.FormatGNU, "./metadata.json", "./Vagrantfile", "./box.img"), nil, vagrant.Name},
		"box of VirtualBox":          {archive(tar.FormatGNU, "./box.ovf", "./Vagrantfile", "./box-disk001.vmdk"), nil, vagrant.Name},
		"VHDX":                       {at(0, "vhdxfile"), nil, "a VHDX disk (Hyper-V)"},
		"VDI":                        {at(0, "<<< Oracle VM VirtualBox Disk Image >>>\n", 0x40, "\x7f\x10\xda\xbe"), nil, "a VDI disk (VirtualBox)"},
		"QED":                        {at(0, "QED\x00"), nil, "a QED disk"},
		"LUKS":                       {at(0, "LUKS\xba\xbe", 510, boots), nil, luks.Name},
		"LUKS, second header":        {at(0, "SKUL\xba\xbe"), nil, luks.Name},
		"ISO that starts from stick": {at(0x8001, "CD001", 510, boots), nil, disc},
		"UDF":                        {at(0x8001, "BEA01"), nil, disc},
		"BIN of a disc":              {at(0x9311, "CD001"), nil, disc},
		"qcow version 1":             {at(0, "QFI\xfb\x00\x00\x00\x01"), nil, "a qcow disk of version 1"},
		"qcow version 4":             {at(0, "QFI\xfb\x00\x00\x00\x04"), nil, "a qcow disk of a version that is not known"},
		"qcow version 0":             {at(0, "QFI\xfb"), nil, "a qcow disk of a version that is not known"},
		"VMDK, split":                {at(0, "KDMV\x01"), nil, "one part of a VMDK disk that is split into several files"},
		"VMDK, description":          {at(0, "# Disk DescriptorFile\nversion=1\n"), nil, "the description of a VMDK disk, whose data lies in other files"},
		"VMDK, ESX":                  {at(0, "COWD"), nil, "one part of a VMDK disk of ESX (COWD)"},
		"VMDK, ESXi":                 {at(0, "\xbe\xba\xfe\xca\xbe\xba\xfe\xca"), nil, "one part of a VMDK disk of ESXi (seSparse)"},
		"DMG of a disk that boots":   {at(510, boots), append([]byte("koly"), make([]byte, 508)...), "a DMG disk (Apple)"},
		"bzip2":                      {at(0, "BZh91AY&SY", 510, boots), nil, "a file compressed with bzip2"},
		"LZMA alone":                 {at(0, "\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00"), nil, "a file compressed with LZMA alone"},
		"lz4 of old":                 {at(0, "\x02\x21\x4c\x18"), nil, lz4.Name},
		"cpio":                       {at(0, "070701"), nil, cpio.Name},
		"cpio, binary":               {at(0, "\xc7\x71"), nil, cpio.Name},
		"boot code like cpio's":      {at(0, "\xc7\x71", 510, boots), nil, Raw.Name},
		"web page":                   {[]byte("\ufeff\n<!DOCTYPE HTML><title>Sign in"), nil, web.Name},
		"OVF alone":                  {[]byte(`<?xml version="1.0"?><Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1">`), nil, "an OVF description without its disks"},
		"cloop":                      {at(0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop"), nil, "a cloop disk"},
		"script":                     {at(0, "#!/bin/sh\n"), nil, "a script"},
		"kernel":                     {at(0, "MZ", 0x202, "HdrS", 510, boots), nil, "a Linux kernel"},
		"ext4":                       {at(1080, "\x53\xef"), nil, "a file system (ext4) without a boot sector"},
		"ext4 of old on a disk":      {at(1080, "\x53\xef", 510, boots), nil, Raw.Name},
		"zeros":                      {at(), nil, "an empty disk: it begins with nothing but zeros and has no boot signature (55 AA)"},
		// Two at once.
		"qcow2 that boots":            {at(0, "QFI\xfb\x00\x00\x00\x03", 510, boots), nil, QCOW2.Name + " + " + Raw.Name},
		"qcow2 and disc":              {at(0, "QFI\xfb\x00\x00\x00\x03", 0x8001, "CD001"), nil, QCOW2.Name + " + " + disc},
		"qcow2 and VHD":               {at(0, "QFI\xfb\x00\x00\x00\x03"), footer(2, 1<<20-512), QCOW2.Name + " + " + VHD.Name},
		"qcow2, disc, VHD, boots":     {at(0, "QFI\xfb\x00\x00\x00\x03", 0x8001, "CD001", 510, boots), footer(2, 1<<20-512), QCOW2.Name + " + " + disc + " + " + VHD.Name},
		"qcow2 and tar":               {at(0, "QFI\xfb\x00\x00\x00\x03", 257, "ustar"), nil, QCOW2.Name + " + " + tarball.Name},
		"qcow2 and VDI":               {at(0, "QFI\xfb\x00\x00\x00\x03", 0x40, "\x7f\x10\xda\xbe"), nil, QCOW2.Name + " + a VDI disk (VirtualBox)"},
		"VMDK that boots":             {vmdk(510, boots), nil, VMDK.Name + " + " + Raw.Name},
		"VMDK and disc":               {vmdk(0x8001, "CD001"), nil, VMDK.Name + " + " + disc},
		"VHD that boots, dynamic":     {at(0, vhdCookie, 510, boots), footer(3, 1<<30), VHD.Name + " + " + Raw.Name},
		"raw, stray footer":           {at(510, boots), footer(2, 1<<19), VHD.Name + " + " + Raw.Name},
		"raw, footer of a dynamic":    {at(510, boots), footer(3, 1<<20-512), VHD.Name + " + " + Raw.Name},
		"tar that boots":              {at(257, "ustar", 510, boots), nil, tarball.Name + " + " + Raw.Name},
		"gzip and disc":               {at(0, "\x1f\x8b\x08", 0x8001, "CD001"), nil, Gzip.Name + " + " + disc},
		"program and disc and Apple":  {at(0, "\x7fELF", 0x8001, "CD001"), append([]byte("koly"), make([]byte, 508)...), elf + " + " + disc + " + a DMG disk (Apple)"},
		"the same mark at two places": {at(0x8001, "CD001", 0x9311, "CD001"), nil, disc},
	} {
		if got := names(Look(c.start, c.end, 1<<20)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestTake wants of each refusal what the file is and a command, and no refusal of what is taken.
func TestTake(t *testing.T) {
	for _, m := range marks {
		start := at(m.at, m.magic)
		k, refusal := Take(start, nil, 0)
		switch {
		case m.and != nil: // the table above has those
		case m.kind.Use == Refused:
			if refusal == nil || refusal.Code != "format" || refusal.Title != "This is "+m.kind.Name+"." || !strings.Contains(refusal.Next, "`") {
				t.Errorf("%s: %+v", m.kind.Name, refusal)
			}
		case refusal != nil || k != m.kind || k.Repair != "" || k.Format == "":
			t.Errorf("%+v: %+v, %v", m.kind, k, refusal)
		}
	}
	_, two := Take(at(0, "QFI\xfb\x00\x00\x00\x03", 257, "ustar", 0x8001, "CD001"), nil, 0)
	if two == nil || !strings.Contains(two.Title, "a qcow2 disk, an optical disc (ISO 9660 or UDF) and a tar archive") || !strings.Contains(two.Next, "`-f qcow2`") {
		t.Errorf("three at once: %+v", two)
	}
	if _, nothing := Take([]byte("hello"), nil, 5); nothing == nil || !strings.Contains(nothing.Title, "none of the formats") || !strings.Contains(nothing.Next, "qemu-img") {
		t.Errorf("text: %+v", nothing)
	}
}

// Nothing behind Enough is looked at: what is told of a whole file is what is told of its begin.
func TestEnough(t *testing.T) {
	for _, m := range marks {
		if m.at+len(m.magic) > Enough {
			t.Errorf("%s lies behind byte %d", m.kind.Name, Enough)
		}
	}
	long := append(archive(tar.FormatGNU, strings.Fields(strings.Repeat("disk.raw ", 60))...), archive(tar.FormatGNU, "Vagrantfile")...)
	if whole, begin := names(Look(long, nil, 0)), names(Look(long[:Enough], nil, 0)); whole != begin {
		t.Errorf("%q of the whole, %q of the begin", whole, begin)
	}
}

func FuzzLook(f *testing.F) {
	for _, m := range marks {
		f.Add(at(m.at, m.magic)[:max(1024, m.at+16)], []byte(nil), int64(0))
	}
	f.Add(archive(tar.FormatGNU, "machine.ovf", "disk.vmdk"), footer(2, 1<<20), int64(1<<20+512))
	f.Fuzz(func(t *testing.T, start, end []byte, size int64) {
		k, refusal := Take(start, end, size)
		if (refusal == nil) != (k.Use != Refused) || refusal == nil && k.Name == "" || refusal != nil && (refusal.Title == "" || refusal.Next == "") {
			t.Fatalf("%+v, %+v", k, refusal)
		}
	})
}
