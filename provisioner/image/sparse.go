package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// peekSize is how many bytes of what comes out of a wrapper are seen before any is written. It is a multiple of guestBlock.
const peekSize = 1 << 20

// sparse takes bytes as they come out of a wrapper and writes them to a file; what is zeros becomes holes. It runs outside of the
// child: it compares bytes with zeros and counts them, and understands nothing of them.
type sparse struct {
	file    *os.File
	most    int64 // bytes with holes; more are refused
	written int64 // bytes without holes so far
	// mostWritten bounds written by what the file has that they came from: a file that unfolds to absurdly more is made to fill disks.
	mostWritten int64
	at          int64 // bytes so far
	reserve     func(n int64) error
	judge       func(start []byte, all bool) error // of the first peekSize bytes, or all; may be nil
	tell        func(at int64)                     // may be nil
	making      *imaging                           // of a raw disk, its canonical form; judge may set it
	table       int64                              // the last part of the disk for whose second-level table room was reserved, from 1 on
}

// until reads until a context ends.
type until struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

// errUnfolds is a file that unfolds to more than its most bytes, errBomb one that unfolds to absurdly many times what it has.
var (
	errUnfolds = errors.New("unfolds to more than is taken")
	errBomb    = errors.New("unfolds to absurdly much")
)

// take writes all that r gives. What judge, reserve and the bounds say ends it.
func (s *sparse) take(r io.Reader) error {
	buf := make([]byte, peekSize)
	for {
		n, err := io.ReadFull(r, buf)
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return fmt.Errorf("unpack at %d bytes: %w", s.at, err)
		}
		if s.at == 0 && s.judge != nil {
			if err := s.judge(buf[:n], end); err != nil {
				return err
			}
		}
		if err := s.write(buf[:n]); err != nil {
			return err
		}
		if s.tell != nil {
			s.tell(s.at)
		}
		if s.making != nil && n > 0 {
			buf = s.making.guest.take(s.at-int64(n), buf[:n])
		}
		if end {
			return s.file.Truncate(s.at)
		}
	}
}

func (s *sparse) write(data []byte) error {
	if s.at+int64(len(data)) > s.most {
		return errUnfolds
	}
	begin := -1
	for n := 0; n <= len(data); n += guestBlock {
		zero := n == len(data) || allZeros(data[n:min(n+guestBlock, len(data))])
		switch {
		case !zero && begin < 0:
			begin = n
		case zero && begin >= 0:
			if err := s.extent(data[begin:n], s.at+int64(begin)); err != nil {
				return err
			}
			begin = -1
		}
	}
	if begin >= 0 { // the end is no whole block
		if err := s.extent(data[begin:], s.at+int64(begin)); err != nil {
			return err
		}
	}
	s.at += int64(len(data))
	return nil
}

func (s *sparse) extent(data []byte, at int64) error {
	s.written += int64(len(data))
	if s.written > s.mostWritten {
		return errBomb
	}
	if err := s.reserve(int64(len(data)) + s.canonical(int64(len(data)), at)); err != nil {
		return err
	}
	_, err := s.file.WriteAt(data, at)
	return err
}

// canonical is what so many bytes at a place of the disk take at most in the canonical form that is made meanwhile.
func (s *sparse) canonical(bytes, at int64) int64 {
	if s.making == nil {
		return 0
	}
	need := bytes + bytes/50
	if table := at/canonicalCovers + 1; table != s.table {
		s.table = table
		need += 2 * canonicalCluster // it, and what is left free before it
	}
	return need
}

// abandon ends the making of a canonical form that is not wanted any more.
func (s *sparse) abandon() {
	if s.making != nil {
		s.making.abandon()
	}
}
