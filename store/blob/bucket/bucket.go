package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"volary.dev/store/blob"
)

// Bucket is a blob.Place in a bucket. It is safe for concurrent use, by any number of processes.
type Bucket struct {
	client  *s3.Client
	name    string
	options Options
}

// pieceBytes is what a blob is sent by at least, where it is larger than one piece; S3 takes up to 10000 of them, of 5 GiB each.
const (
	pieceBytes = 64 << 20
	piecesMost = 10_000
	// pieceTime bounds the sending of one: a line slower than 1 MiB/s carries no images.
	pieceTime = 2 * time.Minute
	askTime   = 30 * time.Second // bounds what has no bytes
)

// Uploads are those under the keys of uploads.
func (b *Bucket) Uploads() blob.Uploads { return uploads{b} }

// Put keeps what r gives until its end; what is larger than one piece waits in a file without a name.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader) (int64, error) {
	if err := blob.CheckKey(key); err != nil {
		return 0, err
	}
	if err := b.there(ctx); err != nil {
		return 0, err
	}
	f, err := b.spool()
	if err != nil {
		return 0, fmt.Errorf("keep %s: %w", key, err)
	}
	defer f.Close()
	n, err := io.Copy(f, contextReader{ctx, r})
	if err != nil {
		return n, fmt.Errorf("keep %s: %w", key, local(err))
	}
	return n, b.send(ctx, key, f, n)
}

// Adopt sends a local file, and removes it then.
func (b *Bucket) Adopt(ctx context.Context, key, path string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	if err := b.there(ctx); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("adopt %s: %w", key, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("adopt %s: %w", key, err)
	}
	if err := b.send(ctx, key, f, info.Size()); err != nil {
		return err
	}
	return os.Remove(path)
}

// send makes an object of size bytes, in one step for whoever reads.
func (b *Bucket) send(ctx context.Context, key string, from io.ReaderAt, size int64) error {
	if size <= pieceBytes {
		_, err := b.put(ctx, key, io.NewSectionReader(from, 0, size), only{})
		return err
	}
	begun, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return fault("keep", key, err)
	}
	pieces, err := b.sendPieces(ctx, key, *begun.UploadId, from, size)
	if err == nil {
		_, err = b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &b.name, Key: &key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: pieces},
		})
	}
	if err == nil {
		return nil
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
	defer cancel()
	// Where this fails, too, DiscardPartial does it.
	_, _ = b.client.AbortMultipartUpload(ending, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &key, UploadId: begun.UploadId})
	return fault("keep", key, err)
}

func (b *Bucket) sendPieces(ctx context.Context, key, id string, from io.ReaderAt, size int64) (sent []types.CompletedPart, err error) {
	piece := max(pieceBytes, (size+piecesMost-1)/piecesMost)
	for at := int64(0); at < size; at += piece {
		number := aws.Int32(int32(len(sent) + 1)) //nolint:gosec // at most piecesMost
		timed, cancel := context.WithTimeout(ctx, pieceTime+time.Duration(piece>>20)*time.Second)
		part, err := b.client.UploadPart(timed, &s3.UploadPartInput{
			Bucket: &b.name, Key: &key, UploadId: &id, PartNumber: number, Body: io.NewSectionReader(from, at, min(piece, size-at)),
		})
		cancel()
		if err != nil {
			return nil, err
		}
		sent = append(sent, types.CompletedPart{ETag: part.ETag, PartNumber: number})
	}
	return sent, nil
}

// only says what a writing may replace: nothing (absent), or the object with an ETag; the zero value: whatever there is.
type only struct {
	absent bool
	etag   string
}

// errOther says that something else was there than a writing was to replace.
var errOther = errors.New("somebody else wrote it meanwhile")

// put writes a small object and gives its ETag.
func (b *Bucket) put(ctx context.Context, key string, body io.ReadSeeker, replace only) (etag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pieceTime)
	defer cancel()
	in := &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: body}
	switch {
	case replace.absent:
		in.IfNoneMatch = aws.String("*")
	case replace.etag != "":
		in.IfMatch = &replace.etag
	}
	out, err := b.client.PutObject(ctx, in)
	if err != nil {
		return "", fault("keep", key, err)
	}
	return aws.ToString(out.ETag), nil
}

// Open gives the bytes from the start; a line that breaks is mended where it broke.
func (b *Bucket) Open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, 0, err
	}
	o, err := b.head(ctx, key)
	if id, is := blob.UploadOf(key); is && key == blob.UploadKey(id) && errors.Is(err, blob.ErrNotFound) {
		return uploads{b}.openWhole(ctx, id)
	}
	if err != nil {
		return nil, 0, b.absent(ctx, err)
	}
	return b.read(ctx, o, 0, o.size), o.size, nil
}

// object is one that is there.
type object struct {
	key, etag string
	size      int64
	written   time.Time
}

func (b *Bucket) head(ctx context.Context, key string) (object, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return object{}, fault("look for", key, err)
	}
	return object{key, aws.ToString(out.ETag), aws.ToInt64(out.ContentLength), aws.ToTime(out.LastModified)}, nil
}

// Delete removes an object; of an upload all that is its own.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	if id, is := blob.UploadOf(key); is && key == blob.UploadKey(id) {
		return uploads{b}.Discard(ctx, id)
	}
	if err := b.there(ctx); err != nil { // a server says of what is not there that it is deleted
		return err
	}
	return b.remove(ctx, key)
}

