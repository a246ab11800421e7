package sample

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// libraries are those of Dropbear, netcat and the guest agent, by the names their programs ask for.
var libraries = []string{
	"lib/x86_64-linux-gnu/libc.so.6", "lib/x86_64-linux-gnu/libcrypt.so.1", "lib/x86_64-linux-gnu/libz.so.1",
	"lib/x86_64-linux-gnu/libresolv.so.2",
	"usr/lib/x86_64-linux-gnu/libtomcrypt.so.1", "usr/lib/x86_64-linux-gnu/libtommath.so.1", "usr/lib/x86_64-linux-gnu/libgmp.so.10",
	"usr/lib/x86_64-linux-gnu/libbsd.so.0", "usr/lib/x86_64-linux-gnu/libmd.so.0",
	"lib/x86_64-linux-gnu/libm.so.6", "usr/lib/x86_64-linux-gnu/libudev.so.1", "usr/lib/x86_64-linux-gnu/libnuma.so.1", "usr/lib/x86_64-linux-gnu/liburing.so.2",
	"usr/lib/x86_64-linux-gnu/libglib-2.0.so.0", "usr/lib/x86_64-linux-gnu/libgmodule-2.0.so.0", "usr/lib/x86_64-linux-gnu/libpcre2-8.so.0",
}

// files that this package writes into the root, and the modes they need.
var rootFiles = []struct {
	guest, to string
	mode      os.FileMode
}{
	{"fstab", "etc/fstab", 0o644},
	{"inittab", "etc/inittab", 0o644},
	{"profile", "etc/profile", 0o644},
	{"issue", "etc/issue", 0o644},
	{"power", "etc/acpi/PWRF/00000080", 0o755},
	{"boot", "usr/lib/volary/boot", 0o755},
	{"dhcp", "usr/lib/volary/dhcp", 0o755},
	{"seed", "usr/lib/volary/seed", 0o644},
	{"halt", "usr/lib/volary/halt", 0o755},
	{"login", "usr/lib/volary/login", 0o755},
}

var rootTexts = map[string]string{
	"etc/passwd":   "root:x:0:0:root:/root:/bin/sh\nvolary:x:1000:1000:volary:/home/volary:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
	"etc/group":    "root:x:0:\nvolary:x:1000:\nnogroup:x:65534:\n",
	"etc/shells":   "/bin/sh\n",
	"etc/hosts":    "127.0.0.1 localhost\n",
	"etc/hostname": "sample\n",
}

