package image

import (
	"errors"
	"hash"
	"sync"
)

// hashing is the hash of the upload while other work goes on: it reads what that reads as well, and takes a processor of its own.
type hashing struct {
	done   chan struct{} // nil: not begun
	digest string
	err    error
	once   sync.Once
}

// errOther is the cause of the end of the work on a file that is not the one that was announced. Who fails for another reason does not wait for the
// hash: what lacks room comes back every minute.
var errOther = errors.New("the file is another one than was announced")

// hash begins to hash the upload, if it has not begun. A digest that is not the one that was given ends the rest.
func (w *verification) hash(members ...span) {
	w.sum.once.Do(func() {
		w.sum.done = make(chan struct{})
		go func() {
			defer close(w.sum.done)
			w.sum.digest, w.sum.err = digestSpans(w.ctx, w.file, w.size, members)
			if w.sum.err == nil && w.limits.Digest != "" && w.sum.digest != w.limits.Digest {
				w.cancel(errOther)
			}
		}()
	})
}

func (s *hashing) begun() bool { return s.done != nil }

// wait gives the digest, or nothing where it was not begun.
func (s *hashing) wait() (string, error) {
	if s.done == nil {
		return "", nil
	}
	<-s.done
	return s.digest, s.err
}

// span is a part of the upload that has a digest of its own.
type span struct {
	at, size int64
	into     hash.Hash
}
