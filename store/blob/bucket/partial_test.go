package bucket

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"volary.dev/store/blob"
)

// BegunPieces begins what is to come in pieces and leaves it, as a process that dies; it gives how many there are of these.
func (b *Bucket) BegunPieces(t *testing.T, begin bool) int {
	t.Helper()
	key, err := blob.ImageKey("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
	if err != nil {
		t.Fatal(err)
	}
	if begin {
		if _, err := b.client.CreateMultipartUpload(context.Background(), &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := b.client.ListMultipartUploads(context.Background(), &s3.ListMultipartUploadsInput{Bucket: &b.name})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Uploads)
}
