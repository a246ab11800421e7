package uploads

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/blob"
)

const (
	sumBlock = 4 << 20 // bytes of one sum
	sumsEach = 64      // of one answer, and computed at a time: half a second's work
	sumsAt   = 2       // parts that are computed at a time, of all people
	keepTime = 20 * time.Second
)

// sums are SHA-256 of an upload's blocks. What has arrived of it never changes, so that a whole block's sum is kept beside it,
// for the next question and over restarts. Nothing is computed before somebody asks: an upload that was never cut costs nothing.
type sums struct {
	store  blob.Uploads
	making chan struct{} // bounds how many parts are computed at a time
	mu     sync.Mutex    // of what is kept; another process keeps the same
}

func newSums(store blob.Uploads) *sums {
	return &sums{store: store, making: make(chan struct{}, sumsAt)}
}

// of gives the sums of the blocks from a first one on, at most `most` (0: all) of them, of the first `end` bytes; the last
// block may be shorter.
func (s *sums) of(ctx context.Context, id string, first, end, most int64) (list [][sha256.Size]byte, err error) {
	last := (end + sumBlock - 1) / sumBlock
	if most > 0 {
		last = min(last, first+most)
	}
	whole := min(last, end/sumBlock)
	kept, err := s.whole(ctx, id, whole)
	if err != nil {
		return nil, fmt.Errorf("sums of upload %s: %w", id, err)
	}
	for at := first; at < whole; at++ {
		list = append(list, [sha256.Size]byte(kept[at*sha256.Size:]))
	}
	if first <= whole && whole < last {
		sum, err := s.short(ctx, id, whole*sumBlock, end)
		if err != nil {
			return nil, fmt.Errorf("sums of upload %s: %w", id, err)
		}
		list = append(list, sum)
	}
	return list, nil
}

// whole gives the kept sums of at least the first n blocks. What is missing is computed in the blocks' order, a part at a time, and each part is
// kept whether its asker stays or not: no block is computed for every question about it, and no question holds a place until
// a large upload is read.
func (s *sums) whole(ctx context.Context, id string, n int64) ([]byte, error) {
	for {
		kept, err := s.store.Sums(ctx, id)
		if err != nil {
			return nil, err
		}
		if int64(len(kept)/sha256.Size) >= n {
			return kept, nil
		}
		if err := s.part(ctx, id, n); err != nil {
			return nil, err
		}
	}
}

// part computes and keeps the next sums, at most sumsEach of them and none after the first n blocks.
func (s *sums) part(ctx context.Context, id string, n int64) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	// Read here: who waited for a place may find it done.
	kept, err := s.store.Sums(ctx, id)
	if err != nil {
		return err
	}
	from := int64(len(kept) / sha256.Size)
	kept = kept[:from*sha256.Size]
	end := min(n, from+sumsEach)
	if end <= from {
		return nil
	}
	blocks, err := s.store.Range(ctx, id, from*sumBlock, (end-from)*sumBlock) // once: a bucket is asked for each range
	if err != nil {
		return err
	}
	defer blocks.Close()
	for at := from; at < end && ctx.Err() == nil; at++ {
		sum, err := sumOf(blocks, at*sumBlock, sumBlock)
		if err != nil {
			return errors.Join(err, s.keep(ctx, id, kept))
		}
		kept = append(kept, sum[:]...)
	}
	return errors.Join(s.keep(ctx, id, kept), ctx.Err())
}

// short is the sum of a last block, which is not kept: more of it may come.
func (s *sums) short(ctx context.Context, id string, at, end int64) (sum [sha256.Size]byte, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return sum, err
	}
	defer leave()
	block, err := s.store.Range(ctx, id, at, end-at)
	if err != nil {
		return sum, err
	}
	defer block.Close()
	return sumOf(block, at, end-at)
}

// enter takes a place, until leave is called.
func (s *sums) enter(ctx context.Context) (leave func(), err error) {
	select {
	case s.making <- struct{}{}:
		return func() { <-s.making }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sumOf reads the next bytes, which are those at an offset.
func sumOf(from io.Reader, at, length int64) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	if n, err := io.CopyN(h, from, length); err != nil {
		return sum, fmt.Errorf("%d of %d bytes at %d: %w", n, length, at, err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// keep keeps sums that are more than what is kept, even for one who has left.
func (s *sums) keep(ctx context.Context, id string, kept []byte) error {
	if len(kept) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, err := s.store.Sums(ctx, id); err != nil || len(before) >= len(kept) {
		return err
	}
	return s.store.KeepSums(ctx, id, kept)
}

// digest is the one of the first `end` bytes: SHA-256 of their blocks' sums.
func (s *sums) digest(ctx context.Context, id string, end int64) (string, error) {
	list, err := s.of(ctx, id, 0, end, 0)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, sum := range list {
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sumsAnswer is what GET /uploads/{id}/sums?from=N tells.
type sumsAnswer struct {
	Block    int64    `json:"block"`    // bytes
	From     int64    `json:"from"`     // the first block told of
	Received int64    `json:"received"` // bytes of the upload that are here
	Sums     []string `json:"sums"`     // SHA-256 in hex, of one block after the other; none after the end of what is here
}

// Sums tells whoever has the file, and may send it, whether it is the one of which some is here, block by block.
func (u *Handler) Sums(c echo.Context) error {
	if s := request.Session(c); !request.May(s, request.OrgWork) {
		return request.Refuse(s, request.OrgWork) // an auditor reads pages
	}
	id, who := c.Param("id"), sentBy(c)
	upload, err := u.uploadFor(c, who, id)
	if err != nil {
		return err
	}
	from, err := strconv.ParseInt(cmp.Or(c.QueryParam("from"), "0"), 10, 32)
	if err != nil || from < 0 {
		return &refusal.Error{Code: "malformed", Title: "The first block is no number.", Next: "Ask with ?from=0."}
	}
	received := u.Received(c.Request().Context(), upload.ID)
	answer := sumsAnswer{Block: sumBlock, From: from, Received: received, Sums: []string{}}
	if from*sumBlock < received {
		list, err := u.sums.of(c.Request().Context(), upload.ID, from, received, sumsEach)
		if err != nil {
			return err
		}
		for _, sum := range list {
			answer.Sums = append(answer.Sums, hex.EncodeToString(sum[:]))
		}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, answer)
}

// sentBy is who sends a request, and what it says of itself.
func sentBy(c echo.Context) principal {
	s, h := request.Session(c), c.Request().Header
	return principal{
		organization: *s.OrganizationID, person: s.PersonID,
		fingerprint: h.Get(fingerprintHeader), sender: h.Get(senderHeader), received: h.Get(receivedHeader), digest: h.Get(digestHeader),
	}
}
