package loops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// How often a host is asked for the images that it keeps, and how soon again where something was in the way. A deletion is
// looked after in the next rounds: goneSlack is for rows whose transaction ended after their time.
const (
	imagesTick     = 10 * time.Minute
	imagesSoon     = time.Minute
	imagesPatience = time.Minute // of one look, the deletions included
	goneSlack      = time.Minute
)

// imagesLook is what the last look at a host's images found.
type imagesLook struct {
	begun   time.Time // by the database, before the host was asked
	next    time.Time // of the next look for no reason, by our clock
	soon    time.Time // of the next look for a reason
	strange []string  // digests that wait for a second look
}

// sweepImages writes down which base images the host has, and removes the copies that it keeps and nobody will ask for: at once
// where the image was deleted, and at the second look where it is unknown (an older probe image, another deployment's) or what is
// left of one that was not brought to its end; and those that no node uses where the disk gets short, or after ImagesKept. Rows
// are read after the host answered; an image has its row before any host is told of it, so what is wanted is never taken for a
// stranger. The host itself refuses what a disk stands on.
//
// It runs beside the rounds: a large file takes longer to go than a round may.
func (o *Observer) sweepImages(ctx context.Context, h machines.HostClaim) error {
	last, due, err := o.imagesDue(ctx, h)
	if err != nil || !due {
		return err
	}
	look := imagesLook{begun: last.begun, strange: last.strange, soon: time.Now().Add(o.soon()), next: time.Now().Add(o.soon())}
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.images[h.ID] = look
	}()
	begun, err := o.Core.Now(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, imagesPatience)
	defer cancel()
	return o.Hosts.With(ctx, h.Address, func(d provisioner.Driver) error {
		disk, seen, err := o.lookAtImages(ctx, d, ImageHost{h.ID, h.Address})
		if err != nil {
			return err
		}
		strange, err := o.clearImages(ctx, d, h, disk, seen, last.strange)
		if err != nil {
			return fmt.Errorf("images of host %s: %w", h.Name, err) // a disk stands on it: soon again
		}
		look = imagesLook{begun: begun, strange: strange, next: time.Now().Add(o.ImagesTick)}
		return nil
	})
}

// clearImages removes what goes now, and gives what waits for a second look.
func (o *Observer) clearImages(ctx context.Context, d provisioner.Driver, h machines.HostClaim, disk machines.HostDisk, seen provisioner.HostImages, before []string) ([]string, error) {
	now, known, strange, err := o.unwanted(ctx, h, seen.List, before)
	if err != nil {
		return nil, err
	}
	host := ImageHost{h.ID, h.Address}
	short := max(floorOf(seen.Size)-seen.Free, disk.Over())
	var errs []error
	for _, i := range disk.Images {
		if !slices.Contains(now, i.Digest) {
			continue
		}
		gone, err := o.removeImage(ctx, d, host, i)
		errs = append(errs, err)
		if gone {
			o.Log.InfoContext(ctx, "removed a copy of an image that is gone", "host", h.ID, "digest", i.Digest)
			short -= i.Bytes
		}
	}
	// What is strange has a rule of its own: it may be another deployment's.
	errs = append(errs, o.evict(ctx, d, host, disk, short, known))
	return strange, errors.Join(errs...)
}

// soon is when a look that did not come to its end is repeated.
func (o *Observer) soon() time.Duration { return min(imagesSoon, o.ImagesTick) }

// imagesDue tells whether it is time for a look, and what the last one found.
func (o *Observer) imagesDue(ctx context.Context, h machines.HostClaim) (last imagesLook, due bool, err error) {
	o.mu.Lock()
	last = o.images[h.ID]
	o.mu.Unlock()
	now := time.Now()
	if now.After(last.next) {
		return last, true, nil
	}
	if now.Before(last.soon) {
		return last, false, nil
	}
	due, err = o.Models.ImagesGoneSince(ctx, last.begun.Add(-goneSlack))
	return last, due, err
}

// unwanted divides what the host keeps for no image into what goes now and what waits for a second look. Beside machines that
// this database does not know, and during a check, unknown images may be theirs. The rest is known: images' and the probe image.
func (o *Observer) unwanted(ctx context.Context, h machines.HostClaim, there []provisioner.HostImage, before []string) (
	now []string, known func(string) bool, strange []string, err error,
) {
	var digests []string
	partial := map[string]bool{}
	for _, i := range there {
		digests = append(digests, i.Digest)
		partial[i.Digest] = !i.Whole
	}
	copies, err := o.Models.CopiesOfNoImage(ctx, digests)
	if err != nil {
		return nil, nil, nil, err
	}
	o.mu.Lock()
	others := h.Checking || len(o.strange[h.ID].unknown) > 0
	o.mu.Unlock()
	foreign := map[string]bool{}
	for _, c := range copies {
		foreign[c.Digest] = c.Digest != o.probeDigest(ctx)
		switch {
		case !foreign[c.Digest]:
		case c.Gone && !partial[c.Digest]:
			now = append(now, c.Digest)
		case others:
		case slices.Contains(before, c.Digest):
			now = append(now, c.Digest)
		default:
			strange = append(strange, c.Digest)
		}
	}
	return now, func(digest string) bool { return !foreign[digest] }, strange, nil
}

// probeDigest is that of the image that this worker's checks of hosts boot; "" where it has none.
func (o *Observer) probeDigest(ctx context.Context) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ProbeImage != "" && o.probe == "" {
		i, err := OpenProbeImage(o.ProbeImage)
		if err != nil {
			o.Log.WarnContext(ctx, "probe image", "error", err)
		}
		o.probe = i.Digest
	}
	return o.probe
}
