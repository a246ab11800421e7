package loops

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"volary.dev/store/blob"
	"volary.dev/store/models"
)

// BlobLook looks whether the canonical bytes of images are in the store, and marks the images that have lost them. A store that does not
// answer is an error and changes no mark.
type BlobLook struct {
	Models *models.DB
	Blobs  blob.Store
	Log    *slog.Logger
}

// At looks whether the bytes are there and as many as were kept, and with whole whether they are those. That they are others is found, and
// found to be over, by reading them all. What is lost is looked at again while nobody brings or removes the bytes, before it is marked.
func (l BlobLook) At(ctx context.Context, n models.NamedDigest, whole bool) (models.BlobLoss, error) {
	loss, err := l.loss(ctx, n, whole)
	if err != nil || loss == n.Lost {
		return loss, err
	}
	release, err := l.Models.HoldDigest(ctx, n.Digest)
	if err != nil {
		return n.Lost, err
	}
	defer release()
	if loss, err = l.loss(ctx, n, whole); err != nil {
		return n.Lost, err
	}
	marked, err := l.Models.MarkBlob(ctx, n.Digest, loss)
	switch {
	case err != nil || marked == 0:
	case loss == models.BlobWhole:
		l.Log.InfoContext(ctx, "the bytes of images are in the store again", "digest", n.Digest, "images", marked)
	default:
		l.Log.ErrorContext(ctx, "the bytes of images "+loss.Words(), "digest", n.Digest, "images", marked)
	}
	return loss, err
}

// Used is At for bytes of which somebody found that they are not there or not theirs, and who goes on without the answer.
func (l BlobLook) Used(ctx context.Context, digest string, whole bool) {
	n, ok, err := l.Models.NamedDigest(ctx, digest)
	if err == nil && ok {
		_, err = l.At(ctx, n, whole)
	}
	if err != nil && ctx.Err() == nil {
		l.Log.WarnContext(ctx, "look at the bytes of an image", "digest", digest, "error", err)
	}
}

func (l BlobLook) loss(ctx context.Context, n models.NamedDigest, whole bool) (models.BlobLoss, error) {
	key, err := blob.ImageKey(n.Digest)
	if err != nil {
		return n.Lost, err
	}
	r, size, err := l.Blobs.Open(ctx, key)
	if errors.Is(err, blob.ErrNotFound) {
		return models.BlobGone, nil
	}
	if err != nil {
		return n.Lost, err
	}
	defer r.Close()
	switch {
	case size != n.Size:
		return models.BlobSize, nil
	case !whole && n.Lost == models.BlobOther:
		return models.BlobOther, nil
	case !whole:
		return models.BlobWhole, nil
	}
	h := sha256.New()
	if read, err := io.Copy(h, r); err != nil || read != size {
		return n.Lost, fmt.Errorf("read %d of %d bytes of %s: %w", read, size, key, errors.Join(err, ctx.Err()))
	}
	if hex.EncodeToString(h.Sum(nil)) != n.Digest {
		return models.BlobOther, nil
	}
	return models.BlobWhole, nil
}
