package sample

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"volary.dev/provisioner/debian"
)

//go:embed guest
var guest embed.FS

// recipe is raised when what Build does with its parts changes in a way the parts do not show.
const recipe = "4"

// Sizes of the disk, in bytes.
const (
	DiskSize = int64(1) << 30
	sector   = debian.Sector
	bootAt   = debian.BootAt
	bootSize = int64(32) << 20
	rootAt   = bootAt + bootSize
)

// Build returns the path of the sample image in dir, a qcow2 of about 35 MB, making it first where the cache has
// none for this recipe. It needs Debian 12 on amd64 with apt-get, dpkg-deb, mke2fs and qemu-img, the net at the
// first build, and root if the package lists have to be fetched. log is told each step.
func Build(ctx context.Context, dir string, log func(string)) (string, error) {
	key, err := recipeHash()
	if err != nil {
		return "", err
	}
	b := builder{Workshop: debian.Workshop{Log: log}, names: packageNames}
	b.boot, b.assemble = b.bootBIOS, b.assembleBIOS
	return b.build(ctx, dir, "sample-"+key[:16]+".qcow2")
}

// build returns the path of the image of a name in dir, and makes it where it is not there.
func (b *builder) build(ctx context.Context, dir, name string) (string, error) {
	target := filepath.Join(dir, name)
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := debian.RequireTools("apt-get", "apt-cache", "dpkg-deb", "mke2fs", "debugfs", "qemu-img"); err != nil {
		return "", fmt.Errorf("sample image: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("sample image: %w", err)
	}
	work, err := os.MkdirTemp(dir, ".sample-")
	if err != nil {
		return "", fmt.Errorf("sample image: %w", err)
	}
	defer os.RemoveAll(work)
	b.Dir = work
	err = b.Run(ctx,
		debian.Step{Name: "fetch Debian packages", Do: func(ctx context.Context) error { return b.Fetch(ctx, b.names...) }},
		debian.Step{Name: "unpack packages", Do: b.Unpack},
		debian.Step{Name: "make initramfs", Do: b.initramfs},
		debian.Step{Name: "make root file system", Do: b.root},
		debian.Step{Name: "make boot partition", Do: b.boot},
		debian.Step{Name: "put the disk together", Do: b.assemble},
		debian.Step{Name: "compress the image", Do: func(ctx context.Context) error {
			return debian.Compress(ctx, b.Workshop, b.Path("sample.raw"), b.Path("sample.qcow2"))
		}},
	)
	if err != nil {
		return "", fmt.Errorf("sample image: %w", err)
	}
	// Renamed last, so that a build that died leaves no half image under the final name.
	if err := os.Rename(b.Path("sample.qcow2"), target); err != nil {
		return "", fmt.Errorf("sample image: %w", err)
	}
	return target, nil
}

// builder is one build, in a folder that is removed when it ends.
type builder struct {
	debian.Workshop
	names []string // of the packages beside the kernel's

	boot, assemble func(context.Context) error // by the firmware that starts the disk
}

// disk is the one that BIOS starts.
var disk = debian.Disk{Size: DiskSize, Boot: bootSize}

// recipeHash covers everything of ours that goes into the image; a newer package alone does not rebuild it.
func recipeHash() (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%d %d %d\n%s\n%s\n", recipe, DiskSize, bootAt, bootSize, strings.Join(packageNames, " "), strings.Join(moduleNames, " "))
	names, err := fs.Glob(guest, "guest/*")
	if err != nil {
		return "", fmt.Errorf("sample image: recipe: %w", err)
	}
	sort.Strings(names)
	for _, name := range names {
		text, err := guest.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("sample image: recipe: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
