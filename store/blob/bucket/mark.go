package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"volary.dev/store/blob"
)

// Begin writes the mark; a second process that does so at once writes the same.
func (b *Bucket) Begin(ctx context.Context) error {
	_, err := b.put(ctx, blob.Mark, strings.NewReader(blob.MarkText), only{})
	return err
}

// Kept looks for the mark, and for blobs. What is no key of ours is nobody's store.
func (b *Bucket) Kept(ctx context.Context) (bool, error) {
	err := b.there(ctx)
	if err == nil || !errors.Is(err, errNoMark) {
		return err == nil, err
	}
	for _, folder := range []string{"images", "uploads"} {
		list, _, err := b.list(ctx, folder, "")
		if err != nil {
			return false, err
		}
		if len(list) > 0 {
			return true, b.Begin(ctx)
		}
	}
	return false, nil
}

// errNoMark is the blob.ErrAway of a server that answered.
var errNoMark = fmt.Errorf("%w: it is another bucket, an empty one, or none", blob.ErrAway)

// there is blob.ErrAway where the bucket has no mark: another bucket is in its place, one that was made anew, or none.
func (b *Bucket) there(ctx context.Context) error {
	_, err := b.head(ctx, blob.Mark)
	if errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("%w: bucket %s has no object %s", errNoMark, b.name, blob.Mark)
	}
	return err
}

// absent has a look whether a blob that is not there is missing in the store or the store itself is.
func (b *Bucket) absent(ctx context.Context, err error) error {
	if !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	if away := b.there(ctx); away != nil {
		return away
	}
	return err
}
