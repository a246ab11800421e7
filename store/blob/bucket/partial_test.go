package bucket

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"volary.dev/store/blob"
)

// BegunPieces begins what is to come in pieces and leaves it, as a process that dies; it gives how many there are of these.
func (b *Bucket) BegunPieces(t *testing.T, begin bool) int {
	t.Helper()
	key, err := blob.ImageKey(fmt.Sprintf("%064x", time.Now().UnixNano()))
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

// DiscardPartialBy is DiscardPartial with pages of another size.
func (b *Bucket) DiscardPartialBy(t *testing.T, before time.Time, page int32) error {
	t.Helper()
	return b.discardPartial(t.Context(), before, page)
}
