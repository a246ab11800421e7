package image

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// unpackOrders are those of the task "unpack": what the file is compressed with, gzip or zstd.
type unpackOrders struct{ Format string }

// unpackTask writes what is in a compressed file to standard output, and tells how many bytes of the file are done.
func unpackTask(in, _ *os.File, orders json.RawMessage, tell func(done int64)) (any, error) {
	var o unpackOrders
	if err := json.Unmarshal(orders, &o); err != nil {
		return nil, err
	}
	var to writer
	from := &counted{r: in, tell: tell, out: &to.n}
	var err error
	if o.Format == "zstd" {
		err = unpackZstd(&to, from)
	} else {
		err = unpackGzip(&to, from)
	}
	if to.err != nil { // the parent takes no more, or is gone
		return nil, to.err
	}
	if err != nil {
		return nil, streamFault(o.Format, err, from.n)
	}
	return struct{}{}, nil
}

// counted counts what is read, and ends a file that is made of next to nothing: empty frames and members cost their reader far more time than
// their maker. What does not compress becomes a little longer than it was, and decoders read ahead.
type counted struct {
	r    io.Reader
	n    int64
	tell func(int64)
	out  *atomic.Int64 // what came of it
}

const readAhead = 4 << 20

// errEmpty is of a file that is longer than twice what comes out of it.
var errEmpty = errors.New("most of it is empty")

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	if c.n > readAhead+2*c.out.Load() {
		return 0, errEmpty
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

// writer is standard output, and keeps apart what is its fault.
type writer struct {
	n   atomic.Int64
	err error
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	n, err := os.Stdout.Write(p)
	w.n.Add(int64(n))
	w.err = err
	return n, err
}

func unpackZstd(to io.Writer, from io.Reader) error {
	r, err := zstd.NewReader(from, zstd.WithDecoderMaxWindow(unwrapMemory), zstd.WithDecoderMaxMemory(1<<42), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.CopyBuffer(to, struct{ io.Reader }{r}, make([]byte, 1<<20))
	return err
}

// errTrailing is of bytes behind a stream that are none of its own.
var errTrailing = errors.New("something else lies behind it")

// unpackGzip takes one member after the other. Zeros behind the last are what tapes and blocks of devices leave.
func unpackGzip(to io.Writer, from io.Reader) error {
	in := bufio.NewReaderSize(from, 1<<20)
	buf := make([]byte, 1<<20)
	r, err := gzip.NewReader(in)
	for ; err == nil; err = r.Reset(in) {
		r.Multistream(false)
		if _, err := io.CopyBuffer(to, struct{ io.Reader }{r}, buf); err != nil {
			return err
		}
		start, ended := in.Peek(2)
		switch {
		case errors.Is(ended, io.EOF) && strings.Trim(string(start), "\x00") == "":
			return nil
		case ended != nil && !errors.Is(ended, io.EOF):
			return ended
		case string(start) != "\x1f\x8b":
			return onlyZeros(in)
		}
	}
	return err
}

func onlyZeros(in *bufio.Reader) error {
	for {
		part, err := in.Peek(1 << 10)
		if len(strings.Trim(string(part), "\x00")) > 0 {
			return errTrailing
		}
		if len(part) == 0 || err != nil && !errors.Is(err, io.EOF) {
			return errIfNotEOF(err)
		}
		if _, err := in.Discard(len(part)); err != nil {
			return err
		}
	}
}

// streamFault says what is wrong with a compressed file, of which n bytes were read. An error of reading is the machine's.
func streamFault(format string, err error, n int64) error {
	var broken flate.CorruptInputError
	var internal flate.InternalError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return faultCut(format)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return &fileFault{
			Detail: fmt.Sprintf("The checksum in the %s file is not that of what was unpacked: bytes of it changed on the way.", format),
			Repair: "Copy it again from where it was made, and test it: `" + format + " -t FILE`.",
		}
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return faultMemory(format, "zstd -dc FILE | zstd > disk.zst")
	case errors.Is(err, errEmpty):
		return &fileFault{
			Detail: fmt.Sprintf("Of its first %s comes not half as much: it is made of empty parts.", bytesText(n)),
			Repair: "Compress the disk anew: `" + unwrappings[format] + " FILE > disk && " + format + " disk`.",
		}
	case errors.Is(err, errTrailing), errors.Is(err, zstd.ErrMagicMismatch), errors.Is(err, gzip.ErrHeader):
		return faultTrailing(format)
	case errors.Is(err, zstd.ErrUnknownDictionary):
		return &fileFault{Detail: "It was compressed with a dictionary of its own, which is not in it.", Repair: "Compress the disk without: `zstd disk.raw`."}
	case errors.As(err, &broken), errors.As(err, &internal), !isReading(err):
		return faultBroken(format, err.Error())
	}
	return fmt.Errorf("unpack at byte %d: %w", n, err)
}

// isReading tells an error of the file system from one of the decoders.
func isReading(err error) bool {
	var path *os.PathError
	return errors.As(err, &path)
}

func errIfNotEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
