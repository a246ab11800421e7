package sample

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// kernelPackage depends on the kernel of the release; 6.1 is the one that is steady under QEMU 7.2's emulation.
const (
	kernelPackage = "linux-image-cloud-amd64"
	kernelSeries  = "linux-image-6.1."
)

// packageNames are downloaded beside the kernel. The last three make the image and do not go into it.
var packageNames = []string{
	"busybox-static", "dropbear-bin", "libtomcrypt1", "libtommath1", "libgmp10", "libcrypt1", "zlib1g", "libc6",
	"netcat-openbsd", "libbsd0", "libmd0",
	"qemu-guest-agent", "libglib2.0-0", "libpcre2-8-0", "libudev1", "libnuma1", "liburing2",
	"syslinux", "syslinux-common", "mtools",
}

var errNoKernel = errors.New("Debian's package lists have no " + kernelSeries + "* kernel; the sample image is built on Debian 12")

func (b *builder) fetch(ctx context.Context) error {
	kernel, err := b.kernel(ctx)
	if err == nil {
		err = b.download(ctx, kernel)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	// Lists that are missing or older than the mirror's files are the usual cause; one update mends both.
	b.log("update package lists")
	if _, updateErr := b.command(ctx, nil, "apt-get", "update", "-qq"); updateErr != nil {
		return errors.Join(err, updateErr)
	}
	if err := b.forget(); err != nil {
		return err
	}
	if kernel, err = b.kernel(ctx); err != nil {
		return err
	}
	return b.download(ctx, kernel)
}

// forget removes what was downloaded by the lists of before: another version beside it would be unpacked as well.
func (b *builder) forget() error {
	files, err := filepath.Glob(b.path("*.deb"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) kernel(ctx context.Context) (string, error) {
	out, err := b.command(ctx, nil, "apt-cache", "depends", kernelPackage)
	if err != nil {
		return "", err
	}
	for _, word := range strings.Fields(out) {
		if strings.HasPrefix(word, kernelSeries) {
			return word, nil
		}
	}
	return "", errNoKernel
}

func (b *builder) download(ctx context.Context, kernel string) error {
	// apt's unprivileged sandbox user cannot write here; what it fetches is checked against the signed lists either way.
	args := append([]string{"-qq", "-o", "APT::Sandbox::User=root", "download", kernel}, b.names...)
	_, err := b.command(ctx, nil, "apt-get", args...)
	return err
}

func (b *builder) unpack(ctx context.Context) error {
	files, err := filepath.Glob(b.path("*.deb"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, err := b.command(ctx, nil, "dpkg-deb", "-x", file, b.packages); err != nil {
			return err
		}
	}
	return nil
}

// one gives the only file that matches a pattern below the unpacked packages.
func (b *builder) one(pattern string) (string, error) {
	found, err := filepath.Glob(filepath.Join(b.packages, pattern))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d files match %s in the packages, not one", len(found), pattern)
	}
	return found[0], nil
}

func copyFile(to, from string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeFile(to, data, mode)
}

// writeFile makes the folders above the file too, and sets the mode whatever the umask says.
func writeFile(to string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, data, mode); err != nil {
		return err
	}
	return os.Chmod(to, mode)
}
