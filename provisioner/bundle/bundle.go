package bundle

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"volary.dev/provisioner/manifest"
)

// The types of a bundle's parts, and the names of its annotations.
const (
	ArtifactType         = "application/vnd.volary.model.v1+json"
	MediaTypeDocument    = "application/vnd.volary.model.document.v1+json"
	MediaTypeImage       = "application/vnd.volary.image.v1.qcow2"
	MediaTypeCertificate = "application/vnd.volary.certificate.v1+json"      // a DSSE envelope (provisioner/certificate)
	MediaTypeKeys        = "application/vnd.volary.certificate.keys.v1+json" // certificate.Ring

	annotationModel   = "dev.volary.model"
	annotationVersion = v1.AnnotationVersion
	annotationSource  = v1.AnnotationSource
	annotationImage   = v1.AnnotationTitle
	annotationGuest   = "dev.volary.image.guest-sha256"
)

// What a bundle may have.
const (
	MostImages       = 64
	MostCertificates = 20
	mostMembers      = 128
	mostLayout       = 4 << 10
	mostIndex        = 64 << 10
	mostManifest     = 256 << 10
	MostDocument     = 1 << 20   // bytes
	MostCertificate  = 512 << 10 // bytes
	MostKeys         = 1 << 20   // bytes
)

// Bundle is what Write writes.
type Bundle struct {
	Model, Version string // what it was called
	Source         string // address of the deployment that wrote it; empty: none
	Document       []byte // canonical
	Images         []Image
	Certificates   [][]byte
	Keys           []byte // nil: none
}

// DocumentDigest is what the document is known by, as everywhere.
func (b Bundle) DocumentDigest() string { return manifest.Digest(b.Document) }

// Image is one of a bundle's images. Digests are lower-case hex SHA-256.
type Image struct {
	Name   string // as the document calls it; where it has several names, one of them
	Guest  string // what a guest reads of it
	Digest string // of the file
	Size   int64  // of the file, bytes
}

// blob is a part that is small enough to be in memory, or an image.
type blob struct {
	digest string
	size   int64
	bytes  []byte
	image  *Image
}

// ErrBundle is of a bundle that cannot be written.
var ErrBundle = errors.New("no bundle can be made of this")

// parts puts together what is written, in its order.
func (b Bundle) parts() (layout, index []byte, blobs []blob, err error) {
	if len(b.Images) == 0 || len(b.Images) > MostImages || len(b.Certificates) > MostCertificates {
		return nil, nil, nil, fmt.Errorf("%w: it has %d images and %d certificates; a bundle has 1 to %d, and up to %d", ErrBundle, len(b.Images), len(b.Certificates), MostImages, MostCertificates)
	}
	add := func(mediaType string, bytes []byte) v1.Descriptor {
		sum := sha256.Sum256(bytes)
		blobs = append(blobs, blob{digest: hex.EncodeToString(sum[:]), size: int64(len(bytes)), bytes: bytes})
		return descriptor(mediaType, hex.EncodeToString(sum[:]), int64(len(bytes)))
	}
	m := v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, ArtifactType: ArtifactType, Config: add(MediaTypeDocument, b.Document),
		Annotations: map[string]string{annotationModel: b.Model, annotationVersion: b.Version, annotationSource: b.Source},
	}
	seen := map[string]bool{}
	once := func(mediaType string, bytes []byte) {
		if d := add(mediaType, bytes); !seen[string(d.Digest)] {
			seen[string(d.Digest)] = true
			m.Layers = append(m.Layers, d)
			return
		}
		blobs = blobs[:len(blobs)-1]
	}
	if b.Keys != nil {
		once(MediaTypeKeys, b.Keys)
	}
	for _, c := range b.Certificates {
		once(MediaTypeCertificate, c)
	}
	for n, i := range b.Images {
		d := descriptor(MediaTypeImage, i.Digest, i.Size)
		if seen[string(d.Digest)] {
			continue
		}
		seen[string(d.Digest)] = true
		d.Annotations = map[string]string{annotationImage: i.Name, annotationGuest: i.Guest}
		m.Layers = append(m.Layers, d)
		blobs = append(blobs, blob{digest: i.Digest, size: i.Size, image: &b.Images[n]})
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("write bundle: %w", err)
	}
	d := add(v1.MediaTypeImageManifest, text)
	d.ArtifactType = ArtifactType
	// The manifest comes first: who reads the archive as it comes knows what is in it.
	blobs = slices.Insert(blobs[:len(blobs)-1], 0, blobs[len(blobs)-1])
	index, err = json.Marshal(v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{d}})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("write bundle: %w", err)
	}
	layout, err = json.Marshal(v1.ImageLayout{Version: v1.ImageLayoutVersion})
	return layout, index, blobs, err
}

