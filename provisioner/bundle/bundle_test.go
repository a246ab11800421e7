package bundle_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/bundle"
	"volary.dev/provisioner/manifest"
)

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

var disks = map[string][]byte{"head.qcow2": []byte("the head's disk"), "node.qcow2": bytes.Repeat([]byte("a node's disk "), 100)}

// sample is a bundle of two images, a certificate and keys.
func sample() bundle.Bundle {
	group := func(image string) provisioner.Group {
		return provisioner.Group{
			Image: provisioner.ImageRef{Name: image, Digest: sum([]byte("guest of " + image))}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2},
			Gate: provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120},
		}
	}
	m := provisioner.Model{Format: provisioner.ModelFormat, Head: group("head.qcow2")}
	compute := group("node.qcow2")
	compute.Name, compute.Count = "compute", provisioner.Count{Most: 4}
	m.Compute = []provisioner.Group{compute}
	b := bundle.Bundle{
		Model: "trial", Version: "1.0", Source: "https://volary.example", Document: manifest.Canonical(m), Certificates: [][]byte{[]byte(`{"a":"certificate"}`)}, Keys: []byte(`{"keys":[]}`),
	}
	for _, name := range []string{"head.qcow2", "node.qcow2"} {
		b.Images = append(b.Images, bundle.Image{Name: name, Guest: sum([]byte("guest of " + name)), Digest: sum(disks[name]), Size: int64(len(disks[name]))})
	}
	return b
}

func open(_ context.Context, i bundle.Image) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(disks[i.Name])), nil
}

func written(t testing.TB, b bundle.Bundle) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := b.Write(t.Context(), &out, open); err != nil {
		t.Fatal(err)
	}
	if size, err := b.Size(); err != nil || size != int64(out.Len()) {
		t.Fatalf("%d bytes were written, and %d said: %v", out.Len(), size, err)
	}
	return out.Bytes()
}

// read takes all of a bundle, with every digest compared.
func read(archive []byte) (c bundle.Contents, all string, err error) {
	in := bytes.NewReader(archive)
	if c, err = bundle.List(in, int64(len(archive))); err != nil {
		return c, "", err
	}
	document, images, err := c.ReadDocument(in)
	if err != nil {
		return c, "", err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s %s %s", c.Model, c.Version, c.Source, document)
	parts := slices.Clone(c.Blobs)
	for _, i := range images {
		fmt.Fprintf(&out, "%s %s\n", i.Name, i.Digest)
	}
	for _, p := range parts {
		if err := bundle.Extract(context.Background(), in, p, &out); err != nil {
			return c, "", err
		}
	}
	return c, out.String(), nil
}

func TestWriteAndRead(t *testing.T) {
	b := sample()
	archive := written(t, b)
	c, _, err := read(archive)
	if err != nil {
		t.Fatal(err)
	}
	if c.Model != "trial" || c.Version != "1.0" || c.Source != "https://volary.example" || c.Document.Digest != b.DocumentDigest() || len(c.Images) != 2 || len(c.Certificates) != 1 || c.Keys == nil || !c.Sane(int64(len(archive))) {
		t.Errorf("%+v", c)
	}
	if !bytes.HasPrefix(archive, []byte("oci-layout")) {
		t.Error("its first file is another one")
	}
	short := c
	short.Images = slices.Clone(c.Images)
	short.Images[0].At++
	if short.Sane(int64(len(archive))) || c.Sane(100) {
		t.Error("a child's nonsense is sane")
	}
	b.Images = nil
	if err := b.Write(t.Context(), io.Discard, open); !errors.Is(err, bundle.ErrBundle) {
		t.Errorf("without images: %v", err)
	}
}

// Bytes of an image that are not those that were kept end the writing.
func TestWriteComparesWhatItReads(t *testing.T) {
	b := sample()
	err := b.Write(t.Context(), io.Discard, func(_ context.Context, i bundle.Image) (io.ReadCloser, error) {
		other := slices.Clone(disks[i.Name])
		other[3] ^= 1
		return io.NopCloser(bytes.NewReader(other)), nil
	})
	if err == nil || !strings.Contains(err.Error(), "have the digest") {
		t.Errorf("%v", err)
	}
}

// A byte that changed is refused, or is one that says nothing: no reader takes another content.
func TestEveryByteCounts(t *testing.T) {
	archive := written(t, sample())
	_, want, err := read(archive)
	if err != nil {
		t.Fatal(err)
	}
	refused, named := 0, 0
	for at := range archive {
		archive[at] ^= 1
		_, got, err := read(archive)
		switch f, ok := bundle.AsFault(err); {
		case err == nil && got != want:
			t.Fatalf("byte %d changed, and it is taken as another", at)
		case err != nil && (!ok || f.Detail == "" || f.Repair == ""):
			t.Fatalf("byte %d: %v", at, err)
		case err != nil:
			refused++
			if strings.Contains(f.Detail, "The bytes of the blob ") {
				named++
			}
		}
		archive[at] ^= 1
	}
	if small := len(sample().Document) + len(disks["head.qcow2"]) + len(disks["node.qcow2"]); refused < small || named < small {
		t.Errorf("%d of %d bytes are refused, %d with their blob", refused, len(archive), named)
	}
}

// file is one of an archive.
type file struct {
	header tar.Header
	data   []byte
}

func files(t *testing.T, archive []byte) (list []file) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, file{*h, data})
	}
}

