package setup

import (
	"cmp"
	"context"
	"errors"

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

// OpenBlobs opens the folder, or the bucket after a look whether it does what is needed. Scratch is a folder for what is on its way to
// or from a bucket; reserve counts its room, and may be nil.
func OpenBlobs(ctx context.Context, c BlobConfig, scratch string, reserve func(folder string, bytes int64) (func(), error)) (blob.Place, error) {
	if folder := c.Folder(); folder != "" {
		return blob.OpenDirectory(folder)
	}
	return bucket.Open(ctx, bucket.Options{
		Bucket: c.Bucket, Region: cmp.Or(c.Region, "us-east-1"), Endpoint: c.Endpoint, PathStyle: c.PathStyle, Credentials: c.Credentials,
		Scratch: scratch, Bound: int64(c.UploadsGiB) << 30, Reserve: reserve,
	})
}
