package debian

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// Sector is the unit of a disk's addresses, in bytes.
const Sector = 512

// BootAt is where the boot partition begins, in bytes.
const BootAt = int64(1) << 20

// Tools are packages of the programs that FAT and MasterBootRecord use, for Fetch.
func Tools() []string { return []string{"syslinux", "syslinux-common", "mtools"} }

// Disk is a boot partition, a FAT, and behind it the root file system. Sizes in bytes.
type Disk struct {
	Size int64
	Boot int64
}

// RootAt is where the root file system begins, in bytes.
func (d Disk) RootAt() int64 { return BootAt + d.Boot }

// FAT makes the boot partition's file system in a file of the workshop, and runs programs of the unpacked packages (name and
// arguments each) over it.
func (d Disk) FAT(ctx context.Context, w Workshop, fat string, commands [][]string) error {
	if err := os.WriteFile(fat, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(fat, d.Boot); err != nil {
		return err
	}
	bin := w.Package("usr/bin")
	// syslinux calls mcopy and mattrib by name; mtools would refuse a FAT that fits no drive geometry.
	env := []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "MTOOLS_SKIP_CHECK=1"}
	// Clusters of 32 KiB: SYSLINUX reads a sector of the allocation table at a time, and few hold it whole.
	format := []string{"mformat", "-i", fat, "-T", fmt.Sprint(d.Boot / Sector), "-h", "255", "-s", "63", "-H", fmt.Sprint(BootAt / Sector), "-c", "64", "-N", "766f6c61", "-v", "VOLARY", "::"}
	for _, args := range append([][]string{format}, commands...) {
		if _, err := w.Command(ctx, env, w.Package("usr/bin/"+args[0]), args[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// MasterBootRecord has SYSLINUX's code, an active FAT partition and a Linux one; addresses are in sectors only (LBA).
func (d Disk) MasterBootRecord(w Workshop) ([]byte, error) {
	code, err := os.ReadFile(w.Package("usr/lib/syslinux/mbr/mbr.bin"))
	if err != nil {
		return nil, err
	}
	record := make([]byte, Sector)
	copy(record[:440], code)
	copy(record[440:444], "vola")
	for i, p := range []struct {
		active, kind byte
		at, size     int64
	}{{0x80, 0x0e, BootAt, d.Boot}, {0, 0x83, d.RootAt(), d.Size - d.RootAt()}} {
		entry := record[446+16*i:]
		entry[0], entry[4] = p.active, p.kind
		copy(entry[1:4], "\xfe\xff\xff")
		copy(entry[5:8], "\xfe\xff\xff")
		binary.LittleEndian.PutUint32(entry[8:], uint32(p.at/Sector))
		binary.LittleEndian.PutUint32(entry[12:], uint32(p.size/Sector))
	}
	record[510], record[511] = 0x55, 0xaa
	return record, nil
}

// Assemble makes the raw disk of a size out of the two file systems' files and of what else lies at some bytes of it.
func (d Disk) Assemble(raw string, size int64, tables map[int64][]byte, boot, root string) error {
	disk, err := os.Create(raw)
	if err != nil {
		return err
	}
	defer disk.Close()
	if err := disk.Truncate(size); err != nil {
		return err
	}
	for at, table := range tables {
		if _, err := disk.WriteAt(table, at); err != nil {
			return err
		}
	}
	for at, part := range map[int64]string{BootAt: boot, d.RootAt(): root} {
		if err := copyAt(disk, at, part); err != nil {
			return err
		}
	}
	return disk.Close()
}

// copyAt leaves holes where the source has zeros, so that the disk stays sparse.
func copyAt(disk *os.File, at int64, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	block, zero := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := io.ReadFull(source, block)
		if n > 0 && string(block[:n]) != string(zero[:n]) {
			if _, err := disk.WriteAt(block[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Compress makes a qcow2 of a raw disk.
func Compress(ctx context.Context, w Workshop, raw, qcow2 string) error {
	_, err := w.Command(ctx, nil, "qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd", raw, qcow2)
	return err
}
