package loops

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"volary.dev/store/blob"
	"volary.dev/store/models"
)

// How often blobs are held against rows, how old one has to be to be nobody's, and how many go in one round.
const (
	blobTick   = time.Hour
	blobGrace  = 24 * time.Hour
	sweepMost  = 1000
	missingLog = 20 // digests that one line of the log names
)

// BlobKeeper removes blobs that no row names, and says which rows have none. Bytes come before the row that names them and go after it,
// so that what is cut off in between leaves bytes; a grace of a day is for those whose row is about to come. Every
// worker runs one; nothing is done twice.
type BlobKeeper struct {
	Models *models.DB
	Blobs  blob.Place
	Log    *slog.Logger
}

// Run sweeps until ctx ends.
func (k *BlobKeeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(blobTick)
	defer ticker.Stop()
	for {
		if err := k.Sweep(ctx, time.Now().Add(-blobGrace)); err != nil && ctx.Err() == nil {
			k.Log.ErrorContext(ctx, "sweep blobs", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Sweep holds the store against the rows, a page of it at a time, as both were before a time.
func (k *BlobKeeper) Sweep(ctx context.Context, before time.Time) error {
	return errors.Join(k.images(ctx, before), k.uploads(ctx, before))
}

// pages gives what lies in a folder, page by page; upTo is the last key of the page, "" with the last page.
func (k *BlobKeeper) pages(ctx context.Context, folder string, page func(list []blob.Listed, after, upTo string) error) error {
	for after := ""; ; {
		list, more, err := k.Blobs.List(ctx, folder, after)
		if err != nil {
			return err
		}
		upTo := ""
		if more && len(list) > 0 {
			upTo = list[len(list)-1].Key
		}
		if err := page(list, after, upTo); err != nil || upTo == "" {
			return err
		}
		after = upTo
	}
}

// images asks for rows after bytes: a row that names bytes of before then had them.
func (k *BlobKeeper) images(ctx context.Context, before time.Time) error {
	left := sweepMost
	var missing []string
	err := k.pages(ctx, "images", func(list []blob.Listed, after, upTo string) error {
		first, _ := blob.ImageDigest(after)
		last, _ := blob.ImageDigest(upTo)
		named, err := k.Models.NamedDigests(ctx, first, last)
		if err != nil {
			return err
		}
		has := map[string]bool{}
		for _, l := range list {
			digest, ok := blob.ImageDigest(l.Key)
			has[digest] = true
			is := func(n models.NamedDigest) bool { return n.Digest == digest }
			if !ok || left == 0 || !l.Written.Before(before) || slices.ContainsFunc(named, is) {
				continue
			}
			if err := k.removeImage(ctx, l.Key, digest); err != nil {
				return err
			}
			left--
		}
		for _, n := range named {
			if !has[n.Digest] && n.Since.Before(before) {
				missing = append(missing, n.Digest)
			}
		}
		return nil
	})
	if len(missing) > 0 {
		k.Log.ErrorContext(ctx, "the bytes of images are gone from the store", "images", len(missing), "digests", missing[:min(len(missing), missingLog)])
	}
	return err
}

// removeImage asks once more while it holds the digest: a verification may just have brought the same bytes.
func (k *BlobKeeper) removeImage(ctx context.Context, key, digest string) error {
	release, err := k.Models.HoldDigest(ctx, digest)
	if err != nil {
		return err
	}
	defer release()
	unnamed, err := k.Models.CopiesOfNoImage(ctx, []string{digest})
	if err != nil || len(unnamed) == 0 {
		return err
	}
	k.Log.InfoContext(ctx, "remove bytes that no image has", "digest", digest)
	return k.Blobs.Delete(ctx, key)
}

// uploads removes those without a row. What has one is the upload keeper's or a verification's.
func (k *BlobKeeper) uploads(ctx context.Context, before time.Time) error {
	left := sweepMost
	return k.pages(ctx, "uploads", func(list []blob.Listed, _, _ string) error {
		var ids []string
		for _, l := range list {
			if id, ok := blob.UploadOf(l.Key); ok && l.Written.Before(before) && !slices.Contains(ids[max(0, len(ids)-1):], id) {
				ids = append(ids, id)
			}
		}
		unknown, err := k.Models.UnknownUploads(ctx, ids)
		if err != nil {
			return err
		}
		var errs []error
		for _, id := range unknown[:min(len(unknown), left)] {
			left--
			k.Log.InfoContext(ctx, "remove bytes that no upload has", "upload", id)
			errs = append(errs, k.Blobs.Uploads().Discard(ctx, id))
		}
		return errors.Join(errs...)
	})
}
