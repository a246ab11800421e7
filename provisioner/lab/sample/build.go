package sample

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

//go:embed guest
var guest embed.FS

// recipe is raised when what Build does with its parts changes in a way the parts do not show.
const recipe = "4"

// Sizes of the disk, in bytes.
const (
	DiskSize = int64(1) << 30
	sector   = 512
	bootAt   = int64(1) << 20
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
	b := builder{log: log, names: packageNames}
	b.boot, b.assemble = b.bootBIOS, b.assembleBIOS
	return b.build(ctx, dir, "sample-"+key[:16]+".qcow2")
}

// build returns the path of the image of a name in dir, and makes it where it is not there.
func (b *builder) build(ctx context.Context, dir, name string) (string, error) {
	target := filepath.Join(dir, name)
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := requireTools("apt-get", "apt-cache", "dpkg-deb", "mke2fs", "debugfs", "qemu-img"); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("sample image: %w", err)
	}
	work, err := os.MkdirTemp(dir, ".sample-")
	if err != nil {
		return "", fmt.Errorf("sample image: %w", err)
	}
	defer os.RemoveAll(work)
	b.work, b.packages = work, filepath.Join(work, "packages")
	if err := b.run(ctx); err != nil {
		return "", fmt.Errorf("sample image: %w", err)
	}
	// Renamed last, so that a build that died leaves no half image under the final name.
	if err := os.Rename(b.path("sample.qcow2"), target); err != nil {
		return "", fmt.Errorf("sample image: %w", err)
	}
	return target, nil
}

// builder carries the folders of one build.
type builder struct {
	work     string   // removed when the build ends
	packages string   // every package unpacked over the others
	names    []string // of the packages beside the kernel's
	log      func(string)

	boot, assemble func(context.Context) error // by the firmware that starts the disk
}

func (b *builder) path(name string) string { return filepath.Join(b.work, name) }

func (b *builder) run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"fetch Debian packages", b.fetch},
		{"unpack packages", b.unpack},
		{"make initramfs", b.initramfs},
		{"make root file system", b.root},
		{"make boot partition", b.boot},
		{"put the disk together", b.assemble},
		{"compress the image", b.compress},
	} {
		b.log(step.name)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// command runs a program in the work folder and puts the end of its output into the error.
func (b *builder) command(ctx context.Context, env []string, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = b.work
	c.Env = append(append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		text := strings.TrimSpace(string(out))
		if len(text) > 600 {
			text = "…" + text[len(text)-600:]
		}
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(name), err, text)
	}
	return string(out), nil
}

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

func requireTools(names ...string) error {
	var missing []string
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return fmt.Errorf("sample image: %s not found; it is built on Debian 12 with e2fsprogs and qemu-utils installed", strings.Join(missing, ", "))
	}
	return nil
}
