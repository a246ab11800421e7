package uploads

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"volary.dev/handlers/request"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/blob"
)

const (
	sumBlock = 4 << 20 // bytes of one sum
	sumsEach = 64      // of one answer: half a second's work
	sumsAt   = 2       // answers that are made at a time, of all people
)

// sums are SHA-256 of an upload's blocks. What has arrived of it never changes, so that a whole block's sum is kept beside it,
// for the next question and over restarts. Nothing is computed before somebody asks: an upload that was never cut costs nothing.
type sums struct {
	folder string
	making chan struct{} // bounds how many are made at a time
	mu     sync.Mutex    // of the files
}

func newSums(folder string) *sums {
	return &sums{folder: folder, making: make(chan struct{}, sumsAt)}
}

// of gives the sums of the blocks from a first one on, at most `most` (0: all) of them, of the first `end` bytes; the last
// block may be shorter.
func (s *sums) of(ctx context.Context, id string, first, end int64, most int) ([][sha256.Size]byte, error) {
	select {
	case s.making <- struct{}{}:
		defer func() { <-s.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	name := filepath.Join(s.folder, filepath.Base(id))
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("sums of upload %s: %w", id, errors.Unwrap(err))
	}
	defer file.Close()
	kept, err := os.ReadFile(name + blob.SumsSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("sums of upload %s: %w", id, errors.Unwrap(err))
	}
	var list [][sha256.Size]byte
	for at := first; at*sumBlock < end && (most == 0 || len(list) < most); at++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		length := min(sumBlock, end-at*sumBlock)
		whole, place := length == sumBlock, int(at)*sha256.Size
		if whole && len(kept) >= place+sha256.Size {
			list = append(list, [sha256.Size]byte(kept[place:place+sha256.Size]))
			continue
		}
		sum, err := sumOf(file, at*sumBlock, length)
		if err != nil {
			return nil, fmt.Errorf("sums of upload %s: %w", id, err)
		}
		list = append(list, sum)
		if whole && len(kept)/sha256.Size == int(at) { // the next one to keep
			kept = append(kept[:place], sum[:]...)
		}
	}
	return list, s.keep(name+blob.SumsSuffix, kept)
}

func sumOf(file io.ReaderAt, at, length int64) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	if n, err := io.Copy(h, io.NewSectionReader(file, at, length)); err != nil || n != length {
		return sum, fmt.Errorf("%d of %d bytes at %d: %w", n, length, at, err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// keep writes sums that are more than what is kept. They are on the disk before they have their name: a sum of zeros after a power
// cut would tell people that their own file is another.
func (s *sums) keep(name string, kept []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if info, err := os.Stat(name); err == nil && info.Size() >= int64(len(kept)) || len(kept) == 0 {
		return nil
	}
	half := strings.TrimSuffix(name, blob.SumsSuffix) + blob.HalfSumsSuffix
	f, err := os.OpenFile(half, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return inOurWords(err)
	}
	_, err = f.Write(kept)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return inOurWords(err)
	}
	return inOurWords(os.Rename(half, name))
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
		return u.plainly(c, request.Refuse(s, request.OrgWork)) // an auditor reads pages
	}
	id, who := c.Param("id"), sentBy(c)
	upload, err := u.uploadFor(c, who, id)
	if err != nil {
		return u.plainly(c, err)
	}
	from, err := strconv.ParseInt(cmp.Or(c.QueryParam("from"), "0"), 10, 32)
	if err != nil || from < 0 {
		return u.plainly(c, &refusal.Error{Code: "malformed", Title: "The first block is no number.", Next: "Ask with ?from=0."})
	}
	received := u.Received(upload.ID)
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
		fingerprint: h.Get(fingerprintHeader), sender: h.Get(senderHeader), received: h.Get(receivedHeader),
	}
}
