package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"volary.dev/store/blob"
	"volary.dev/store/blob/bucket"
)

// BlobConfig says where uploads and images are: in a bucket where one is named, else in a folder.
type BlobConfig struct {
	Dir         string `env:"VOLARY_BLOB_DIR"`
	Bucket      string `env:"VOLARY_BLOB_BUCKET"`
	Endpoint    string `env:"VOLARY_BLOB_ENDPOINT"` // https://…; empty: AWS's of the region
	Region      string `env:"VOLARY_BLOB_REGION" envDefault:"us-east-1"`
	PathStyle   bool   `env:"VOLARY_BLOB_PATH_STYLE"`                    // the bucket is in the path and not in the host's name
	Credentials string `env:"VOLARY_BLOB_CREDENTIALS_FILE"`              // two lines: the key's id and its secret
	UploadsGiB  int    `env:"VOLARY_BLOB_UPLOADS_GIB" envDefault:"1024"` // that all unfinished uploads may have together in a bucket
}

func (c BlobConfig) check() error {
	if c.Bucket == "" {
		if c.Dir == "" {
			return errors.New("configuration: neither VOLARY_BLOB_DIR nor VOLARY_BLOB_BUCKET says where uploads and images are")
		}
		return nil
	}
	var errs []error
	if c.Credentials == "" {
		errs = append(errs, errors.New("configuration: VOLARY_BLOB_BUCKET needs VOLARY_BLOB_CREDENTIALS_FILE"))
	}
	if c.Endpoint != "" {
		errs = append(errs, checkHTTPURL("VOLARY_BLOB_ENDPOINT", c.Endpoint))
	}
	return errors.Join(append(errs, checkRange("VOLARY_BLOB_UPLOADS_GIB", c.UploadsGiB, 1, 1<<20))...)
}

// Folder is where blobs are, "" where they are in a bucket.
func (c BlobConfig) Folder() string {
	if c.Bucket != "" {
		return ""
	}
	return c.Dir
}

// awayPause is between two looks at a bucket whose server did not answer. After an answer that tells of a bucket that cannot be used, the
// pauses grow to wrongPause: somebody has to mend it.
const (
	awayPause  = 15 * time.Second
	wrongPause = 10 * time.Minute
)

// OpenBlobs opens the folder, or the bucket after a look whether it does what is needed. A bucket whose server does not answer ends no
// start: what needs no bytes goes on without it, and the look is made again until it
// finds a bucket that can be used, or ctx ends. Folder and bucket are taken where they were a store before, or kept finds that there is
// nothing that they should have. Scratch is a folder
// for what is on its way to or from a bucket; reserve counts its room, and may be nil.
func OpenBlobs(
	ctx context.Context, c BlobConfig, scratch string, reserve func(folder string, bytes int64) (func(), error), kept Kept, log *slog.Logger,
) (blob.Place, error) {
	if folder := c.Folder(); folder != "" {
		d, err := blob.NewDirectory(folder)
		if err != nil {
			return nil, err
		}
		return d, c.begin(ctx, d, kept)
	}
	b, err := bucket.New(c.options(scratch, reserve))
	if err != nil {
		return nil, err
	}
	look := func(ctx context.Context) error {
		if err := b.Check(ctx); err != nil {
			return err
		}
		return c.begin(ctx, b, kept)
	}
	if err := lookAt(ctx, look, awayPause, log); err != nil {
		return nil, err
	}
	return b, nil
}

// Kept counts the images and uploads of the database that have bytes in the store.
type Kept func(context.Context) (images, uploads int, err error)

// begin makes a store of what was none only where nothing is missed in it: a folder that is not mounted, or another bucket, would count as a
// store that has lost all.
func (c BlobConfig) begin(ctx context.Context, place blob.Place, kept Kept) error {
	if was, err := place.Kept(ctx); was || err != nil {
		return err
	}
	images, uploads, err := kept(ctx)
	if err != nil {
		return err
	}
	if images+uploads > 0 {
		return fmt.Errorf("%w, while the database has images (%d) and unfinished uploads (%d). %s", c.noStore(), images, uploads, c.advice())
	}
	return place.Begin(ctx)
}

func (c BlobConfig) noStore() error {
	if c.Bucket != "" {
		return fmt.Errorf("VOLARY_BLOB_BUCKET=%s is empty and has no object %s", c.Bucket, blob.Mark)
	}
	return fmt.Errorf("VOLARY_BLOB_DIR=%s is empty and has no file %s", c.Dir, blob.Mark)
}

func (c BlobConfig) advice() string {
	const end = " in it: the images say then that their bytes are gone"
	if c.Bucket != "" {
		return "Name the bucket that has them, or bring it back from the backup. Where all bytes are lost, make an object " + blob.Mark + end
	}
	return "Mount the folder, or bring it back from the backup. Where all bytes are lost, make an empty file " + blob.Mark + end
}

// ReadBlobs opens what is there for a command that only reads, by the environment that web and worker have. It begins no store: a mistaken
// one would be taken for a store that has lost everything.
func ReadBlobs(ctx context.Context) (blob.Store, error) {
	c, err := read[BlobConfig]()
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return nil, err
	}
	place, err := c.place()
	if err != nil {
		return nil, err
	}
	was, err := place.Kept(ctx)
	if err != nil {
		return nil, err
	}
	if !was {
		return nil, fmt.Errorf("%w. %s", c.noStore(), c.advice())
	}
	return place, nil
}

func (c BlobConfig) place() (blob.Place, error) {
	if folder := c.Folder(); folder != "" {
		return blob.NewDirectory(folder)
	}
	return bucket.New(c.options("", nil))
}

func (c BlobConfig) options(scratch string, reserve func(folder string, bytes int64) (func(), error)) bucket.Options {
	return bucket.Options{
		Bucket: c.Bucket, Region: cmp.Or(c.Region, "us-east-1"), Endpoint: c.Endpoint, PathStyle: c.PathStyle, Credentials: c.Credentials,
		Scratch: scratch, Bound: int64(c.UploadsGiB) << 30, Reserve: reserve,
	}
}

// lookAt gives what check says, but for one that is away: that is logged, and looked at again after each pause.
func lookAt(ctx context.Context, check func(context.Context) error, pause time.Duration, log *slog.Logger) error {
	err := check(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !errors.Is(err, blob.ErrAway) {
		return err
	}
	log.ErrorContext(ctx, "the bucket does not answer: started without it, uploads and images wait until it does", "again", pause.String(), "error", err)
	go lookAgain(ctx, check, pause, log)
	return nil
}

// lookAgain looks until the bucket answers and does what is needed, or ctx ends.
func lookAgain(ctx context.Context, check func(context.Context) error, pause time.Duration, log *slog.Logger) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for next := pause; ; timer.Reset(next) {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		switch err := check(ctx); {
		case ctx.Err() != nil:
			return
		case err == nil:
			log.InfoContext(ctx, "the bucket answers now, and does what is needed")
			return
		case errors.Is(err, blob.ErrAway):
			next = pause
			log.WarnContext(ctx, "the bucket does not answer yet", "again", next.String(), "error", err)
		default:
			next = max(pause, min(2*next, wrongPause))
			log.ErrorContext(ctx, "the bucket answers now, and cannot be used as it is: this process would not start with it", "again", next.String(), "error", err)
		}
	}
}
