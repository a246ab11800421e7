package bucket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	tus "github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/sys/unix"

	"volary.dev/store/blob"
)

// partBytes is the size of an upload's parts, of which there are partsMost at most.
const (
	partBytes = 16 << 20
	partsMost = 99_999
)

// uploads are those of a bucket, see doc.go.
type uploads struct{ b *Bucket }

// note is what uploads/ID.info has.
type note struct {
	Size     int64        `json:"size"` // bytes, as announced
	Part     int64        `json:"part"` // bytes of each part
	MetaData tus.MetaData `json:"metadata"`
}

// content is what is here of an upload.
type content struct {
	note
	parts   []object // in order, all whole but the last
	whole   bool     // it was put as one object, which is the only part
	written blob.Progress
}

func partKey(id string, n int) string { return fmt.Sprintf("%s.p%05d", blob.UploadKey(id), n) }

// content asks for the parts first: a note stays as it is.
func (u uploads) content(ctx context.Context, id string) (c content, err error) {
	if err := blob.CheckID(id); err != nil {
		return c, err
	}
	all, err := u.b.all(ctx, blob.UploadKey(id))
	if err != nil {
		return c, err
	}
	var noted *object
	var parts []object
	for _, o := range all {
		switch beside := strings.TrimPrefix(o.key, blob.UploadKey(id)); {
		case beside == "":
			return content{parts: []object{o}, whole: true, note: note{Size: o.size, Part: max(o.size, 1)}, written: blob.Progress{Received: o.size, Written: o.written}}, nil
		case beside == blob.NoteSuffix:
			noted = &o
		case strings.HasPrefix(beside, ".p"):
			parts = append(parts, o)
		}
	}
	if noted == nil {
		return c, u.b.absent(ctx, fmt.Errorf("%w: upload %s", blob.ErrNotFound, id))
	}
	text, err := u.b.small(ctx, noted.key)
	if err == nil {
		err = json.Unmarshal(text, &c.note)
	}
	if err == nil && c.Part <= 0 {
		err = errors.New("it has no parts' size")
	}
	if err != nil {
		return c, fmt.Errorf("note of upload %s: %w", id, err)
	}
	c.written.Written = noted.written
	for n, o := range parts {
		if o.key != partKey(id, n) || c.written.Received != int64(n)*c.Part {
			break // after a part that is not whole nothing is here
		}
		c.parts = append(c.parts, o)
		c.written.Received += min(o.size, c.Part)
		if o.written.After(c.written.Written) {
			c.written.Written = o.written
		}
	}
	return c, nil
}

// Progress lists the parts.
func (u uploads) Progress(ctx context.Context, id string) (blob.Progress, error) {
	c, err := u.content(ctx, id)
	return c.written, err
}

// Room is what is configured, as long as the scratch folder has room for what is on its way.
func (u uploads) Room(ctx context.Context) (blob.Room, error) {
	if err := u.b.there(ctx); err != nil {
		return blob.Room{}, err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(u.b.options.Scratch, &fs); err != nil {
		return blob.Room{}, fmt.Errorf("room in the scratch folder: %w", err)
	}
	if fs.Bavail < uint64(blob.LeastFree/fs.Bsize) { //nolint:gosec // neither is negative
		return blob.Room{}, fmt.Errorf("%w: the scratch folder has less than %d MiB free", blob.ErrFull, blob.LeastFree>>20)
	}
	return blob.Room{Bound: u.b.options.Bound}, nil
}

// Range reads over the parts.
func (u uploads) Range(ctx context.Context, id string, from, length int64) (io.ReadCloser, error) {
	ranges, err := u.Ranges(ctx, id)
	if err != nil {
		return nil, err
	}
	return ranges(ctx, from, length)
}

// Ranges lists the parts once.
func (u uploads) Ranges(ctx context.Context, id string) (blob.Ranges, error) {
	c, err := u.content(ctx, id)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, from, length int64) (io.ReadCloser, error) {
		return u.readParts(ctx, c, from, length), nil
	}, nil
}

func (u uploads) openWhole(ctx context.Context, id string) (io.ReadCloser, int64, error) {
	c, err := u.content(ctx, id)
	if err != nil {
		return nil, 0, err
	}
	return u.readParts(ctx, c, 0, c.written.Received), c.written.Received, nil
}

func (u uploads) readParts(ctx context.Context, c content, from, length int64) io.ReadCloser {
	var all parts
	for n, o := range c.parts {
		begin := int64(n) * c.Part
		first, end := max(from, begin), min(from+length, begin+o.size)
		if first < end {
			all = append(all, u.b.read(ctx, o, first-begin, end-first))
		}
	}
	return &all
}

// parts are read one after the other. None has a line before its first byte is read.
type parts []io.ReadCloser

// Read implements io.Reader.
func (p *parts) Read(to []byte) (int, error) {
	for len(*p) > 0 {
		n, err := (*p)[0].Read(to)
		if !errors.Is(err, io.EOF) || n > 0 {
			return n, err
		}
		_ = (*p)[0].Close()
		*p = (*p)[1:]
	}
	return 0, io.EOF
}

// Close implements io.Closer.
func (p *parts) Close() error {
	for _, r := range *p {
		_ = r.Close()
	}
	*p = nil
	return nil
}

// Sums reads the object of sums.
func (u uploads) Sums(ctx context.Context, id string) ([]byte, error) {
	if err := blob.CheckID(id); err != nil {
		return nil, err
	}
	sums, err := u.b.small(ctx, blob.UploadKey(id)+blob.SumsSuffix)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, u.b.there(ctx)
	}
	return sums, err
}

// KeepSums writes it anew.
func (u uploads) KeepSums(ctx context.Context, id string, sums []byte) error {
	if err := blob.CheckID(id); err != nil {
		return err
	}
	if err := u.b.there(ctx); err != nil {
		return err
	}
	_, err := u.b.put(ctx, blob.UploadKey(id)+blob.SumsSuffix, bytes.NewReader(sums), only{})
	return err
}

// Discard removes the note last: as long as it is there, the rest is found by it.
func (u uploads) Discard(ctx context.Context, id string) error {
	if err := blob.CheckID(id); err != nil {
		return err
	}
	all, err := u.b.all(ctx, blob.UploadKey(id))
	if err == nil && len(all) == 0 {
		err = u.b.there(ctx)
	}
	if err != nil {
		return err
	}
	note := blob.UploadKey(id) + blob.NoteSuffix
	var keys []string
	for _, o := range all {
		if o.key != note {
			keys = append(keys, o.key)
		}
	}
	if err := u.b.removeAll(ctx, keys); err != nil || len(keys) == len(all) {
		return err
	}
	return u.b.remove(ctx, note)
}

// Tus is the tus handler's store.
func (u uploads) Tus() blob.TusStore { return tusStore{u} }
