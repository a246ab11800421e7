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

// errOtherUpload says that another worker began to upload the same image in the moment in which this one was about to.
var errOtherUpload = errors.New("another worker uploads this image")

// EnsureImage implements provisioner.Driver. The marker is what counts: an upload that was cut off leaves a volume of the
// final name behind, and libvirt has no rename.
func (d *Driver) EnsureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	for {
		err := d.ensureImage(ctx, digest, size, open)
		if !errors.Is(err, errOtherUpload) {
			return err
		}
	}
}

func (d *Driver) ensureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
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
	return d.uploads.callThen(ctx, op, func(conn *libvirt.Connect) error {
		return withImagePool(conn, func(pool *libvirt.StoragePool) error { return uploadImage(ctx, conn, pool, digest, size, r) })
	}, func() {
		r.Close()
		unlock()
	})
}

func imageKey(digest string) string { return "image " + digest }

// imageLook is what a host has under an image's names.
type imageLook struct {
	There   bool // with its marker: all of it
	Begun   bool // without: being written, or what a broken upload left
	Written uint64
}

// awaitImage says whether the image is there, and clears what a broken upload left. While another worker uploads it, it
// waits for that one's marker, or for its end without one. What grew since the last look is being written or has just
// been, and its marker may be on the way: only what has stood still is removed.
func (d *Driver) awaitImage(ctx context.Context, op, digest string) (bool, error) {
	var last imageLook
	for {
		var now imageLook
		cleared := false
		err := d.calls.call(ctx, op, func(conn *libvirt.Connect) error {
			return withImagePool(conn, func(pool *libvirt.StoragePool) (err error) {
				if now, err = lookAtImage(pool, digest); err == nil && now.Begun && now == last {
					cleared, err = clearImage(pool, digest)
				}
				return err
			})
		})
		if err != nil {
			return false, err
		}
		if now.There || !now.Begun || cleared {
			return now.There, nil
		}
		last = now
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("%s: %w", op, gaveUp(ctx))
		case <-time.After(time.Second):
		}
	}
}

// lookAtImage also removes a marker that marks nothing.
func lookAtImage(pool *libvirt.StoragePool, digest string) (l imageLook, err error) {
	marked, err := volumeExists(pool, domainxml.MarkerVolume(digest))
	if err != nil {
		return l, err
	}
	base, err := pool.LookupStorageVolByName(domainxml.BaseVolume(digest))
	if missing(err) {
		if marked {
			err = deleteVolume(pool, domainxml.MarkerVolume(digest))
		} else {
			err = nil
		}
		return l, err
	}
	if err != nil {
		return l, err
	}
	defer base.Free()
	if marked {
		return imageLook{There: true}, nil
	}
	info, err := base.GetInfo()
	if missing(err) {
		return l, nil // removed since it was found
	}
	if err != nil {
		return l, err
	}
	return imageLook{Begun: true, Written: info.Allocation}, nil
}

// clearImage removes what a broken upload left, unless it is being written: then libvirt does not let it go.
func clearImage(pool *libvirt.StoragePool, digest string) (cleared bool, err error) {
	err = deleteVolume(pool, domainxml.BaseVolume(digest))
	if isCode(err, libvirt.ERR_OPERATION_INVALID) {
		return false, nil
	}
	return err == nil, err
}

// uploadImage writes the image and then its marker. Where it breaks off it leaves what it wrote: that has no marker, and
// whoever comes next removes it. Removed here, it could be another worker's by then, which began anew under the name.
func uploadImage(ctx context.Context, conn *libvirt.Connect, pool *libvirt.StoragePool, digest string, size int64, r io.Reader) error {
	sum := sha256.New()
	n, err := upload(ctx, conn, pool, domainxml.BaseVolume(digest), size, io.TeeReader(r, sum))
	if err != nil {
		return err
	}
	// A byte more than promised would have been left unread.
	if extra, _ := r.Read(make([]byte, 1)); extra > 0 {
		n++
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != size || got != digest {
		return fmt.Errorf("%w: %d bytes with digest %s, expected %d with %s", provisioner.ErrImageDigest, n, got, size, digest)
	}
	if ctx.Err() != nil {
		return ctx.Err() // nobody waits for us any more
	}
	err = createVolume(pool, domainxml.MarkerVolume(digest), 1)
	if isCode(err, libvirt.ERR_STORAGE_VOL_EXIST) {
		return nil
	}
	return err
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
	if isCode(err, libvirt.ERR_STORAGE_VOL_EXIST) {
		return 0, errOtherUpload
	}
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

// Images implements provisioner.Driver. A marker alone is what a deletion left that was cut off.
func (d *Driver) Images(ctx context.Context) (provisioner.HostImages, error) {
	var found provisioner.HostImages
	err := d.calls.call(ctx, "list images", func(conn *libvirt.Connect) error {
		return withImagePool(conn, func(pool *libvirt.StoragePool) error {
			if err := pool.Refresh(0); err != nil && !isCode(err, libvirt.ERR_INTERNAL_ERROR) {
				return err // a pool that is being written to cannot be refreshed; its last figures do
			}
			info, err := pool.GetInfo()
			if err != nil {
				return err
			}
			found = provisioner.HostImages{Size: int64(info.Capacity), Free: int64(info.Available)}
			found.List, err = imagesIn(pool)
			return err
		})
	})
	return found, err
}

func imagesIn(pool *libvirt.StoragePool) ([]provisioner.HostImage, error) {
	volumes, err := pool.ListAllStorageVolumes(0)
	if err != nil {
		return nil, err
	}
	bytes := map[string]int64{} // by name; of base images alone, for each is a question
	for i := range volumes {
		v := &volumes[i]
		defer v.Free()
		name, err := v.GetName()
		if err != nil {
			return nil, err
		}
		bytes[name] = 0
		if _, base := domainxml.BaseDigest(name); !base {
			continue
		}
		info, err := v.GetInfo()
		if missing(err) {
			delete(bytes, name) // deleted since it was listed
			continue
		}
		if err != nil {
			return nil, err
		}
		bytes[name] = int64(info.Allocation)
	}
	return imagesAmong(bytes), nil
}

func imagesAmong(bytes map[string]int64) []provisioner.HostImage {
	var list []provisioner.HostImage
	for name, n := range bytes {
		if digest, base := domainxml.BaseDigest(name); base {
			_, whole := bytes[domainxml.MarkerVolume(digest)]
			list = append(list, provisioner.HostImage{Digest: digest, Whole: whole, Bytes: n})
		} else if digest, marker := domainxml.MarkerDigest(name); marker {
			if _, there := bytes[domainxml.BaseVolume(digest)]; !there {
				list = append(list, provisioner.HostImage{Digest: digest})
			}
		}
	}
	return list
}

// DeleteImage implements provisioner.Driver.
func (d *Driver) DeleteImage(ctx context.Context, digest string) error {
	op := "delete image " + digest
	return d.change(ctx, imageKey(digest), op, func(conn *libvirt.Connect) error {
		return withImagePool(conn, func(pool *libvirt.StoragePool) error {
			base, err := pool.LookupStorageVolByName(domainxml.BaseVolume(digest))
			if missing(err) {
				return deleteVolume(pool, domainxml.MarkerVolume(digest))
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
			if err := deleteVolume(pool, domainxml.MarkerVolume(digest)); err != nil {
				return err
			}
			return deleteVolume(pool, domainxml.BaseVolume(digest))
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
