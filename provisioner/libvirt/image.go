//go:build libvirt

package libvirt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
)

// uploadChunk is libvirt's own largest message, near enough.
const uploadChunk = 256 << 10

// EnsureImage implements provisioner.Driver. The marker is what counts: an upload that was cut off leaves a volume of the
// final name behind, and libvirt has no rename.
func (d *Driver) EnsureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	op := "image " + digest
	unlock, err := d.locks.lock(ctx, imageKey(digest))
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	there, err := d.awaitImage(ctx, op, digest)
	if err != nil || there {
		unlock()
		return err
	}
	r, err := open(ctx)
	if err != nil {
		unlock()
		return fmt.Errorf("%s: %w", op, err)
	}
	return d.bulk.callThen(ctx, op, func(conn *libvirt.Connect) error {
		return withImagePool(conn, func(pool *libvirt.StoragePool) error { return uploadImage(ctx, conn, pool, digest, size, r) })
	}, func() {
		r.Close()
		unlock()
	})
}

func imageKey(digest string) string { return "image " + digest }

// awaitImage says whether the image is there, and clears what a broken upload left. While another worker uploads it, it
// waits for that one's marker, or for its end without one.
func (d *Driver) awaitImage(ctx context.Context, op, digest string) (bool, error) {
	for {
		var there, busy bool
		err := d.calls.call(ctx, op, func(conn *libvirt.Connect) error {
			return withImagePool(conn, func(pool *libvirt.StoragePool) (err error) {
				there, busy, err = clearImage(pool, digest)
				return err
			})
		})
		if err != nil {
			return false, err
		}
		if there || !busy {
			return there, nil
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("%s: %w", op, gaveUp(ctx))
		case <-time.After(time.Second):
		}
	}
}

// clearImage says whether the image is there. What a broken upload left is removed; busy says that libvirt does not let
// it go, as it is being written.
func clearImage(pool *libvirt.StoragePool, digest string) (there, busy bool, err error) {
	marked, err := volumeExists(pool, domainxml.MarkerVolume(digest))
	if err != nil {
		return false, false, err
	}
	base, err := volumeExists(pool, domainxml.BaseVolume(digest))
	if err != nil || (marked && base) {
		return marked && base, false, err
	}
	if marked {
		if err := deleteVolume(pool, domainxml.MarkerVolume(digest), false); err != nil {
			return false, false, err
		}
	}
	if !base {
		return false, false, nil
	}
	err = deleteVolume(pool, domainxml.BaseVolume(digest), false)
	if isCode(err, libvirt.ERR_OPERATION_INVALID) {
		return false, true, nil
	}
	return false, false, err
}

func uploadImage(ctx context.Context, conn *libvirt.Connect, pool *libvirt.StoragePool, digest string, size int64, r io.Reader) error {
	name := domainxml.BaseVolume(digest)
	sum := sha256.New()
	n, err := upload(ctx, conn, pool, name, size, io.TeeReader(r, sum))
	if err == nil {
		// A byte more than promised would have been left unread.
		if extra, _ := r.Read(make([]byte, 1)); extra > 0 {
			n++
		}
		if got := hex.EncodeToString(sum.Sum(nil)); n != size || got != digest {
			err = fmt.Errorf("%w: %d bytes with digest %s, expected %d with %s", provisioner.ErrImageDigest, n, got, size, digest)
		}
	}
	if ctx.Err() != nil {
		// Nobody waits for us any more, and another worker may have begun anew under the same name. What is left has no
		// marker, and whoever comes next removes it.
		return ctx.Err()
	}
	if err != nil {
		return errors.Join(err, deleteVolume(pool, name, false))
	}
	return createVolume(pool, domainxml.MarkerVolume(digest), 1)
}

func createVolume(pool *libvirt.StoragePool, name string, size int64) error {
	xml, err := domainxml.RawVolume(name, size)
	if err != nil {
		return err
	}
	v, err := pool.StorageVolCreateXML(xml, 0)
	if err != nil {
		return err
	}
	return v.Free()
}

// upload makes a volume of exactly size bytes from r and says how many came.
func upload(ctx context.Context, conn *libvirt.Connect, pool *libvirt.StoragePool, name string, size int64, r io.Reader) (int64, error) {
	xml, err := domainxml.RawVolume(name, size)
	if err != nil {
		return 0, err
	}
	v, err := pool.StorageVolCreateXML(xml, 0)
	if err != nil {
		return 0, err
	}
	defer v.Free()
	s, err := conn.NewStream(0)
	if err != nil {
		return 0, err
	}
	defer s.Free()
	if err := v.Upload(s, 0, uint64(size), 0); err != nil {
		return 0, err
	}
	n, err := io.CopyBuffer(sender{s}, io.LimitReader(untilDone{ctx, r}, size), make([]byte, uploadChunk))
	if err != nil {
		_ = s.Abort()
		return n, err
	}
	return n, s.Finish()
}

// sender writes a stream.
type sender struct{ s *libvirt.Stream }

// Write implements io.Writer.
func (w sender) Write(p []byte) (int, error) {
	for sent := 0; sent < len(p); {
		n, err := w.s.Send(p[sent:])
		if err != nil {
			return sent, err
		}
		sent += n
	}
	return len(p), nil
}

// untilDone stops reading when the context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// DeleteImage implements provisioner.Driver.
func (d *Driver) DeleteImage(ctx context.Context, digest string) error {
	op := "delete image " + digest
	return d.change(ctx, imageKey(digest), op, func(conn *libvirt.Connect) error {
		return withImagePool(conn, func(pool *libvirt.StoragePool) error {
			base, err := pool.LookupStorageVolByName(domainxml.BaseVolume(digest))
			if missing(err) {
				return deleteVolume(pool, domainxml.MarkerVolume(digest), false)
			}
			if err != nil {
				return err
			}
			defer base.Free()
			path, err := base.GetPath()
			if err != nil {
				return err
			}
			user, err := overlayOn(pool, path)
			if err != nil {
				return err
			}
			if user != "" {
				return &provisioner.HostError{Op: op, Detail: "the disk " + user + " stands on it"}
			}
			// The marker first: without it the image counts as broken.
			if err := deleteVolume(pool, domainxml.MarkerVolume(digest), false); err != nil {
				return err
			}
			return deleteVolume(pool, domainxml.BaseVolume(digest), false)
		})
	})
}

// overlayOn names a volume whose backing file is path, or nothing.
func overlayOn(pool *libvirt.StoragePool, path string) (string, error) {
	volumes, err := pool.ListAllStorageVolumes(0)
	if err != nil {
		return "", err
	}
	found := ""
	for i := range volumes {
		v := &volumes[i]
		defer v.Free()
		if found != "" {
			continue
		}
		xml, err := v.GetXMLDesc(0)
		if missing(err) {
			continue // deleted since it was listed
		}
		if err != nil {
			return "", err
		}
		if backing, err := domainxml.BackingOf(xml); err == nil && backing == path {
			found, _ = v.GetName()
		}
	}
	return found, nil
}