// root fills the ext4 file system from a folder, without mounting it.
func (b *builder) root(ctx context.Context) error {
	tree := b.path("root")
	for _, dir := range []string{"dev", "proc", "sys", "run", "root/.ssh", "home/volary/.ssh", "var/lib/volary", "etc/dropbear", "tmp", "mnt/seed"} {
		if err := os.MkdirAll(filepath.Join(tree, dir), 0o755); err != nil {
			return err
		}
	}
	for _, f := range rootFiles {
		text, err := guest.ReadFile("guest/" + f.guest)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(tree, f.to), text, f.mode); err != nil {
			return err
		}
	}
	for to, text := range rootTexts {
		if err := writeFile(filepath.Join(tree, to), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := b.programs(ctx, tree); err != nil {
		return err
	}
	// Fixed identifiers and tables written now: nothing is left for a kernel thread to do in the guest.
	_, err := b.command(ctx, nil, "mke2fs", "-q", "-F", "-t", "ext4", "-L", "volary-root", "-U", "6f6c7661-7279-4e6f-8000-73616d706c65",
		"-E", "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,hash_seed=6f6c7661-7279-4e6f-8000-73616d706c65",
		"-d", tree, b.path("root.ext4"), fmt.Sprint((DiskSize-rootAt)/1024)+"k")
	if err != nil {
		return err
	}
	return b.owners(ctx)
}

// owners are what Dropbear looks at before it believes a list of keys. mke2fs copied who builds.
func (b *builder) owners(ctx context.Context) error {
	var orders strings.Builder
	for _, f := range []struct {
		path  string
		owner int
	}{{"/root", 0}, {"/root/.ssh", 0}, {"/etc", 0}, {"/etc/dropbear", 0}, {"/home/volary", 1000}, {"/home/volary/.ssh", 1000}} {
		fmt.Fprintf(&orders, "set_inode_field %s uid %d\nset_inode_field %s gid %d\n", f.path, f.owner, f.path, f.owner)
	}
	if err := writeFile(b.path("owners"), []byte(orders.String()), 0o644); err != nil {
		return err
	}
	_, err := b.command(ctx, nil, "debugfs", "-w", "-f", b.path("owners"), b.path("root.ext4"))
	return err
}

// programs puts BusyBox with a link per applet, Dropbear, netcat, the guest agent and their libraries into the tree.
func (b *builder) programs(ctx context.Context, tree string) error {
	busybox := filepath.Join(b.packages, "bin/busybox")
	if err := copyFile(filepath.Join(tree, "bin/busybox"), busybox, 0o755); err != nil {
		return err
	}
	applets, err := b.command(ctx, nil, busybox, "--list-full")
	if err != nil {
		return err
	}
	for _, applet := range strings.Fields(applets) {
		link := filepath.Join(tree, applet)
		if applet == "bin/busybox" || filepath.Base(applet) == "nc" || applet == "linuxrc" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("/bin/busybox", link); err != nil {
			return err
		}
	}
	for from, to := range map[string]string{
		"usr/sbin/dropbear": "usr/sbin/dropbear", "usr/bin/dbclient": "usr/bin/dbclient", "usr/bin/dropbearkey": "usr/bin/dropbearkey",
		"bin/nc.openbsd": "usr/bin/nc", "usr/sbin/qemu-ga": "usr/sbin/qemu-ga",
		"lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": "lib64/ld-linux-x86-64.so.2",
	} {
		if err := copyFile(filepath.Join(tree, to), filepath.Join(b.packages, from), 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("dbclient", filepath.Join(tree, "usr/bin/ssh")); err != nil {
		return err
	}
	for _, library := range libraries {
		from := filepath.Join(b.packages, library)
		if err := copyFile(filepath.Join(tree, "lib/x86_64-linux-gnu", filepath.Base(library)), from, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bootBIOS makes the FAT partition with mtools and SYSLINUX, both run from their unpacked packages.
func (b *builder) bootBIOS(ctx context.Context) error {
	kernel, err := b.one("boot/vmlinuz-*")
	if err != nil {
		return err
	}
	config, err := guest.ReadFile("guest/syslinux.cfg")
	if err != nil {
		return err
	}
	if err := writeFile(b.path("syslinux.cfg"), config, 0o644); err != nil {
		return err
	}
	fat := b.path("boot.fat")
	return b.fill(ctx, fat, [][]string{
		{"syslinux", "--install", fat},
		{"mcopy", "-i", fat, kernel, "::vmlinuz"},
		{"mcopy", "-i", fat, b.path("initrd"), b.path("syslinux.cfg"), "::"},
	})
}

// fill makes a FAT and runs programs of the unpacked packages over it.
func (b *builder) fill(ctx context.Context, fat string, commands [][]string) error {
	if err := os.WriteFile(fat, nil, 0o644); err != nil {
		return err
	}
	if err := os.Truncate(fat, bootSize); err != nil {
		return err
	}
	bin := filepath.Join(b.packages, "usr/bin")
	// syslinux calls mcopy and mattrib by name; mtools would refuse a FAT that fits no drive geometry.
	env := []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "MTOOLS_SKIP_CHECK=1"}
	// Clusters of 32 KiB: SYSLINUX reads a sector of the allocation table at a time, and few hold it whole.
	format := []string{"mformat", "-i", fat, "-T", fmt.Sprint(bootSize / sector), "-h", "255", "-s", "63", "-H", fmt.Sprint(bootAt / sector), "-c", "64", "-N", "766f6c61", "-v", "VOLARY", "::"}
	for _, args := range append([][]string{format}, commands...) {
		if _, err := b.command(ctx, env, filepath.Join(bin, args[0]), args[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// assembleBIOS writes boot code, partition table and both file systems into one raw disk.
func (b *builder) assembleBIOS(context.Context) error {
	code, err := os.ReadFile(filepath.Join(b.packages, "usr/lib/syslinux/mbr/mbr.bin"))
	if err != nil {
		return err
	}
	return b.put(DiskSize, map[int64][]byte{0: masterBootRecord(code)})
}

// put makes the raw disk of the two file systems and of what else lies at some bytes of it.
func (b *builder) put(size int64, tables map[int64][]byte) error {
	disk, err := os.Create(b.path("sample.raw"))
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
	for _, part := range []struct {
		name string
		at   int64
	}{{"boot.fat", bootAt}, {"root.ext4", rootAt}} {
		if err := copyAt(disk, part.at, b.path(part.name)); err != nil {
			return err
		}
	}
	return disk.Close()
}

// masterBootRecord has an active FAT partition and a Linux one; addresses are in sectors only (LBA).
func masterBootRecord(code []byte) []byte {
	record := make([]byte, sector)
	copy(record[:440], code)
	copy(record[440:444], "vola")
	for i, p := range []struct {
		active, kind byte
		at, size     int64
	}{{0x80, 0x0e, bootAt, bootSize}, {0, 0x83, rootAt, DiskSize - rootAt}} {
		entry := record[446+16*i:]
		entry[0], entry[4] = p.active, p.kind
		copy(entry[1:4], "\xfe\xff\xff")
		copy(entry[5:8], "\xfe\xff\xff")
		binary.LittleEndian.PutUint32(entry[8:], uint32(p.at/sector))
		binary.LittleEndian.PutUint32(entry[12:], uint32(p.size/sector))
	}
	record[510], record[511] = 0x55, 0xaa
	return record
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

func (b *builder) compress(ctx context.Context) error {
	_, err := b.command(ctx, nil, "qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd",
		b.path("sample.raw"), b.path("sample.qcow2"))
	return err
}
