package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"volary.dev/provisioner/lab/sample"
)

// benchDisk makes the disk that uploads are measured with, once: the sample image, in whose free space lies what a working
// disk has: of each 10 MiB 4 that do not compress, 4 of words, and 2 that nobody wrote. It is the same on every machine. Formats are "raw",
// "qcow2" as qemu-img makes it unless told otherwise, "raw.xz", and "one.raw.xz" of one block.
func (c checkout) benchDisk(ctx context.Context, format string) (string, error) {
	folder := filepath.Join(c.root, ".volary", "bench")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	to := filepath.Join(folder, "disk-1."+format)
	if _, err := os.Stat(to); err == nil {
		return to, nil
	}
	half := to + ".half"
	defer os.Remove(half)
	if err := c.writeDisk(ctx, format, half); err != nil {
		return "", fmt.Errorf("disk to upload: %w", err)
	}
	return to, os.Rename(half, to) // last, so that one that was cut short is none
}

func (c checkout) writeDisk(ctx context.Context, format, to string) error {
	if format == "raw" {
		small, err := sample.Build(ctx, c.sampleCache(), func(s string) { note("%s", s) })
		if err != nil {
			return err
		}
		if err := runQuietly(ctx, ".", "qemu-img", "convert", "-f", "qcow2", "-O", "raw", small, to); err != nil {
			return err
		}
		return fillDisk(to)
	}
	raw, err := c.benchDisk(ctx, "raw")
	if err != nil {
		return err
	}
	note("making %s", filepath.Base(to))
	switch format {
	case "qcow2":
		return runQuietly(ctx, ".", "qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, to)
	case "raw.xz":
		return compressXZ(ctx, raw, to, 0)
	case "one.raw.xz":
		return compressXZ(ctx, raw, to, 1)
	}
	return errors.New("no such format: " + format)
}

const (
	usedPart  = int64(64 << 20) // of the sample image, has its files
	fillBlock = 1 << 20
)

// fillDisk writes after the sample's own files: its file system is not asked, and no longer sound.
func fillDisk(path string) error {
	disk, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer disk.Close()
	noise := rand.NewChaCha8([32]byte([]byte("a disk that people have worked on")))
	words := make([][]byte, 4096)
	for i := range words {
		words[i] = make([]byte, 3+i%9)
		_, _ = noise.Read(words[i])
	}
	block := make([]byte, 0, fillBlock+16)
	for at, n := usedPart, 0; at < sample.DiskSize; at, n = at+fillBlock, n+1 {
		switch block = block[:0]; n % 10 {
		case 0, 3, 5, 8:
			block = block[:fillBlock]
			_, _ = noise.Read(block)
		case 1, 2, 6, 7:
			for len(block) < fillBlock {
				block = append(block, words[noise.Uint64()%uint64(len(words))]...)
			}
		default:
			continue
		}
		if _, err := disk.WriteAt(block[:fillBlock], at); err != nil {
			return err
		}
	}
	return disk.Close()
}

// compressXZ is what people do, with 0 threads those who have a machine with several processors: the file has several blocks then.
func compressXZ(ctx context.Context, from, to string, threads int) error {
	return runInto(ctx, to, "xz", "-1", fmt.Sprintf("--threads=%d", threads), "--stdout", from)
}
