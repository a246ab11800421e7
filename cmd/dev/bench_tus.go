package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"

	"volary.dev/cmd/internal/session"
)

// sender sends files by tus in pieces of the sizes that the page's have, to the portal or to the bare handler.
type sender struct {
	address string // "http://127.0.0.1:1234"
	cookies []*http.Cookie
}

const (
	firstPiece   = int64(8 << 20)
	largestPiece = int64(256 << 20)
)

// noDigest is of no file: what is announced with it is refused once all of it is here, and gone.
var noDigest = strings.Repeat("0", 64)

// send gives the upload's id. Digest, which may be empty, is the SHA-256 that the file is said to have.
func (s sender) send(ctx context.Context, file *os.File, size int64, digest string) (id string, err error) {
	encode := base64.StdEncoding.EncodeToString
	metadata := "filename " + encode([]byte(path.Base(file.Name())))
	if digest != "" {
		metadata += ",sha256 " + encode([]byte(digest))
	}
	made, err := s.ask(ctx, http.MethodPost, "/uploads/", nil, 0, map[string]string{"Upload-Length": strconv.FormatInt(size, 10), "Upload-Metadata": metadata})
	if err != nil {
		return "", err
	}
	id = path.Base(made.Get("Location"))
	piece := firstPiece
	for at := int64(0); at < size; {
		n := min(piece, size-at)
		if _, err := s.ask(ctx, http.MethodPatch, "/uploads/"+id, io.NewSectionReader(file, at, n), n, map[string]string{
			"Upload-Offset": strconv.FormatInt(at, 10), "Content-Type": "application/offset+octet-stream",
		}); err != nil {
			return "", fmt.Errorf("at %d of %d bytes: %w", at, size, err)
		}
		at += n
		piece = min(2*piece, largestPiece)
	}
	return id, nil
}

// errNotTaken is an answer that says no.
var errNotTaken = errors.New("not taken")

func (s sender) ask(ctx context.Context, method, where string, body io.Reader, length int64, header map[string]string) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.address+where, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = length
	req.Header.Set("Tus-Resumable", "1.0.0")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	for _, c := range s.cookies {
		req.AddCookie(c)
	}
	resp, err := session.Stay().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusNoContent {
		return nil, fmt.Errorf("%w: %s %s: %s %s", errNotTaken, method, where, resp.Status, strings.TrimSpace(string(said)))
	}
	return resp.Header, nil
}
