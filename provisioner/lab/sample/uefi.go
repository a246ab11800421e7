package sample

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"volary.dev/provisioner/debian"
)

const (
	// uefiRecipe is raised as recipe is.
	uefiRecipe = "1"
	loader     = "systemd-boot-efi"

	gptEntries = 128 * 128 // bytes
	// uefiDiskSize leaves room for the copy of the table.
	uefiDiskSize = DiskSize + 1<<20
)

// BuildUEFI is Build for a disk that only UEFI starts: a GPT, no boot code, and systemd-boot on the EFI system partition. It is
// the same Linux with the same command line.
func BuildUEFI(ctx context.Context, dir string, log func(string)) (string, error) {
	key, err := recipeHash()
	if err != nil {
		return "", err
	}
	b := builder{Workshop: debian.Workshop{Log: log}, names: append([]string{loader}, packageNames...)}
	b.boot, b.assemble = b.bootUEFI, b.assembleUEFI
	return b.build(ctx, dir, "sample-uefi-"+uefiRecipe+"-"+key[:16]+".qcow2")
}

// bootUEFI makes the EFI system partition: a loader under the name that firmware looks for, and its one entry.
func (b *builder) bootUEFI(ctx context.Context) error {
	kernel, err := b.One("boot/vmlinuz-*")
	if err != nil {
		return err
	}
	config, err := guest.ReadFile("guest/syslinux.cfg")
	if err != nil {
		return err
	}
	_, options, found := strings.Cut(string(config), "APPEND ")
	if !found {
		return fmt.Errorf("guest/syslinux.cfg has no line that begins with APPEND")
	}
	entry := "title Volary\nlinux /vmlinuz\ninitrd /initrd\noptions " + strings.TrimSpace(options) + "\n"
	for name, text := range map[string]string{"volary.conf": entry, "loader.conf": "default volary.conf\ntimeout 0\n"} {
		if err := debian.WriteFile(b.Path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	fat := b.Path("boot.fat")
	return disk.FAT(ctx, b.Workshop, fat, [][]string{
		{"mmd", "-i", fat, "::EFI", "::EFI/BOOT", "::loader", "::loader/entries"},
		{"mcopy", "-i", fat, b.Package("usr/lib/systemd/boot/efi/systemd-bootx64.efi"), "::EFI/BOOT/BOOTX64.EFI"},
		{"mcopy", "-i", fat, b.Path("loader.conf"), "::loader/loader.conf"},
		{"mcopy", "-i", fat, b.Path("volary.conf"), "::loader/entries/volary.conf"},
		{"mcopy", "-i", fat, kernel, "::vmlinuz"},
		{"mcopy", "-i", fat, b.Path("initrd"), "::initrd"},
	})
}

// assembleUEFI writes a GPT, its copy, a first sector that only announces it, and both file systems into one raw disk.
func (b *builder) assembleUEFI(context.Context) error {
	const last = uefiDiskSize/sector - 1
	le := binary.LittleEndian
	entries := make([]byte, gptEntries)
	for i, p := range []struct {
		kind     string
		at, size int64
	}{
		{"\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b", bootAt, bootSize},
		{"\xaf\x3d\xc6\x0f\x83\x84\x72\x47\x8e\x79\x3d\x69\xd8\x47\x7d\xe4", rootAt, DiskSize - rootAt},
	} {
		e := entries[128*i:]
		copy(e, p.kind)
		copy(e[16:], "volary sample ")
		e[31] = byte(i + 1)
		le.PutUint64(e[32:], uint64(p.at/sector))
		le.PutUint64(e[40:], uint64((p.at+p.size)/sector-1))
	}
	header := func(at, other, table int64) []byte {
		h := make([]byte, sector)
		copy(h, "EFI PART\x00\x00\x01\x00\x5c\x00\x00\x00")
		for place, v := range map[int]int64{24: at, 32: other, 40: 2 + gptEntries/sector, 48: last - 1 - gptEntries/sector, 72: table} {
			le.PutUint64(h[place:], uint64(v))
		}
		copy(h[56:], "a volary sample.")
		le.PutUint32(h[80:], 128)
		le.PutUint32(h[84:], 128)
		le.PutUint32(h[88:], crc32.ChecksumIEEE(entries))
		le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:92]))
		return h
	}
	announce := make([]byte, sector)
	copy(announce[446:], "\x00\xff\xff\xff\xee\xff\xff\xff\x01\x00\x00\x00")
	le.PutUint32(announce[458:], uint32(last))
	announce[510], announce[511] = 0x55, 0xaa
	backup := last - gptEntries/sector
	return disk.Assemble(b.Path("sample.raw"), uefiDiskSize, map[int64][]byte{
		0: announce, sector: header(1, last, 2), 2 * sector: entries, backup * sector: entries, last * sector: header(last, 1, backup),
	}, b.Path("boot.fat"), b.Path("root.ext4"))
}
