package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/typed"
)

// Changed says that a blob's bytes are others than its name says.
func Changed(p Part, got string) *Fault {
	return &Fault{Detail: fmt.Sprintf("The bytes of the blob %s have the SHA-256 %s: at least one of them changed.", p.Digest, got), Repair: copyAgain}
}

// Small gives a part that is read as a whole, and compares its digest: the document, the keys, a certificate. *Fault where it is another's.
func Small(in io.ReaderAt, p Part) ([]byte, error) {
	text := make([]byte, p.Size)
	if _, err := io.ReadFull(io.NewSectionReader(in, p.At, p.Size), text); err != nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	if got := hash(text); got != p.Digest {
		return nil, Changed(p, got)
	}
	return text, nil
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ReadDocument gives the document, canonical and checked, with each image that it names: which part of the bundle that is. *Fault otherwise.
func (c Contents) ReadDocument(in io.ReaderAt) (document []byte, images []Named, err error) {
	if document, err = Small(in, c.Document); err != nil {
		return nil, nil, err
	}
	m, err := manifest.Read(document)
	if err != nil || !bytes.Equal(manifest.Canonical(m), document) {
		return nil, nil, fault(Again, "Its document is none that this deployment reads.")
	}
	if wrong := manifest.Check(m); len(wrong) > 0 {
		return nil, nil, fault("Mend it where it was made, and export it again.", "Its document is not what a version has to be: %s.", short(firstOf(wrong)))
	}
	wanted, err := Names(document)
	if err != nil {
		return nil, nil, err
	}
	used := map[string]bool{}
	for _, i := range wanted {
		at := slices.IndexFunc(c.Images, func(p ImagePart) bool { return p.Guest == i.Guest })
		if at < 0 {
			return nil, nil, fault(Again, "It lacks an image that its document names: \"%s\", of which a guest reads %s.", typed.Isolate(i.Name), i.Guest)
		}
		used[i.Guest] = true
		images = append(images, Named{Name: i.Name, ImagePart: c.Images[at]})
	}
	for _, p := range c.Images {
		if !used[p.Guest] {
			return nil, nil, fault(Again, "It has an image that its document does not name: \"%s\".", typed.Isolate(p.Name))
		}
	}
	return document, images, nil
}

// Named is an image by a name that the document has for it.
type Named struct {
	Name string
	ImagePart
}

// Extract copies an image out of the archive and compares its digest. *Fault where its bytes are others; what was written then is the caller's to remove.
func Extract(ctx context.Context, in io.ReaderAt, p Part, to io.Writer) error {
	h := sha256.New()
	_, err := io.Copy(io.MultiWriter(to, h), contextReader{ctx, io.NewSectionReader(in, p.At, p.Size)})
	if err != nil {
		return fmt.Errorf("take %s out of a bundle: %w", p.Digest, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != p.Digest {
		return Changed(p, got)
	}
	return nil
}

// AsFault finds the fault in an error.
func AsFault(err error) (*Fault, bool) {
	var f *Fault
	return f, errors.As(err, &f)
}

// firstOf is one of a document's faults with its place: the first of their order.
func firstOf(wrong map[string]string) string {
	path := slices.Sorted(maps.Keys(wrong))[0]
	return strings.TrimPrefix(path+": ", ": ") + strings.TrimSuffix(wrong[path], ".")
}
