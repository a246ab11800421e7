package loops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/models"
)

const (
	// imageClaim is how long nobody removes what a dead worker was bringing, nor brings what it was removing. Who brings renews it;
	// a removal ends within imagesPatience.
	imageClaim = 2 * time.Minute
	imagePause = 200 * time.Millisecond // between two questions whether a removal has ended
)

// ImageHost is a host whose base images are brought and removed.
type ImageHost struct {
	ID      uuid.UUID
	Address provisioner.HostAddress
}

// StageImage brings a base image to a host where it is not there, with room made for it by base images that nobody uses. open
// is called only where the host lacks it. While it runs, and as long as a node is to stand on the image, nobody removes it; where
// one does already, it waits for the end of that.
func (e *Engine) StageImage(ctx context.Context, h ImageHost, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	by := uuid.New()
	if err := e.bring(ctx, h, digest, size, by); err != nil {
		return err
	}
	bringing, stop := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { e.keepBringing(bringing, stop, h, digest, size, by) })
	err := e.Hosts.With(bringing, h.Address, func(d provisioner.Driver) error {
		return d.EnsureImage(bringing, digest, size, func(ctx context.Context) (io.ReadCloser, error) {
			if err := e.makeRoom(ctx, d, h, size); err != nil {
				e.Log.WarnContext(ctx, "make room for an image", "host", h.ID, "digest", digest, "error", provisioner.Cause(err)) // there may be enough
			}
			return open(ctx)
		})
	})
	stop()
	renewing.Wait()
	// Also where ctx has ended, so that what was not brought may be removed at once.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTimeout)
	defer cancel()
	return errors.Join(err, ours(e.Machines.ImageBrought(ending, h.ID, digest, by, err == nil)))
}

// bring claims the image, once nobody removes it any more.
func (e *Engine) bring(ctx context.Context, h ImageHost, digest string, size int64, by uuid.UUID) error {
	ticker := time.NewTicker(imagePause)
	defer ticker.Stop()
	for {
		mine, err := e.Machines.BringImage(ctx, h.ID, digest, size, by, imageClaim)
		if err != nil || mine {
			return ours(err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("image %s is being removed from the host: %w", digest, ctx.Err())
		case <-ticker.C:
		}
	}
}

// keepBringing renews the claim until ctx ends, and gives up where that is impossible: another would remove what is written.
func (e *Engine) keepBringing(ctx context.Context, giveUp func(), h ImageHost, digest string, size int64, by uuid.UUID) {
	ticker := time.NewTicker(imageClaim / 4)
	defer ticker.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		mine, err := e.Machines.BringImage(ctx, h.ID, digest, size, by, imageClaim)
		switch {
		case err == nil && mine:
			renewed = time.Now()
		case ctx.Err() != nil:
			return
		case err == nil || time.Since(renewed) > imageClaim-imageClaim/4:
			e.Log.ErrorContext(ctx, "the claim on an image that is being brought is lost", "host", h.ID, "digest", digest, "error", err)
			giveUp()
			return
		}
	}
}

// Of a host's disk a tenth is kept free of base images that nobody uses, from leastFree to mostFree: disks of nodes grow into it.
const (
	freeShare = 10
	leastFree = 2 * provisioner.LeastDiskGiB << 30
	mostFree  = 50 << 30
)

func floorOf(size int64) int64 { return min(max(size/freeShare, leastFree), mostFree) }

// makeRoom removes base images that nobody uses, the one unused for longest first, until there is room for an image of that size
// beside what a host has to have free.
func (e *Engine) makeRoom(ctx context.Context, d provisioner.Driver, h ImageHost, size int64) error {
	disk, seen, err := e.lookAtImages(ctx, d, h)
	if err != nil {
		return err
	}
	var digests []string
	for _, i := range disk.Images {
		digests = append(digests, i.Digest)
	}
	// What no image has may be another deployment's: the sweep decides about it.
	copies, err := e.Models.CopiesOfNoImage(ctx, digests)
	if err != nil {
		return err
	}
	return e.evict(ctx, d, h, disk, size+provisioner.LeastDiskGiB<<30-seen.Free, func(digest string) bool {
		return !slices.ContainsFunc(copies, func(c models.ImageCopy) bool { return c.Digest == digest })
	})
}

// lookAtImages asks the host for its base images and writes the answer down.
func (e *Engine) lookAtImages(ctx context.Context, d provisioner.Driver, h ImageHost) (disk machines.HostDisk, seen provisioner.HostImages, err error) {
	begun, err := e.Core.Now(ctx)
	if err != nil {
		return disk, seen, err
	}
	if seen, err = d.Images(ctx); err != nil {
		return disk, seen, err
	}
	disk, err = e.Machines.RecordImages(ctx, h.ID, begun, seen)
	return disk, seen, err
}

// evict removes base images that nobody uses until so many bytes of them are gone, the one unused for longest first; and in any
// case those that were unused for too long; of all that may be.
func (e *Engine) evict(ctx context.Context, d provisioner.Driver, h ImageHost, disk machines.HostDisk, bytes int64, may func(digest string) bool) error {
	for _, i := range disk.Images {
		if i.Going {
			bytes -= i.Bytes
		}
	}
	var errs []error
	for _, i := range disk.Images {
		if i.Used() || i.Going || !i.There || bytes <= 0 && !i.Old || !may(i.Digest) {
			continue
		}
		gone, err := e.removeImage(ctx, d, h, i)
		errs = append(errs, err)
		if gone {
			e.Log.InfoContext(ctx, "removed a base image that nobody uses", "host", h.ID, "digest", i.Digest, "bytes", i.Bytes, "unused since", i.UsedAt)
			bytes -= i.Bytes
		}
	}
	return errors.Join(errs...)
}

// removeImage removes one base image, unless somebody uses it or is about to. The last word is the host's: what a disk stands on
// it keeps, and says so.
func (e *Engine) removeImage(ctx context.Context, d provisioner.Driver, h ImageHost, i machines.BaseImage) (gone bool, err error) {
	if i.UsedAt == nil {
		return false, nil
	}
	mine, err := e.Machines.RemoveImage(ctx, h.ID, i.Digest, *i.UsedAt, imageClaim)
	if err != nil || !mine {
		return false, err
	}
	asking, cancel := context.WithTimeout(ctx, imagesPatience)
	defer cancel()
	if err := d.DeleteImage(asking, i.Digest); err != nil {
		var refused *provisioner.HostError
		if errors.As(err, &refused) {
			return false, errors.Join(err, e.Machines.ImageStays(ctx, h.ID, i.Digest, true))
		}
		return false, err // the host may be at it still: the claim runs out
	}
	return true, e.Machines.ImageRemoved(ctx, h.ID, i.Digest)
}
