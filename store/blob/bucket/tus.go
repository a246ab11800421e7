package bucket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/store/blob"
)

// tusStore is what the tus handler writes to.
type tusStore struct{ of uploads }

// NewUpload implements tus.DataStore.
func (t tusStore) NewUpload(ctx context.Context, info tus.FileInfo) (tus.Upload, error) {
	if err := blob.CheckID(info.ID); err != nil {
		return nil, err
	}
	n := note{Size: info.Size, Part: max(partBytes, (info.Size+partsMost-1)/partsMost), MetaData: info.MetaData}
	text, err := json.Marshal(n)
	if err == nil {
		err = t.of.b.there(ctx)
	}
	if err != nil {
		return nil, err
	}
	if _, err := t.of.b.put(ctx, blob.UploadKey(info.ID)+blob.NoteSuffix, bytes.NewReader(text), only{absent: true}); err != nil {
		return nil, err
	}
	return &upload{of: t.of, id: info.ID, content: content{note: n}}, nil
}

// GetUpload implements tus.DataStore.
func (t tusStore) GetUpload(ctx context.Context, id string) (tus.Upload, error) {
	c, err := t.of.content(ctx, id)
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrKey) {
		return nil, tus.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &upload{of: t.of, id: id, content: c}, nil
}

// AsTerminatableUpload implements tus.TerminaterDataStore.
func (t tusStore) AsTerminatableUpload(u tus.Upload) tus.TerminatableUpload { return u.(*upload) }

// upload is one as it was when it was asked for, and what this request has appended since.
type upload struct {
	of uploads
	id string
	content
}

// GetInfo implements tus.Upload.
func (u *upload) GetInfo(context.Context) (tus.FileInfo, error) {
	return tus.FileInfo{ID: u.id, Size: u.Size, Offset: u.written.Received, MetaData: u.MetaData}, nil
}

// GetReader implements tus.Upload; the tus handler does not call it, since it gives nothing out.
func (u *upload) GetReader(ctx context.Context) (io.ReadCloser, error) {
	return u.of.readParts(ctx, u.content, 0, u.written.Received), nil
}

// FinishUpload implements tus.Upload: what is whole is a blob.
func (u *upload) FinishUpload(context.Context) error {
	if u.written.Received != u.Size {
		return fmt.Errorf("%d of %d bytes of upload %s are here", u.written.Received, u.Size, u.id)
	}
	return nil
}

// DeclareLength implements tus.LengthDeclarableUpload, for one whose size is found out with its last byte. Its parts stay as they are.
func (u *upload) DeclareLength(ctx context.Context, size int64) error {
	if size == u.Size {
		return nil
	}
	n := u.note
	n.Size = size
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if _, err := u.of.b.put(ctx, blob.UploadKey(u.id)+blob.NoteSuffix, bytes.NewReader(text), only{}); err != nil {
		return err
	}
	u.note = n
	return nil
}

// Terminate implements tus.TerminatableUpload.
func (u *upload) Terminate(ctx context.Context) error { return u.of.Discard(ctx, u.id) }

// WriteChunk implements tus.Upload. While one part is sent, the next one comes into a file. It counts the bytes that are kept.
func (u *upload) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	if u.whole || offset != u.written.Received {
		return 0, tus.ErrMismatchOffset
	}
	var sending *part
	for {
		next, came := u.fill(ctx, contextReader{ctx, src}, sending)
		err := u.sent(sending)
		sending = nil
		if err == nil && next.added > 0 {
			sending = u.send(ctx, next)
		} else {
			next.close()
		}
		if err != nil || came != nil || next.added == 0 || next.size < u.Part || next.begin+next.size >= u.Size {
			if err = errors.Join(err, u.sent(sending), came); errors.Is(err, errOther) {
				err = tus.ErrMismatchOffset
			}
			return u.written.Received - offset, err
		}
	}
}

// part is one that is being made.
type part struct {
	number      int
	begin, size int64 // where it begins in the upload, and what it has
	added       int64 // of that, by this request
	replace     only
	file        *os.File
	done        chan error // of its sending
	etag        string
}

func (p *part) close() {
	if p.file != nil {
		_ = p.file.Close()
	}
}

// fill makes the part after one that is being sent, or the next one, or the last one again where it is not whole. An error is the
// source's, or our own folder's; what came before it is in the part.
func (u *upload) fill(ctx context.Context, src io.Reader, after *part) (p *part, err error) {
	p = &part{number: len(u.parts), replace: only{absent: true}}
	var begun *object
	if after != nil {
		p.number = after.number + 1
	} else if last := len(u.parts) - 1; last >= 0 && u.parts[last].size < u.Part {
		begun = &u.parts[last]
		p.number, p.replace = last, only{etag: begun.etag}
	}
	p.begin = int64(p.number) * u.Part
	if p.file, err = u.of.b.spool(); err != nil {
		return p, err
	}
	if begun != nil {
		before := u.of.b.read(ctx, *begun, 0, begun.size)
		p.size, err = io.Copy(p.file, before)
		if err := errors.Join(err, before.Close()); err != nil {
			return p, local(err)
		}
	}
	p.added, err = io.Copy(p.file, io.LimitReader(src, min(u.Part, u.Size-p.begin)-p.size))
	p.size += p.added
	return p, local(err)
}

func (u *upload) send(ctx context.Context, p *part) *part {
	p.done = make(chan error, 1)
	go func() {
		var err error
		p.etag, err = u.of.b.put(ctx, partKey(u.id, p.number), io.NewSectionReader(p.file, 0, p.size), p.replace)
		p.done <- err
	}()
	return p
}

// sent waits for the end of a sending; nil is none.
func (u *upload) sent(p *part) error {
	if p == nil {
		return nil
	}
	err := <-p.done
	p.close()
	if err != nil {
		return err
	}
	o := object{key: partKey(u.id, p.number), etag: p.etag, size: p.size, written: time.Now()}
	u.parts = append(u.parts[:p.number], o)
	u.written.Received, u.written.Written = p.begin+p.size, o.written
	return nil
}
