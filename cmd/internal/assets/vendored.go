package assets

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// vendored is one npm package of which a few files are kept in the repository, by their path in the package.
type vendored struct {
	Dir, Package string
	Files        []string
}

func packages() []vendored {
	return []vendored{
		{"htmx", "htmx.org@2.0.11", []string{"LICENSE", "dist/htmx.esm.js"}},
		{"idiomorph", "idiomorph@0.8.0", []string{"LICENSE", "dist/idiomorph.esm.js"}},
		{"xterm", "@xterm/xterm@6.0.0", []string{"LICENSE", "lib/xterm.mjs", "css/xterm.css"}},
		{"xterm-addon-fit", "@xterm/addon-fit@0.11.0", []string{"LICENSE", "lib/addon-fit.mjs"}},
		{"tus-js-client", "tus-js-client@4.3.1", []string{"LICENSE", "dist/tus.min.js"}},
		{"noble-hashes", "@noble/hashes@2.4.0", []string{"LICENSE", "sha2.js", "_md.js", "_u64.js", "utils.js"}},
	}
}

// ensureVendored fetches the packages of which a file is missing.
func ensureVendored(dir string) error {
	for _, p := range packages() {
		if complete(dir, p) {
			continue
		}
		if err := fetch(dir, p); err != nil {
			return fmt.Errorf("%s: %w", p.Package, err)
		}
	}
	return nil
}

func complete(dir string, p vendored) bool {
	for _, f := range p.Files {
		if _, err := os.Stat(filepath.Join(dir, p.Dir, filepath.Base(f))); err != nil {
			return false
		}
	}
	return true
}

// fetch lets npm verify and deliver the package's archive, and takes the wanted files out of it.
func fetch(dir string, p vendored) error {
	tmp, err := os.MkdirTemp("", "volary-npm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	cmd := exec.CommandContext(context.Background(), "npm", "pack", "--silent", p.Package)
	cmd.Dir = tmp
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("npm pack: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	archive, err := os.Open(filepath.Join(tmp, strings.TrimSpace(string(out))))
	if err != nil {
		return err
	}
	defer archive.Close()
	return unpack(archive, filepath.Join(dir, p.Dir), p.Files)
}

func unpack(r io.Reader, dir string, files []string) error {
	gz, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, f := range files {
		wanted["package/"+f] = true
	}
	for archive := tar.NewReader(gz); len(wanted) > 0; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the archive lacks %d of %d files", len(wanted), len(files))
		}
		if err != nil {
			return err
		}
		if !wanted[header.Name] {
			continue
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(header.Name)), withoutSourceMap(content), 0o644); err != nil {
			return err
		}
		delete(wanted, header.Name)
	}
	return nil
}

// withoutSourceMap drops the line that points to a map we do not keep; browsers would ask for it.
func withoutSourceMap(content []byte) []byte {
	if i := bytes.LastIndex(content, []byte("//# sourceMappingURL=")); i >= 0 {
		return content[:i]
	}
	return content
}

// gatherLicences joins the licence files below dir into one text.
func gatherLicences(dir string) ([]byte, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "LICENSE*"))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("Volary's pages include the following work of others.\n")
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "\n===== %s\n\n%s", filepath.Base(filepath.Dir(p)), text)
	}
	return b.Bytes(), nil
}
