package qemu

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"volary.dev/provisioner"
)

// stage copies a canonical image into the station, and hashes it as it comes. It has its name when it is whole.
func (s *Station) stage(ctx context.Context, op, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	s.mu.Lock()
	_, there := s.images[digest]
	s.mu.Unlock()
	if there {
		return nil
	}
	from, err := open(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	defer from.Close()
	to, err := os.CreateTemp(s.folder, "image-*.qcow2")
	if err != nil {
		return s.refused(op, err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, sum), io.LimitReader(interruptible{ctx, from}, size+1))
	err = errors.Join(err, to.Close(), ctx.Err())
	if err == nil && (n != size || hex.EncodeToString(sum.Sum(nil)) != digest) {
		err = fmt.Errorf("%s: %w", op, provisioner.ErrImageDigest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.images[digest]; err != nil || there || s.closed {
		return errors.Join(err, os.Remove(to.Name()))
	}
	s.images[digest] = Disk{Path: to.Name(), Format: "qcow2"}
	return nil
}

// interruptible ends with its context, between two reads.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// HashImage implements provisioner.Driver. A file that was lent is read as its lender says.
func (d *Driver) HashImage(ctx context.Context, digest string) (string, error) {
	s, op := d.station, "hash image "+digest
	if err := s.enter(ctx, op); err != nil {
		return "", err
	}
	s.mu.Lock()
	disk, there := s.images[digest]
	read := s.lent[digest]
	s.mu.Unlock()
	if !there {
		return "", s.refused(op, errors.New("it is not on this host"))
	}
	if read == nil {
		read = func(ctx context.Context) (string, error) { return hashFile(ctx, disk.Path) }
	}
	is, err := read(ctx)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", s.refused(op, err)
	}
	return is, nil
}

func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, interruptible{ctx, f}); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Images implements provisioner.Driver. One that was lent takes nothing of the station's folder.
func (d *Driver) Images(ctx context.Context) (all provisioner.HostImages, err error) {
	s := d.station
	if err := s.enter(ctx, "images"); err != nil {
		return all, err
	}
	if all.Size, all.Free, err = Space(s.folder); err != nil {
		return all, s.refused("images", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for digest, disk := range s.images {
		i := provisioner.HostImage{Digest: digest, Whole: true}
		var info unix.Stat_t
		if s.owns(disk) && unix.Stat(disk.Path, &info) == nil {
			i.Bytes = info.Blocks * 512
		}
		all.List = append(all.List, i)
	}
	return all, nil
}

func (s *Station) owns(d Disk) bool { return filepath.Dir(d.Path) == s.folder }

// DeleteImage implements provisioner.Driver. A file that was lent stays where it is.
func (d *Driver) DeleteImage(ctx context.Context, digest string) error {
	s, op := d.station, "delete image "+digest
	if err := s.enter(ctx, op); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.machines {
		m.mu.Lock()
		used := m.spec.ImageDigest == digest
		m.mu.Unlock()
		if used {
			return s.refused(op, fmt.Errorf("the disk of %s stands on it", m.name()))
		}
	}
	disk, there := s.images[digest]
	if !there {
		return nil
	}
	delete(s.images, digest)
	delete(s.lent, digest)
	if s.owns(disk) {
		return os.Remove(disk.Path)
	}
	return nil
}
