package uploads

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The samples of a fingerprint, see doc.go. A file of at most sampledWhole bytes is read as a whole.
const (
	fingerprintScheme = "s1-"
	sampledWhole      = 4 << 20
	sampledEnd        = 1 << 20 // at the beginning and at the end
	samplePieces      = 30
	samplePiece       = 64 << 10
)

// Fingerprint reads at most 4 MiB of a file of size bytes.
func Fingerprint(file io.ReaderAt, size int64) (string, error) {
	return fingerprint(size, func(at, length int64) (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(file, at, length)), nil
	})
}

// fingerprint opens each of a file's samples once, and whole.
func fingerprint(size int64, open func(at, length int64) (io.ReadCloser, error)) (string, error) {
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, size)
	for _, s := range samples(size) {
		part, err := open(s.at, s.length)
		if err != nil {
			return "", fmt.Errorf("fingerprint: %w", err)
		}
		n, err := io.Copy(h, part)
		if err := errors.Join(err, part.Close()); err != nil || n != s.length {
			return "", fmt.Errorf("fingerprint: %d of %d bytes at %d: %w", n, s.length, s.at, err)
		}
	}
	return fingerprintScheme + hex.EncodeToString(h.Sum(nil)), nil
}

type sample struct{ at, length int64 }

func samples(size int64) []sample {
	if size <= sampledWhole {
		return []sample{{0, size}}
	}
	list := []sample{{0, sampledEnd}}
	for i := range int64(samplePieces) {
		list = append(list, sample{(i + 1) * (size / (samplePieces + 1)), samplePiece})
	}
	return append(list, sample{size - sampledEnd, sampledEnd})
}

// known tells a fingerprint that Fingerprint makes; those of other schemes are compared and no more.
func known(fingerprint string) bool { return strings.HasPrefix(fingerprint, fingerprintScheme) }
