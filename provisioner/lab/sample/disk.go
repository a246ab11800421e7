package sample

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"volary.dev/provisioner/debian"
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
	tree := b.Path("root")
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
		if err := debian.WriteFile(filepath.Join(tree, f.to), text, f.mode); err != nil {
			return err
		}
	}
	for to, text := range rootTexts {
		if err := debian.WriteFile(filepath.Join(tree, to), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := b.programs(ctx, tree); err != nil {
		return err
	}
	// Fixed identifiers and tables written now: nothing is left for a kernel thread to do in the guest.
	_, err := b.Command(ctx, nil, "mke2fs", "-q", "-F", "-t", "ext4", "-L", "volary-root", "-U", "6f6c7661-7279-4e6f-8000-73616d706c65",
		"-E", "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,hash_seed=6f6c7661-7279-4e6f-8000-73616d706c65",
		"-d", tree, b.Path("root.ext4"), fmt.Sprint((DiskSize-rootAt)/1024)+"k")
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
	if err := debian.WriteFile(b.Path("owners"), []byte(orders.String()), 0o644); err != nil {
		return err
	}
	_, err := b.Command(ctx, nil, "debugfs", "-w", "-f", b.Path("owners"), b.Path("root.ext4"))
	return err
}

// programs puts BusyBox with a link per applet, Dropbear, netcat, the guest agent and their libraries into the tree.
func (b *builder) programs(ctx context.Context, tree string) error {
	busybox := b.Package("bin/busybox")
	if err := debian.CopyFile(filepath.Join(tree, "bin/busybox"), busybox, 0o755); err != nil {
		return err
	}
	applets, err := b.Command(ctx, nil, busybox, "--list-full")
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
		if err := debian.CopyFile(filepath.Join(tree, to), b.Package(from), 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("dbclient", filepath.Join(tree, "usr/bin/ssh")); err != nil {
		return err
	}
	for _, library := range libraries {
		from := b.Package(library)
		if err := debian.CopyFile(filepath.Join(tree, "lib/x86_64-linux-gnu", filepath.Base(library)), from, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bootBIOS makes the FAT partition with mtools and SYSLINUX, both run from their unpacked packages.
func (b *builder) bootBIOS(ctx context.Context) error {
	kernel, err := b.One("boot/vmlinuz-*")
	if err != nil {
		return err
	}
	config, err := guest.ReadFile("guest/syslinux.cfg")
	if err != nil {
		return err
	}
	if err := debian.WriteFile(b.Path("syslinux.cfg"), config, 0o644); err != nil {
		return err
	}
	fat := b.Path("boot.fat")
	return disk.FAT(ctx, b.Workshop, fat, [][]string{
		{"syslinux", "--install", fat},
		{"mcopy", "-i", fat, kernel, "::vmlinuz"},
		{"mcopy", "-i", fat, b.Path("initrd"), b.Path("syslinux.cfg"), "::"},
	})
}

// assembleBIOS writes boot code, partition table and both file systems into one raw disk.
func (b *builder) assembleBIOS(context.Context) error {
	record, err := disk.MasterBootRecord(b.Workshop)
	if err != nil {
		return err
	}
	return disk.Assemble(b.Path("sample.raw"), DiskSize, map[int64][]byte{0: record}, b.Path("boot.fat"), b.Path("root.ext4"))
}