func (b *Bucket) remove(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	if err = fault("delete", key, err); errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

// removeMost is how many objects one request removes; S3 takes no more.
const removeMost = 1000

// removeAll removes many in few requests. A server that does not know such a request is asked for each object.
func (b *Bucket) removeAll(ctx context.Context, keys []string) error {
	for some := range slices.Chunk(keys, removeMost) {
		err := b.removeSome(ctx, some)
		if unknown(err) {
			for _, key := range some {
				if err := b.remove(ctx, key); err != nil {
					return err
				}
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Bucket) removeSome(ctx context.Context, keys []string) error {
	ctx, cancel := context.WithTimeout(ctx, pieceTime)
	defer cancel()
	in := &s3.DeleteObjectsInput{Bucket: &b.name, Delete: &types.Delete{Quiet: aws.Bool(true)}}
	for _, key := range keys {
		in.Delete.Objects = append(in.Delete.Objects, types.ObjectIdentifier{Key: aws.String(key)})
	}
	out, err := b.client.DeleteObjects(ctx, in)
	if err != nil {
		return fault("delete", keys[0]+" and others", err)
	}
	for _, e := range out.Errors {
		if code := aws.ToString(e.Code); code != "NoSuchKey" {
			return fmt.Errorf("delete %s: %s %s", aws.ToString(e.Key), code, aws.ToString(e.Message))
		}
	}
	return nil
}

// List gives what lies in a folder after a key, in the keys' order.
func (b *Bucket) List(ctx context.Context, folder, after string) (list []blob.Listed, more bool, err error) {
	if err := blob.CheckFolder(folder); err != nil {
		return nil, false, err
	}
	if list, more, err = b.list(ctx, folder, after); err != nil {
		return nil, false, err
	}
	return list, more, b.there(ctx) // after it: a bucket that went meanwhile lists nothing
}

func (b *Bucket) list(ctx context.Context, folder, after string) (list []blob.Listed, more bool, err error) {
	for {
		objects, more, err := b.page(ctx, folder+"/", after)
		for _, o := range objects {
			if blob.CheckKey(o.key) == nil {
				list = append(list, blob.Listed{Key: o.key, Size: o.size, Written: o.written})
			}
		}
		if err == nil && more && len(objects) == 0 {
			err = fmt.Errorf("list %s: the server says that more follows, and gives none", folder)
		}
		if err != nil || !more || len(list) > 0 {
			return list, more, err
		}
		// The page had nothing but what is not ours.
		after = objects[len(objects)-1].key
	}
}

func (b *Bucket) page(ctx context.Context, prefix, after string) (list []object, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(blob.ListPage)}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := b.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, false, fault("list", prefix, err)
	}
	for _, o := range out.Contents {
		list = append(list, object{aws.ToString(o.Key), aws.ToString(o.ETag), aws.ToInt64(o.Size), aws.ToTime(o.LastModified)})
	}
	slices.SortFunc(list, func(x, y object) int { return strings.Compare(x.key, y.key) })
	return list, aws.ToBool(out.IsTruncated), nil
}

// all lists what begins with a prefix.
func (b *Bucket) all(ctx context.Context, prefix string) (list []object, err error) {
	for after := ""; ; {
		part, more, err := b.page(ctx, prefix, after)
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
		if !more || len(part) == 0 {
			return list, nil
		}
		after = part[len(part)-1].key
	}
}

// begunPages bounds how many pages of what was begun one DiscardPartial looks at.
const begunPages = 100

// DiscardPartial ends what was begun in pieces before a time and never came to its end, and removes copies in the scratch folder whose process
// died.
func (b *Bucket) DiscardPartial(ctx context.Context, before time.Time) error {
	if young := time.Now().Add(-scratchAge); before.After(young) {
		sweep(b.options.Scratch, young)
	} else {
		sweep(b.options.Scratch, before)
	}
	return b.discardPartial(ctx, before, blob.ListPage)
}

func (b *Bucket) discardPartial(ctx context.Context, before time.Time, page int32) error {
	ctx, cancel := context.WithTimeout(ctx, 10*askTime)
	defer cancel()
	begun, failed := b.begun(ctx, page)
	errs := []error{failed}
	for _, u := range begun {
		if blob.CheckKey(aws.ToString(u.Key)) != nil || !aws.ToTime(u.Initiated).Before(before) {
			continue // not ours, or under way
		}
		_, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: u.Key, UploadId: u.UploadId})
		if err = fault("abort", *u.Key, err); !errors.Is(err, blob.ErrNotFound) { // another worker's sweep
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// begun lists what was begun in pieces. A page begins with the next key: what more was begun for the last one of a full page comes with
// the next sweep, since some servers do not know the id of an upload as a beginning. What came before an error is given with it.
func (b *Bucket) begun(ctx context.Context, page int32) (all []types.MultipartUpload, err error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &b.name, MaxUploads: &page}
	for range begunPages {
		out, err := b.client.ListMultipartUploads(ctx, in)
		if err != nil {
			return all, fault("list", "what was begun", err)
		}
		all = append(all, out.Uploads...)
		if !aws.ToBool(out.IsTruncated) || len(out.Uploads) == 0 {
			break
		}
		in.KeyMarker = out.Uploads[len(out.Uploads)-1].Key
	}
	return all, nil
}

// contextReader ends a copy when ctx does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// small reads an object that is small as a whole.
func (b *Bucket) small(ctx context.Context, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return nil, fault("read", key, err)
	}
	defer out.Body.Close()
	var all bytes.Buffer
	if _, err := io.Copy(&all, io.LimitReader(out.Body, 64<<20)); err != nil {
		return nil, fault("read", key, err)
	}
	return all.Bytes(), nil
}
