package bucket_test

import (
	"testing"

	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
)

func TestBucketOfMany(t *testing.T) {
	s := blobtest.Serve(t)
	blobtest.Pages(t, s.Place(t), s.Folder)
}

func TestBucket(t *testing.T) {
	blobtest.Exercise(t, func(t *testing.T) (blob.Place, string) {
		s := blobtest.Serve(t)
		return s.Place(t), s.Folder
	})
}
