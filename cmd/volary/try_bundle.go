package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"volary.dev/provisioner/bundle"
)

// isBundle tells a bundle by the name of its first file.
func isBundle(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	start := make([]byte, 512)
	n, err := io.ReadFull(f, start)
	if err != nil || n < len(start) { // shorter than any archive
		return false, nil
	}
	name := string(start[:len("oci-layout")+1])
	return (name == "oci-layout\x00" || string(start[:len("./oci-layout")+1]) == "./oci-layout\x00") && string(start[257:262]) == "ustar", nil
}

// unbundle takes a bundle apart into a folder, with each digest compared, and gives the command as if its document and images had been named.
func (c tryCommand) unbundle(ctx context.Context, out io.Writer, dir string) (tryCommand, error) {
	f, err := os.Open(c.File)
	if err != nil {
		return c, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return c, err
	}
	held, err := bundle.List(f, info.Size())
	if err != nil {
		return c, fmt.Errorf("%s: %w", c.File, err)
	}
	document, images, err := held.ReadDocument(f)
	if err != nil {
		return c, fmt.Errorf("%s: %w", c.File, err)
	}
	fmt.Fprintf(out, "%s holds %q, version %q\n", c.File, plainText(held.Model), plainText(held.Version))
	taken := map[string]bool{}
	for _, i := range images {
		if taken[i.Digest] {
			continue
		}
		taken[i.Digest] = true
		path := filepath.Join(dir, i.Digest+".qcow2")
		if err := extract(ctx, f, i.Part, path); err != nil {
			return c, fmt.Errorf("%s: %w", c.File, err)
		}
		c.bundled = append(c.bundled, path)
	}
	c.File = filepath.Join(dir, "cluster.json")
	return c, os.WriteFile(c.File, document, 0o600)
}

func extract(ctx context.Context, from io.ReaderAt, p bundle.Part, path string) error {
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := bundle.Extract(ctx, from, p, to); err != nil {
		_ = to.Close() // what is wrong is said
		return err
	}
	return to.Close()
}
