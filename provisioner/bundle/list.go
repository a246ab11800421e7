package bundle

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
)

// Fault is why a file is not taken as a bundle.
type Fault struct{ Detail, Repair string }

// Error implements error.
func (f *Fault) Error() string { return f.Detail + " " + f.Repair }

// Part is where a blob lies in the archive. At and Size are bytes; Digest is what its name says.
type Part struct {
	Digest   string
	At, Size int64
}

// ImagePart is an image in the archive.
type ImagePart struct {
	Part
	Name  string // as the manifest says
	Guest string // the same
}

// Contents is what List found.
type Contents struct {
	Model, Version, Source string
	Document               Part
	Images                 []ImagePart
	Certificates           []Part
	Keys                   *Part
	Blobs                  []Part // all of them, in the order of the archive
}

// Again is how a bundle is made anew.
const Again = "Export it again where it came from: the page of its version has the button, and `volary model export` does the same."

const copyAgain = "It was cut short or changed on its way. Compare its size and SHA-256 with those where it was made, and copy it again."

func fault(repair, format string, args ...any) error {
	return &Fault{Detail: fmt.Sprintf(format, args...), Repair: repair}
}

// List reads an archive of size bytes. What is no bundle is a *Fault; another error is of reading.
func List(in io.ReadSeeker, size int64) (Contents, error) {
	l := lister{in: in, size: size, members: map[string]Part{}}
	if err := l.walk(); err != nil {
		return Contents{}, err
	}
	return l.contents()
}

type lister struct {
	in      io.ReadSeeker
	size    int64
	members map[string]Part // by name
	blobs   []Part
}

func (l *lister) walk() error {
	r := tar.NewReader(l.in)
	for n := 1; ; n++ {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, new(*fs.PathError)): // of the file system: the machine's
			return fmt.Errorf("read bundle: %w", err)
		case err != nil:
			return fault(copyAgain, "The archive cannot be read behind file %d.", n-1)
		case n > mostMembers:
			return fault(Again, "It holds more than %d files.", mostMembers)
		}
		at, err := l.in.Seek(0, io.SeekCurrent)
		if err != nil {
			return fmt.Errorf("read bundle: %w", err)
		}
		if err := l.member(h, at); err != nil {
			return err
		}
	}
}

var blobName = regexp.MustCompile(`^blobs/sha256/([0-9a-f]{64})$`)

// member judges one header.
func (l *lister) member(h *tar.Header, at int64) error {
	name := path.Clean(h.Name)
	shown := short(h.Name)
	_, twice := l.members[name]
	switch {
	case path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../"):
		return fault(Again, "A file in it would lie outside of the archive: %s.", shown)
	case h.Typeflag == tar.TypeDir:
		if !slices.Contains([]string{".", "blobs", "blobs/sha256"}, name) {
			return fault(Again, "It has a folder that no bundle has: %s.", shown)
		}
		return nil
	case h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink:
		return fault(Again, "%s in it is no file, but a link to %s.", shown, short(h.Linkname))
	case h.Typeflag == tar.TypeGNUSparse || SparseRecords(h):
		return fault("Pack it without --sparse: `tar cf model.tar oci-layout index.json blobs`.", "%s in it is packed with its holes left out.", shown)
	case h.Typeflag != tar.TypeReg:
		return fault(Again, "%s in it is no file, but a device or something else (type %q).", shown, h.Typeflag)
	case name != v1.ImageLayoutFile && name != v1.ImageIndexFile && !blobName.MatchString(name):
		return fault(Again, "It has a file that no bundle has: %s.", shown)
	case twice:
		return fault(Again, "It holds %s twice.", shown)
	case h.Size < 0 || h.Size > l.size-at:
		return fault(copyAgain, "%s in it has %d bytes by its header, and %d are left in the archive.", shown, h.Size, max(0, l.size-at))
	}
	part := Part{At: at, Size: h.Size}
	if found := blobName.FindStringSubmatch(name); found != nil {
		part.Digest = found[1]
		l.blobs = append(l.blobs, part)
	}
	l.members[name] = part
	return nil
}

