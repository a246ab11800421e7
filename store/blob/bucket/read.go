package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"volary.dev/store/blob"
)

// How a broken line is mended: so often in a row without a byte, and after such pauses. A server that is silent for silentTime in the
// middle of a body is taken for gone.
const (
	mendTries  = 6
	mendPause  = 200 * time.Millisecond // the first, each next one twice as long
	silentTime = 30 * time.Second
)

// reader reads a range of an object that does not change meanwhile, over as many lines as it takes.
type reader struct {
	ctx      context.Context
	b        *Bucket
	from     object
	at, end  int64
	body     io.ReadCloser
	cancel   context.CancelFunc // of the line
	silent   *time.Timer        // ends it
	failures int                // since the last byte
}

// read gives length bytes of an object from an offset on.
func (b *Bucket) read(ctx context.Context, o object, from, length int64) io.ReadCloser {
	return &reader{ctx: ctx, b: b, from: o, at: from, end: min(o.size, from+length)}
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for {
		if r.at >= r.end {
			return 0, io.EOF
		}
		if len(p) == 0 {
			return 0, nil
		}
		n, err := r.try(p)
		if n > 0 {
			r.at += int64(n)
			r.failures = 0
			return n, nil
		}
		r.hangUp()
		switch r.failures++; {
		case r.ctx.Err() != nil:
			return 0, context.Cause(r.ctx)
		case errors.Is(err, blob.ErrNotFound), errors.Is(err, errOther):
			return 0, fmt.Errorf("%w: it changed while it was read", err)
		case r.failures >= mendTries:
			return 0, err
		}
		pause := time.NewTimer(mendPause << (r.failures - 1))
		select {
		case <-r.ctx.Done():
			pause.Stop()
			return 0, context.Cause(r.ctx)
		case <-pause.C:
		}
	}
}

// try reads from the line, which it makes where there is none. An end before ours is a failure.
func (r *reader) try(p []byte) (int, error) {
	if r.body == nil {
		if err := r.call(); err != nil {
			return 0, err
		}
	}
	r.silent.Reset(silentTime)
	n, err := r.body.Read(p[:min(int64(len(p)), r.end-r.at)])
	r.silent.Stop()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, fault("read", r.from.key, err)
}

func (r *reader) call() error {
	ctx, cancel := context.WithCancel(r.ctx)
	r.silent = time.AfterFunc(silentTime, cancel)
	out, err := r.b.client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &r.b.name, Key: &r.from.key, IfMatch: aws.String(r.from.etag), Range: aws.String(fmt.Sprintf("bytes=%d-%d", r.at, r.end-1)),
	})
	if err != nil {
		cancel()
		r.silent.Stop()
		return fault("read", r.from.key, err)
	}
	r.body, r.cancel = out.Body, cancel
	return nil
}

func (r *reader) hangUp() {
	if r.body != nil {
		r.silent.Stop()
		r.cancel()
		_ = r.body.Close()
		r.body = nil
	}
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.hangUp()
	r.at = r.end
	return nil
}
