package image

import (
	"context"
	"fmt"
	"io"
	"os"

	"volary.dev/provisioner"
)

// Looked is a disk that its owner's own machine is to start as it lies.
type Looked struct {
	Format      Format // qcow2 or raw
	VirtualSize int64
	GuestDigest string
	Firmware    provisioner.Firmware // what starts it
}

// Look judges a disk by the same checks as an upload, and computes its guest-visible digest, with our own code alone and without a copy: it
// is for the machine of whoever brings the file, where nobody else is at risk. What is wrong with the file is the error, with the
// repair.
func Look(ctx context.Context, path string, limits Limits) (Looked, error) {
	file, err := os.Open(path)
	if err != nil {
		return Looked{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Looked{}, err
	}
	limits.Canonical = true // it may come from a portal
	seen, err := Inspect(file, info.Size(), limits)
	if err != nil {
		return Looked{}, err
	}
	if err := saidOf(&seen); err != nil {
		return Looked{}, err
	}
	l := Looked{Format: seen.Format, VirtualSize: seen.VirtualSize, Firmware: seen.Firmware}
	guest := newGuestStream(io.Discard)
	switch seen.Format {
	case FormatRaw:
		err = guest.readGuest(ctx, file, l.VirtualSize, nil)
	case FormatQCOW2:
		var disk *qcow2Disk
		if disk, err = openQCOW2(file); err == nil {
			defer disk.zstd.Close()
			l.Firmware, err = disk.starts()
		}
		if err == nil {
			err = disk.readGuest(ctx, guest)
		}
	default:
		err = fmt.Errorf("it is %s: write it as qcow2, `qemu-img convert -f %s -O qcow2 FILE disk.qcow2`", seen.Format, seen.Format)
	}
	if err != nil {
		_ = guest.abandon() // nothing was written
		return Looked{}, err
	}
	l.GuestDigest, err = guest.end(l.VirtualSize)
	return l, err
}

// saidOf is the first check that failed, in words.
func saidOf(i *Inspection) error {
	if i.Passed() {
		return nil
	}
	if c := i.Failed(); c != nil {
		return fmt.Errorf("%s: %s %s", c.Name, c.Detail, c.Repair)
	}
	return fmt.Errorf("it is no disk")
}
