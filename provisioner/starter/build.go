package starter

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"volary.dev/provisioner/debian"
)

// disk is the image's: mformat and SYSLINUX must agree that its boot partition is a FAT16. A node's root file system grows to its shape's disk at its first start.
var disk = debian.Disk{Size: 4 << 30, Boot: 192 << 20}

// bootConfig starts the one kernel there is.
const bootConfig = `DEFAULT volary
PROMPT 0
LABEL volary
	KERNEL vmlinuz
	INITRD initrd
	APPEND root=LABEL=volary-root ro console=tty0 console=ttyS0
`

// Build makes the starter's image at a path, a qcow2 of 250 to 400 MB. It needs Debian 12 on amd64 with mmdebstrap, e2fsprogs and
// qemu-utils, root, 6 GiB in the path's folder, and the net. log is told each step.
func (s Starter) Build(ctx context.Context, to string, log func(string)) error {
	if err := debian.RequireTools("apt-get", "apt-cache", "dpkg-deb", "mmdebstrap", "mke2fs", "qemu-img"); err != nil {
		return fmt.Errorf("starter model: %w", err)
	}
	if os.Getuid() != 0 {
		return fmt.Errorf("starter model: mmdebstrap makes files of other users, which needs root")
	}
	to, err := filepath.Abs(to)
	if err != nil {
		return fmt.Errorf("starter model: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(to), ".starter-")
	if err != nil {
		return fmt.Errorf("starter model: %w", err)
	}
	defer os.RemoveAll(work)
	b := builder{Workshop: debian.Workshop{Dir: work, Log: log}, Starter: s}
	err = b.Run(ctx,
		debian.Step{Name: "fetch Debian packages", Do: func(ctx context.Context) error { return b.Fetch(ctx, debian.Tools()...) }},
		debian.Step{Name: "unpack packages", Do: b.Unpack},
		debian.Step{Name: "install Debian " + s.suite, Do: b.install},
		debian.Step{Name: "make root file system", Do: b.root},
		debian.Step{Name: "make boot partition", Do: b.boot},
		debian.Step{Name: "put the disk together", Do: b.assemble},
		debian.Step{Name: "compress the image", Do: func(ctx context.Context) error {
			return debian.Compress(ctx, b.Workshop, b.Path("disk.raw"), b.Path("disk.qcow2"))
		}},
	)
	if err != nil {
		return fmt.Errorf("starter model: %w", err)
	}
	// Renamed last, so that a build that died leaves no half image under the final name.
	if err := os.Rename(b.Path("disk.qcow2"), to); err != nil {
		return fmt.Errorf("starter model: %w", err)
	}
	return nil
}

type builder struct {
	debian.Workshop
	Starter
}

func (b builder) tree() string { return b.Path("tree") }

// install has mmdebstrap make the system, with the kernel that was fetched.
func (b builder) install(ctx context.Context) error {
	mirror, err := b.mirror(ctx)
	if err != nil {
		return err
	}
	programs, err := b.programs()
	if err != nil {
		return err
	}
	for name, text := range programs {
		if err := debian.WriteFile(b.Path("volary/"+name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"common", b.Name} {
		if err := debian.WriteFile(b.Path(name+"-setup.sh"), []byte(b.text(name+"/setup.sh")), 0o755); err != nil {
			return err
		}
	}
	kernels, err := filepath.Glob(b.Path(debian.KernelSeries + "*.deb"))
	if err != nil || len(kernels) != 1 {
		return fmt.Errorf("%d packages of a kernel %s*, not one: %w", len(kernels), debian.KernelSeries, err)
	}
	args := []string{
		"--quiet", "--mode=root", "--variant=minbase", "--include=" + strings.Join(append(append([]string{}, everywhere...), b.packages...), ","),
		"--aptopt=APT::Install-Recommends false", "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*",
		"--customize-hook=mkdir -p \"$1/usr/lib/volary\"",
		"--customize-hook=sync-in " + b.Path("volary") + " /usr/lib/volary",
		"--customize-hook=copy-in " + kernels[0] + " " + b.Path(b.Name+"-setup.sh") + " " + b.Path("common-setup.sh") + " /tmp",
		"--customize-hook=chroot \"$1\" dpkg -i /tmp/" + filepath.Base(kernels[0]),
		"--customize-hook=chroot \"$1\" sh /tmp/" + b.Name + "-setup.sh",
		"--customize-hook=chroot \"$1\" sh /tmp/common-setup.sh",
		"--customize-hook=rm -f \"$1\"/tmp/*",
		b.suite, b.tree(), mirror,
	}
	_, err = b.Command(ctx, nil, "mmdebstrap", args...)
	return err
}

// mirror is where this machine has its packages from, which has the other suites too.
func (b builder) mirror(ctx context.Context) (string, error) {
	out, err := b.Command(ctx, nil, "apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages", "Component: main")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 2 && !strings.Contains(f[1], "-") {
			return f[0], nil
		}
	}
	return "", fmt.Errorf("apt-get knows no package list of a Debian release; apt-get update makes them")
}

func (b builder) root(ctx context.Context) error {
	_, err := b.Command(ctx, nil, "mke2fs", "-q", "-F", "-t", "ext4", "-L", "volary-root", "-E", "lazy_itable_init=0,lazy_journal_init=0",
		"-d", b.tree(), b.Path("root.ext4"), fmt.Sprint((disk.Size-disk.RootAt())/1024)+"k")
	return err
}

func (b builder) boot(ctx context.Context) error {
	if err := debian.WriteFile(b.Path("syslinux.cfg"), []byte(bootConfig), 0o644); err != nil {
		return err
	}
	var files []string
	for _, pattern := range []string{"vmlinuz-*", "initrd.img-*"} {
		found, err := filepath.Glob(filepath.Join(b.tree(), "boot", pattern))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("%d files match /boot/%s, not one: %w", len(found), pattern, err)
		}
		files = append(files, found[0])
	}
	fat := b.Path("boot.fat")
	return disk.FAT(ctx, b.Workshop, fat, [][]string{
		{"syslinux", "--install", fat},
		{"mcopy", "-i", fat, files[0], "::vmlinuz"},
		{"mcopy", "-i", fat, files[1], "::initrd"},
		{"mcopy", "-i", fat, b.Path("syslinux.cfg"), "::"},
	})
}

func (b builder) assemble(context.Context) error {
	record, err := disk.MasterBootRecord(b.Workshop)
	if err != nil {
		return err
	}
	return disk.Assemble(b.Path("disk.raw"), disk.Size, map[int64][]byte{0: record}, b.Path("boot.fat"), b.Path("root.ext4"))
}