func pack(t *testing.T, list []file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range list {
		f.header.Size = int64(len(f.data))
		f.header.Format = tar.FormatUnknown
		if err := w.WriteHeader(&f.header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// again changes the manifest, and puts it under its new digest.
func again(list []file, change func(text string) string) []file {
	old := sum(list[2].data)
	list[2].data = []byte(change(string(list[2].data)))
	list[2].header.Name = "blobs/sha256/" + sum(list[2].data)
	index := strings.Replace(string(list[1].data), old, sum(list[2].data), 1)
	at := strings.Index(index, `"size":`)
	end := at + strings.IndexAny(index[at:], ",}")
	list[1].data = []byte(index[:at] + fmt.Sprintf(`"size":%d`, len(list[2].data)) + index[end:])
	return list
}

// Each way in which a stranger's archive is no bundle has a sentence of its own.
func TestHostileBundles(t *testing.T) {
	entry := func(name string, kind byte, link string) file {
		return file{header: tar.Header{Name: name, Typeflag: kind, Linkname: link, Mode: 0o644}}
	}
	replace := func(n int, old, now string) func([]file) []file {
		return func(l []file) []file {
			l[n].data = []byte(strings.Replace(string(l[n].data), old, now, 1))
			return l
		}
	}
	inManifest := func(old, now string) func([]file) []file {
		return func(l []file) []file {
			return again(l, func(text string) string { return strings.Replace(text, old, now, 1) })
		}
	}
	add := func(f ...file) func([]file) []file {
		return func(l []file) []file { return append(l, f...) }
	}
	said := map[string]string{}
	for name, c := range map[string]struct {
		change func([]file) []file
		want   string
	}{
		"symbolic link":     {add(entry("blobs/sha256/"+sum([]byte("x")), tar.TypeSymlink, "/etc/passwd")), "is no file, but a link to /etc/passwd"},
		"hard link":         {add(entry("blobs/sha256/"+sum([]byte("x")), tar.TypeLink, "index.json")), "is no file, but a link to index.json"},
		"device":            {add(entry("blobs/sha256/"+sum([]byte("x")), tar.TypeChar, "")), "but a device or something else"},
		"outside":           {add(entry("../outside", tar.TypeReg, "")), "would lie outside of the archive: ../outside"},
		"absolute":          {add(entry("/etc/passwd", tar.TypeReg, "")), "would lie outside of the archive: /etc/passwd"},
		"deep":              {add(entry("blobs/sha256/a/b/c/"+sum(nil), tar.TypeReg, "")), "has a file that no bundle has"},
		"deep folder":       {add(entry("blobs/sha256/a/", tar.TypeDir, "")), "has a folder that no bundle has"},
		"another file":      {add(entry("README", tar.TypeReg, "")), "has a file that no bundle has: README"},
		"twice":             {func(l []file) []file { return append(l, l[3]) }, " twice."},
		"many":              {func(l []file) []file { return many(l, entry) }, "holds more than 128 files"},
		"no layout":         {func(l []file) []file { return l[1:] }, "has no oci-layout"},
		"no index":          {func(l []file) []file { return slices.Delete(l, 1, 2) }, "has no index.json"},
		"another layout":    {replace(0, "1.0.0", "2.0.0"), `of version "2.0.0"`},
		"missing blob":      {func(l []file) []file { return l[:len(l)-1] }, "A blob is missing that its manifest names"},
		"missing manifest":  {func(l []file) []file { return slices.Delete(l, 2, 3) }, "A blob is missing that its index.json names"},
		"blob of no one":    {add(file{tar.Header{Name: "blobs/sha256/" + sum([]byte("x")), Typeflag: tar.TypeReg}, []byte("x")}), "a blob that nothing in it names"},
		"wrong digest":      {func(l []file) []file { l[len(l)-1].data[0] ^= 1; return l }, "at least one of them changed"},
		"wrong size":        {func(l []file) []file { l[len(l)-1].data = l[len(l)-1].data[1:]; return l }, " bytes, and 1400 by its manifest"},
		"digest of MD5":     {inManifest(`"digest":"sha256:`, `"digest":"md5:`), "is no SHA-256"},
		"index names twice": {func(l []file) []file { return twiceInIndex(l) }, "Its index.json names a blob twice"},
		"names twice":       {func(l []file) []file { return again(l, twiceInManifest) }, "Its manifest names a blob twice"},
		"no manifests":      {func(l []file) []file { return noManifests(l) }, "names 0 manifests"},
		"container":         {replace(1, bundle.ArtifactType, "application/vnd.docker.x"), "but of no model cluster"},
		"types that differ": {inManifest(bundle.ArtifactType, "application/x"), "is of another type than its index.json says"},
		"huge index":        {func(l []file) []file { l[1].data = append(l[1].data, bytes.Repeat([]byte(" "), 1<<20)...); return l }, "index.json in it has 1"},
		"no JSON":           {func(l []file) []file { l[1].data = []byte("{"); return l }, "index.json in it cannot be read"},
		"unknown member":    {replace(1, `"schemaVersion"`, `"schemaVersiom"`), "unknown field"},
		"deep JSON":         {func(l []file) []file { l[1].data = []byte(strings.Repeat("[", 20000)); return l }, "index.json in it cannot be read"},
		"behind its end":    {func(l []file) []file { l[0].data = append(l[0].data, "{}"...); return l }, "something behind its end"},
		"no document":       {inManifest(bundle.MediaTypeDocument, "text/plain"), "has no document of a model cluster"},
		"unknown part":      {inManifest(bundle.MediaTypeKeys, "text/html"), "a part of a kind that is not known"},
		"two lists of keys": {inManifest(bundle.MediaTypeCertificate, bundle.MediaTypeKeys), "two lists of keys"},
		"no image": {func(l []file) []file {
			return again(l, func(s string) string {
				return strings.ReplaceAll(s, bundle.MediaTypeImage, bundle.MediaTypeCertificate)
			})
		}, "It has no image."},
		"name with controls": {inManifest(`"trial"`, `"tri\u0007al"`), "Its model cluster has a name that none has here"},
		"version too long":   {inManifest(`"1.0"`, `"`+strings.Repeat("1", 41)+`"`), "Its version has a name that none has here"},
		"image's name":       {inManifest(`"head.qcow2"`, `""`), "An image in it has a name that none has here"},
		"source":             {inManifest(`"https://volary.example"`, `"`+strings.Repeat("x", 301)+`"`), "The address that it says it comes from"},
		"no guest digest":    {inManifest(sum([]byte("guest of head.qcow2")), "0"), "has no guest-visible digest"},
		"other guest digest": {inManifest(sum([]byte("guest of head.qcow2")), sum([]byte("other"))), "It lacks an image that its document names"},
	} {
		_, _, err := read(pack(t, c.change(files(t, written(t, sample())))))
		f, ok := bundle.AsFault(err)
		if !ok || !strings.Contains(f.Detail, c.want) || f.Repair == "" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		said[f.Detail] = name
	}
	if len(said) < 37 {
		t.Errorf("%d sentences", len(said))
	}
	archive := written(t, sample())
	for _, cut := range []int{len(archive) / 2, len(archive) - 2000} {
		if f, ok := bundle.AsFault(second(read(archive[:cut]))); !ok || !strings.Contains(f.Repair, "cut short") {
			t.Errorf("cut at %d: %v", cut, f)
		}
	}
}

func second(_ bundle.Contents, _ string, err error) error { return err }

func many(l []file, entry func(string, byte, string) file) []file {
	for n := range 200 {
		l = append(l, entry("blobs/sha256/"+sum(fmt.Append(nil, n)), tar.TypeReg, ""))
	}
	return l
}

func twiceInIndex(l []file) []file {
	text := string(l[1].data)
	from, to := strings.Index(text, "[")+1, strings.LastIndex(text, "]")
	l[1].data = []byte(text[:to] + "," + text[from:to] + text[to:])
	return l
}

func twiceInManifest(text string) string {
	from := strings.Index(text, "[") + 1
	to := from + strings.Index(text[from:], "}") + 1
	return text[:from] + text[from:to] + "," + text[from:]
}

func noManifests(l []file) []file {
	text := string(l[1].data)
	l[1].data = []byte(text[:strings.Index(text, "[")+1] + text[strings.LastIndex(text, "]"):])
	return l
}

// What is read of a stranger's archive ends, and what is taken is what it says.
func FuzzList(f *testing.F) {
	f.Add(written(f, sample()))
	f.Fuzz(func(t *testing.T, archive []byte) {
		c, err := bundle.List(bytes.NewReader(archive), int64(len(archive)))
		if _, ok := bundle.AsFault(err); err != nil && !ok {
			t.Fatalf("%v", err)
		}
		if err == nil && !c.Sane(int64(len(archive))) {
			t.Fatalf("what List gives is not sane: %+v", c)
		}
	})
}