// SparseRecords tells whether a header is of a file packed with its holes left out, as PAX says it (GNU tar's formats 0.0 to 1.0).
func SparseRecords(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// short is a stranger's text for a sentence.
func short(text string) string {
	text = typed.Plain(strings.ToValidUTF8(text, "?"))
	if r := []rune(text); len(r) > 120 {
		text = string(r[:120]) + "…"
	}
	return text
}

// object reads a small file of JSON into a type. called is what a sentence calls it.
func (l *lister) object(called string, p Part, most int64, into any) error {
	if p.Size > most {
		return fault(Again, "%s in it has %s; %s are read.", called, refusal.Bytes(p.Size), refusal.Bytes(most))
	}
	if _, err := l.in.Seek(p.At, io.SeekStart); err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	text := make([]byte, p.Size)
	if _, err := io.ReadFull(l.in, text); err != nil {
		return fmt.Errorf("read bundle: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fault(copyAgain, "%s in it cannot be read: %s.", called, short(strings.TrimPrefix(err.Error(), "json: ")))
	}
	if d.More() {
		return fault(copyAgain, "%s in it has something behind its end.", called)
	}
	return nil
}

func (l *lister) contents() (c Contents, err error) {
	for _, name := range []string{v1.ImageLayoutFile, v1.ImageIndexFile} {
		if _, there := l.members[name]; !there {
			return c, fault(Again, "It has no %s, which every bundle has.", name)
		}
	}
	var layout v1.ImageLayout
	if err := l.object(v1.ImageLayoutFile, l.members[v1.ImageLayoutFile], mostLayout, &layout); err != nil {
		return c, err
	}
	if layout.Version != v1.ImageLayoutVersion {
		return c, fault(Again, "It is an OCI image layout of version %q, and %s is read.", short(layout.Version), v1.ImageLayoutVersion)
	}
	var index v1.Index
	if err := l.object(v1.ImageIndexFile, l.members[v1.ImageIndexFile], mostIndex, &index); err != nil {
		return c, err
	}
	named := map[string]bool{}
	m, err := l.manifest(index, named)
	if err != nil {
		return c, err
	}
	c = Contents{Model: m.Annotations[annotationModel], Version: m.Annotations[annotationVersion], Source: m.Annotations[annotationSource], Blobs: l.blobs}
	if err := l.parts(m, named, &c); err != nil {
		return c, err
	}
	for _, b := range l.blobs {
		if !named[b.Digest] {
			return c, fault(Again, "It has a blob that nothing in it names: %s.", b.Digest)
		}
	}
	return c, c.names()
}

// manifest finds the one manifest of the index.
func (l *lister) manifest(index v1.Index, named map[string]bool) (m v1.Manifest, err error) {
	var p Part
	for _, d := range index.Manifests {
		if p, err = l.named(d, "index.json", named); err != nil {
			return m, err
		}
	}
	switch {
	case len(index.Manifests) != 1:
		return m, fault(Again, "Its index.json names %s; a bundle has one model cluster.", refusal.Plural(int64(len(index.Manifests)), "manifest", "manifests"))
	case index.MediaType != v1.MediaTypeImageIndex || index.Manifests[0].MediaType != v1.MediaTypeImageManifest || index.Manifests[0].ArtifactType != ArtifactType:
		return m, fault("If it is the image of a container: those are not run here. "+Again, "It is an OCI image layout, but of no model cluster: its artifact type is %q.", short(index.Manifests[0].ArtifactType))
	}
	if err := l.object("The manifest", p, mostManifest, &m); err != nil {
		return m, err
	}
	if m.ArtifactType != ArtifactType || m.MediaType != v1.MediaTypeImageManifest {
		return m, fault(copyAgain, "Its manifest is of another type than its index.json says: %q.", short(m.ArtifactType))
	}
	return m, nil
}

// named finds a blob that a descriptor names, once.
func (l *lister) named(d v1.Descriptor, by string, named map[string]bool) (Part, error) {
	if d.Digest.Validate() != nil || d.Digest.Algorithm() != "sha256" {
		return Part{}, fault(Again, "A digest in its %s is no SHA-256: %q.", by, short(string(d.Digest)))
	}
	sum := d.Digest.Encoded()
	p, there := l.members[blobPath(sum)]
	switch {
	case named[sum]:
		return p, fault(Again, "Its %s names a blob twice: %s.", by, sum)
	case !there:
		return p, fault(copyAgain, "A blob is missing that its %s names: %s.", by, sum)
	case p.Size != d.Size:
		return p, fault(copyAgain, "The blob %s has %d bytes, and %d by its %s.", sum, p.Size, d.Size, by)
	}
	named[sum] = true
	return p, nil
}

// parts sorts what the manifest names.
func (l *lister) parts(m v1.Manifest, named map[string]bool, c *Contents) (err error) {
	if m.Config.MediaType != MediaTypeDocument {
		return fault(Again, "Its manifest has no document of a model cluster, but %q.", short(m.Config.MediaType))
	}
	if c.Document, err = l.named(m.Config, "manifest", named); err != nil {
		return err
	}
	if c.Document.Size > MostDocument {
		return fault(Again, "Its document has %s; %s are read.", refusal.Bytes(c.Document.Size), refusal.Bytes(MostDocument))
	}
	for _, d := range m.Layers {
		p, err := l.named(d, "manifest", named)
		if err != nil {
			return err
		}
		switch d.MediaType {
		case MediaTypeImage:
			c.Images = append(c.Images, ImagePart{p, d.Annotations[annotationImage], d.Annotations[annotationGuest]})
		case MediaTypeCertificate:
			c.Certificates = append(c.Certificates, p)
		case MediaTypeKeys:
			if c.Keys != nil {
				return fault(Again, "It has two lists of keys.")
			}
			c.Keys = &p
		default:
			return fault(Again, "It has a part of a kind that is not known: %q.", short(d.MediaType))
		}
	}
	return c.bounds()
}

// bounds refuses more than a bundle may have.
func (c Contents) bounds() error {
	switch {
	case len(c.Images) == 0:
		return fault(Again, "It has no image.")
	case len(c.Images) > MostImages:
		return fault(Again, "It has %d images; at most %d are read.", len(c.Images), MostImages)
	case len(c.Certificates) > MostCertificates:
		return fault(Again, "It has %d certificates; at most %d are read.", len(c.Certificates), MostCertificates)
	case c.Keys != nil && c.Keys.Size > MostKeys:
		return fault(Again, "Its list of keys has %s; %s are read.", refusal.Bytes(c.Keys.Size), refusal.Bytes(MostKeys))
	}
	for _, p := range c.Certificates {
		if p.Size > MostCertificate {
			return fault(Again, "A certificate in it has %s; %s are read.", refusal.Bytes(p.Size), refusal.Bytes(MostCertificate))
		}
	}
	return nil
}

// names refuses what a page could not show, or a model cluster not be called.
func (c Contents) names() error {
	if name, err := typed.ParseName(c.Model); err != nil || name != c.Model || len([]rune(name)) > 80 {
		return fault(Again, "Its model cluster has a name that none has here: %q.", short(c.Model))
	}
	// What a version is called is freer than a name.
	if n := len([]rune(c.Version)); n == 0 || n > 40 || typed.Plain(c.Version) != c.Version || strings.ContainsAny(c.Version, "\n\t") {
		return fault(Again, "Its version has a name that none has here: %q.", short(c.Version))
	}
	if len([]rune(c.Source)) > 300 || typed.Plain(c.Source) != c.Source {
		return fault(Again, "The address that it says it comes from is none: %q.", short(c.Source))
	}
	for _, i := range c.Images {
		if name, err := typed.ParseName(i.Name); err != nil || name != i.Name || len([]rune(name)) > 255 {
			return fault(Again, "An image in it has a name that none has here: %q.", short(i.Name))
		}
		if !hexDigest.MatchString(i.Guest) {
			return fault(Again, "The image \"%s\" in it has no guest-visible digest.", typed.Isolate(i.Name))
		}
	}
	return nil
}

var hexDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Sane looks at what a child says List gave of an archive as at a stranger's words: parts lie in order and inside, each is one of the blobs, and
// names and bounds are those that List keeps.
func (c Contents) Sane(size int64) bool {
	at, blobs := int64(0), map[string]Part{}
	for _, p := range c.Blobs {
		if _, twice := blobs[p.Digest]; twice || !hexDigest.MatchString(p.Digest) || p.At < at || p.Size < 0 || p.At > size || p.Size > size-p.At {
			return false
		}
		at, blobs[p.Digest] = p.At+p.Size, p
	}
	parts := append([]Part{c.Document}, c.Certificates...)
	if c.Keys != nil {
		parts = append(parts, *c.Keys)
	}
	for _, i := range c.Images {
		parts = append(parts, i.Part)
	}
	for _, p := range parts {
		if blobs[p.Digest] != p {
			return false
		}
		delete(blobs, p.Digest) // no part is two
	}
	return len(c.Blobs) <= mostMembers && c.Document.Size <= MostDocument && c.bounds() == nil && c.names() == nil
}