func descriptor(mediaType, sum string, size int64) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.NewDigestFromEncoded(digest.SHA256, sum), Size: size}
}

func blobPath(sum string) string { return v1.ImageBlobsDir + "/sha256/" + sum }

// Size is how many bytes Write will write.
func (b Bundle) Size() (int64, error) {
	n := &counter{}
	err := b.write(n, func(i Image) error {
		n.n += i.Size
		return nil
	}, n.skip)
	return n.n, err
}

// counter counts what is written. An image's bytes do not pass the archive's writer, which would miss them.
type counter struct{ n int64 }

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func (c *counter) skip(size int64) {
	if rest := size % tarBlock; rest > 0 {
		c.n += tarBlock - rest
	}
}

const tarBlock = 512

// Write writes the archive. open gives an image's bytes from the start. What it reads is hashed on its way: bytes that are others than the image's
// digest says are an error, with the archive unfinished, which no reader takes.
func (b Bundle) Write(ctx context.Context, to io.Writer, open func(ctx context.Context, i Image) (io.ReadCloser, error)) error {
	return b.write(to, func(i Image) error {
		from, err := open(ctx, i)
		if err != nil {
			return err
		}
		defer from.Close()
		h := sha256.New()
		if _, err := io.CopyN(io.MultiWriter(to, h), contextReader{ctx, from}, i.Size); err != nil {
			return fmt.Errorf("write the image %q to a bundle: %w", i.Name, err)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != i.Digest {
			return fmt.Errorf("the bytes of the image %q have the digest %s, and %s was kept", i.Name, got, i.Digest)
		}
		return nil
	}, func(size int64) {
		if rest := size % tarBlock; rest > 0 {
			_, _ = to.Write(make([]byte, tarBlock-rest)) // what fails here fails with the next header
		}
	})
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// write writes headers and small parts; image writes the bytes of one, and pad fills the block after them.
func (b Bundle) write(to io.Writer, image func(Image) error, pad func(size int64)) error {
	layout, index, blobs, err := b.parts()
	if err != nil {
		return err
	}
	all := append([]blob{{bytes: layout, size: int64(len(layout))}, {bytes: index, size: int64(len(index))}}, blobs...)
	for n, part := range all {
		name := blobPath(part.digest)
		switch n {
		case 0:
			name = v1.ImageLayoutFile
		case 1:
			name = v1.ImageIndexFile
		}
		// Each part is an archive's beginning of its own: an image's bytes go past the writer, which would count them.
		w := tar.NewWriter(to)
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: part.size, Typeflag: tar.TypeReg}); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
		if part.image != nil {
			if err := image(*part.image); err != nil {
				return err
			}
			pad(part.size)
			continue
		}
		if _, err := w.Write(part.bytes); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
	}
	if err := tar.NewWriter(to).Close(); err != nil { // the two empty blocks at the end
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

// Names tells which images a document calls by which names: each pair of name and guest-visible digest once, in its order.
func Names(document []byte) (list []Image, err error) {
	m, err := manifest.Read(document)
	if err != nil {
		return nil, err
	}
	for _, g := range m.Groups() {
		i := Image{Name: g.Image.Name, Guest: g.Image.Digest}
		if !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	return list, nil
}
