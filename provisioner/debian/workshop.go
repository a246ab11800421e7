package debian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// KernelSeries is the kernel of Debian 12; 6.1 is the one that is steady under QEMU 7.2's emulation.
const KernelSeries = "linux-image-6.1."

const kernelPackage = "linux-image-cloud-amd64" // depends on the kernel of the release

var errNoKernel = errors.New("Debian's package lists have no " + KernelSeries + "* kernel; images are built on Debian 12")

// Workshop is the folder in which an image is made. Whoever makes it removes it.
type Workshop struct {
	Dir string       // holds the packages' files and whatever a step leaves for the next
	Log func(string) // is told each step
}

// Path is a file in the workshop.
func (w Workshop) Path(name string) string { return filepath.Join(w.Dir, name) }

// Package is a file of the unpacked packages.
func (w Workshop) Package(name string) string { return filepath.Join(w.Dir, "packages", name) }

// One gives the only file that matches a pattern below the unpacked packages.
func (w Workshop) One(pattern string) (string, error) {
	found, err := filepath.Glob(w.Package(pattern))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d files match %s in the packages, not one", len(found), pattern)
	}
	return found[0], nil
}

// Step is a named part of making an image.
type Step struct {
	Name string
	Do   func(context.Context) error
}

// Run takes steps in their order; an error says in which.
func (w Workshop) Run(ctx context.Context, steps ...Step) error {
	for _, step := range steps {
		w.Log(step.Name)
		if err := step.Do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.Name, err)
		}
	}
	return nil
}

// Command runs a program in the workshop and puts the end of its output into the error.
func (w Workshop) Command(ctx context.Context, env []string, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = w.Dir
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

// Fetch downloads the kernel's package and others.
func (w Workshop) Fetch(ctx context.Context, names ...string) error {
	kernel, err := w.kernel(ctx)
	if err == nil {
		err = w.download(ctx, kernel, names)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	// Lists that are missing or older than the mirror's files are the usual cause; one update mends both.
	w.Log("update package lists")
	if _, updateErr := w.Command(ctx, nil, "apt-get", "update", "-qq"); updateErr != nil {
		return errors.Join(err, updateErr)
	}
	if err := w.forget(); err != nil {
		return err
	}
	if kernel, err = w.kernel(ctx); err != nil {
		return err
	}
	return w.download(ctx, kernel, names)
}

// forget removes what was downloaded by the lists of before: another version beside it would be unpacked as well.
func (w Workshop) forget() error {
	files, err := filepath.Glob(w.Path("*.deb"))
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

func (w Workshop) kernel(ctx context.Context) (string, error) {
	out, err := w.Command(ctx, nil, "apt-cache", "depends", kernelPackage)
	if err != nil {
		return "", err
	}
	for _, word := range strings.Fields(out) {
		if strings.HasPrefix(word, KernelSeries) {
			return word, nil
		}
	}
	return "", errNoKernel
}

func (w Workshop) download(ctx context.Context, kernel string, names []string) error {
	// apt's unprivileged sandbox user cannot write here; what it fetches is checked against the signed lists either way.
	args := append([]string{"-qq", "-o", "APT::Sandbox::User=root", "download", kernel}, names...)
	_, err := w.Command(ctx, nil, "apt-get", args...)
	return err
}

// Unpack lays every fetched package over the others.
func (w Workshop) Unpack(ctx context.Context) error {
	files, err := filepath.Glob(w.Path("*.deb"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, err := w.Command(ctx, nil, "dpkg-deb", "-x", file, w.Package("")); err != nil {
			return err
		}
	}
	return nil
}

// RequireTools says which programs of this machine are missing.
func RequireTools(names ...string) error {
	var missing []string
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return fmt.Errorf("%s not found; images are built on Debian 12 with e2fsprogs and qemu-utils installed", strings.Join(missing, ", "))
	}
	return nil
}

// CopyFile copies a file, whose folders it makes.
func CopyFile(to, from string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return WriteFile(to, data, mode)
}

// WriteFile makes the folders above the file too, and sets the mode whatever the umask says.
func WriteFile(to string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, data, mode); err != nil {
		return err
	}
	return os.Chmod(to, mode)
}
