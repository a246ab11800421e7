package loops

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// ProbeImage is the sample image as a file.
type ProbeImage struct {
	path, Digest string
	Size         int64
}

// OpenProbeImage reads which bytes the image of probe guests has.
func OpenProbeImage(path string) (ProbeImage, error) {
	if path == "" {
		return ProbeImage{}, errors.New("this worker has no image to boot: make it with `volary sample build` and set VOLARY_PROBE_IMAGE to its path")
	}
	f, err := os.Open(path)
	if err != nil {
		return ProbeImage{}, fmt.Errorf("probe image: %w", err)
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return ProbeImage{}, fmt.Errorf("probe image: %w", err)
	}
	return ProbeImage{path, hex.EncodeToString(sum.Sum(nil)), n}, nil
}

// Open reads its bytes.
func (i ProbeImage) Open(context.Context) (io.ReadCloser, error) { return os.Open(i.path) }
