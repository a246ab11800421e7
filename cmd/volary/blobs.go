package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"volary.dev/cmd/internal/setup"
	"volary.dev/handlers/loops"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/floors"
	"volary.dev/store/models"
)

type blobsCommand struct {
	Verify verifyBlobs `cmd:"" help:"Read the bytes of every image in the store, and name those that are gone or others. Pages say the same from then on."`
}

type verifyBlobs struct {
	Sizes bool `help:"Only ask whether each is there and has its size."`
}

// Run implements kong's command. It fails where any bytes are lost, or could not be read.
func (v verifyBlobs) Run(ctx context.Context) error {
	blobs, err := setup.ReadBlobs(ctx)
	if err != nil {
		return err
	}
	return withStore(ctx, func(db *floors.All) error {
		return v.verify(ctx, db, loops.BlobLook{Models: db.Models, Blobs: blobs, Log: slog.New(slog.DiscardHandler)}, os.Stdout)
	})
}

// verify goes through the digests in their order.
func (v verifyBlobs) verify(ctx context.Context, db *floors.All, look loops.BlobLook, to io.Writer) error {
	var all, lost, unread int
	var bytes int64
	for after := ""; ; {
		page, err := db.Models.NamedDigests(ctx, after, "")
		if err != nil {
			return err
		}
		for _, n := range page {
			after = n.Digest
			loss, err := look.At(ctx, n, !v.Sizes)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			all++
			switch {
			case err != nil:
				unread++
				fmt.Fprintf(to, "%s  cannot be read: %v\n", n.Digest, err)
			case loss != models.BlobWhole:
				lost++
				if err := tellLost(ctx, db, n, loss, to); err != nil {
					return err
				}
			default:
				bytes += n.Size
			}
		}
		if len(page) < models.NamedMost {
			break
		}
	}
	if lost+unread > 0 {
		return errors.New(notWhole(all, lost, unread))
	}
	fmt.Fprintln(to, v.whole(all, bytes))
	return nil
}

// notWhole says how many of all blobs are lost, and how many nobody could read.
func notWhole(all, lost, unread int) string {
	return fmt.Sprintf("of %s of images, %s, and %s not be read",
		refusal.Plural(all, "blob", "blobs"), refusal.Plural(lost, "is lost", "are lost"), refusal.Count(unread)+" could")
}

// whole says that all blobs are as they were kept, and what was done to know it.
func (v verifyBlobs) whole(all int, bytes int64) string {
	one, many := "blob (%s) was read, and is what was kept", "blobs (%s) were read, and are what was kept"
	if v.Sizes {
		one, many = "blob (%s) is there, and has its size; it was not read", "blobs (%s) are there, and have their sizes; they were not read"
	}
	return "The images are whole: " + fmt.Sprintf(refusal.Plural(all, one, many), refusal.Bytes(bytes)) + "."
}

func tellLost(ctx context.Context, db *floors.All, n models.NamedDigest, loss models.BlobLoss, to io.Writer) error {
	owners, err := db.Models.OwnersOfDigest(ctx, n.Digest)
	if err != nil {
		return err
	}
	fmt.Fprintf(to, "%s  its bytes %s (%s)\n", n.Digest, loss.Words(), refusal.Bytes(n.Size))
	for _, o := range owners {
		fmt.Fprintf(to, "    image %q of %s\n", o.Image, o.Organization)
	}
	return nil
}
