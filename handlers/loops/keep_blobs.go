package loops

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"volary.dev/store/blob"
	"volary.dev/store/models"
)

// How often blobs are held against rows, how old one has to be to be nobody's, and how many go in one round.
const (
	blobTick   = time.Hour
	lostTick   = 5 * time.Minute // between two looks at what is lost, which may be back
	blobGrace  = 24 * time.Hour
	sweepMost  = 1000
	missingLog = 20 // names that one line of the log has
	// More than so many that go in one round, and more than this share of what lies there, are taken for a database that is not this store's.
	trustMost  = 20
	trustShare = 10
)

// BlobKeeper removes blobs that no row names, and marks the images whose bytes are gone. Bytes come before the row that names them and go after it,
// so that what is cut off in between leaves bytes; a grace of a day is for those whose row is about to come. Every
// worker runs one; nothing is done twice.
//
// 2026-11-30: a database that is empty, or of another deployment, or older than the store names none of the bytes, and all would go. A
// round that finds so many of them nobody's removes nothing and says so; somebody who knows better removes them by hand.
//
// 2026-11-30: an image whose bytes are gone said nothing, until a launch from it failed by itself an hour later. It is marked now, by this
// sweep and by who wanted the bytes; publishing, tests and launches refuse it. Marks are the answers of a store, and an error is none. A folder
// that is not mounted does not answer (blob.Mark). Where bytes are back, the marks go within five minutes.
type BlobKeeper struct {
	Models *models.DB
	Blobs  blob.Place
	Log    *slog.Logger
}

// Run sweeps until ctx ends.
func (k *BlobKeeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(lostTick)
	defer ticker.Stop()
	var swept time.Time
	for {
		work, what := k.LookAgain, "look at lost blobs"
		if time.Since(swept) >= blobTick {
			swept = time.Now()
			work, what = func(ctx context.Context) error { return k.Sweep(ctx, swept.Add(-blobGrace)) }, "sweep blobs"
		}
		if err := work(ctx); err != nil && ctx.Err() == nil {
			k.Log.ErrorContext(ctx, what, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// LookAgain looks at what was lost, and takes the marks away where it is back.
func (k *BlobKeeper) LookAgain(ctx context.Context) error {
	lost, err := k.Models.LostDigests(ctx)
	return errors.Join(err, k.look(ctx, lost))
}

func (k *BlobKeeper) look(ctx context.Context, digests []models.NamedDigest) error {
	for _, n := range digests {
		if _, err := (BlobLook{k.Models, k.Blobs, k.Log}).At(ctx, n, false); err != nil {
			return err
		}
	}
	return nil
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
		if more && len(list) == 0 {
			return fmt.Errorf("list %s after %q: a page has nothing, and is not the last", folder, after)
		}
		upTo := ""
		if more {
			upTo = list[len(list)-1].Key
		}
		if err := page(list, after, upTo); err != nil || upTo == "" {
			return err
		}
		after = upTo
	}
}

// round is what one sweep of a folder found.
type round struct {
	listed  int      // images, or uploads
	nobodys int      // of these, old and without a row
	remove  []string // of these, the first
}

func (r *round) found(nobodys []string) {
	r.nobodys += len(nobodys)
	r.remove = append(r.remove, nobodys[:min(len(nobodys), sweepMost-len(r.remove))]...)
}

// trusted tells whether what was found may go.
func (k *BlobKeeper) trusted(ctx context.Context, folder string, r round) bool {
	if r.nobodys <= trustMost || r.nobodys*trustShare <= r.listed {
		return true
	}
	k.Log.ErrorContext(ctx, "too much of the store is in no row: nothing is removed. Is this the database of this store, and not an older one? "+
		"Where it is, remove them by hand (operate.md, Bytes that no row names)",
		"folder", folder, "nobodys", r.nobodys, "listed", r.listed, "first", r.remove[:min(len(r.remove), missingLog)])
	return false
}

// images asks for rows after bytes. What seems to be missing then is asked for by itself, since its bytes and its row may have come in
// between. Nothing goes, and nothing is marked, before the whole store was held against the rows.
func (k *BlobKeeper) images(ctx context.Context, before time.Time) error {
	var doubtful []models.NamedDigest
	var r round
	err := k.pages(ctx, "images", func(list []blob.Listed, after, upTo string) error {
		first, _ := blob.ImageDigest(after)
		last, _ := blob.ImageDigest(upTo)
		named, err := k.Models.NamedDigests(ctx, first, last)
		if err != nil {
			return err
		}
		has := map[string]int64{} // bytes
		var old []string
		for _, l := range list {
			digest, ok := blob.ImageDigest(l.Key)
			if !ok {
				continue
			}
			has[digest] = l.Size
			if l.Written.Before(before) {
				old = append(old, digest)
			}
		}
		unnamed, err := k.Models.CopiesOfNoImage(ctx, old)
		if err != nil {
			return err
		}
		nobodys := make([]string, len(unnamed))
		for n, u := range unnamed {
			nobodys[n] = u.Digest
		}
		r.listed += len(has)
		r.found(nobodys)
		for _, n := range named {
			if size, there := has[n.Digest]; !there || size != n.Size || n.Lost != models.BlobWhole {
				doubtful = append(doubtful, n)
			}
		}
		return nil
	})
	if err == nil {
		err = k.look(ctx, doubtful)
	}
	if err != nil || !k.trusted(ctx, "images", r) {
		return err
	}
	for _, digest := range r.remove {
		if err := k.removeImage(ctx, digest); err != nil {
			return err
		}
	}
	return nil
}

// removeImage asks once more while it holds the digest: a verification may just have brought the same bytes.
func (k *BlobKeeper) removeImage(ctx context.Context, digest string) error {
	key, err := blob.ImageKey(digest)
	if err != nil {
		return err
	}
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
	var r round
	var last, lastOld string // what an upload has follows one another, over pages too
	err := k.pages(ctx, "uploads", func(list []blob.Listed, _, _ string) error {
		var ids []string
		for _, l := range list {
			id, ok := blob.UploadOf(l.Key)
			if !ok {
				continue
			}
			if id != last {
				last = id
				r.listed++
			}
			if l.Written.Before(before) && id != lastOld {
				lastOld = id
				ids = append(ids, id)
			}
		}
		unknown, err := k.Models.UnknownUploads(ctx, ids)
		r.found(unknown)
		return err
	})
	if err != nil || !k.trusted(ctx, "uploads", r) {
		return err
	}
	var errs []error
	for _, id := range r.remove {
		k.Log.InfoContext(ctx, "remove bytes that no upload has", "upload", id)
		errs = append(errs, k.Blobs.Uploads().Discard(ctx, id))
	}
	return errors.Join(errs...)
}
