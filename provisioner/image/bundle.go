package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"strings"

	"volary.dev/provisioner"
	"volary.dev/provisioner/bundle"
	"volary.dev/provisioner/refusal"
)

// listBundleTask reads the headers of the archive and its small files, and nothing of the images.
func listBundleTask(in, _ *os.File, _ json.RawMessage, _ func(int64)) (any, error) {
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	c, err := bundle.List(in, info.Size())
	if f, ok := bundle.AsFault(err); ok {
		return nil, &fileFault{Detail: f.Detail, Repair: f.Repair}
	}
	return c, err
}

// bundle takes a bundle: one image for each name that its document has for one. Its digests are compared before anything in it is looked at.
func (w *verification) bundle() error {
	w.result.Format = "bundle"
	w.step("Reading what it holds", 0, 0)
	o, err := confined{Task: "list bundle", Read: w.path, CPUSeconds: listSeconds}.run(w.ctx)
	if err != nil {
		return err
	}
	if o.fault != nil {
		w.check("bundle", false, o.fault.Detail, o.fault.Repair)
		return nil //nolint:nilerr // the verdict says it
	}
	var c bundle.Contents
	if err := json.Unmarshal(o.answer, &c); err != nil || !c.Sane(w.size) {
		w.check("bundle", false, "Reading it went astray: what came of it makes no sense.", bundle.Again)
		return nil //nolint:nilerr // the verdict says it
	}
	w.check("bundle", true, fmt.Sprintf("It holds the model cluster %s, version %s, with %s and %s.", c.Model, c.Version,
		refusal.Plural(int64(len(c.Images)), "image", "images"), refusal.Plural(int64(len(c.Certificates)), "certificate", "certificates")), "")
	if fine, err := w.blobs(c); err != nil || !fine {
		return err
	}
	document, images, err := c.ReadDocument(w.file)
	if f, ok := bundle.AsFault(err); ok {
		w.check("document", false, f.Detail, f.Repair)
		return nil
	}
	if err != nil {
		return err
	}
	w.check("document", true, "Its digest is "+c.Document.Digest+".", "")
	b, err := w.besideImages(c, document)
	if err != nil {
		return err
	}
	for n, i := range images {
		w.now.Number, w.now.Of = n+1, len(images)
		if fine, err := w.bundledDisk(i, called(images, n)); err != nil || !fine {
			return err
		}
	}
	w.result.Bundle = b
	return nil
}

// blobs compares every blob with its name, in the same reading in which the whole is hashed.
func (w *verification) blobs(c bundle.Contents) (bool, error) {
	var spans []span
	for _, p := range c.Blobs {
		spans = append(spans, span{p.At, p.Size, sha256.New()})
	}
	w.hash(spans...)
	w.step("Comparing with its digests", 0, 0)
	if _, err := w.sum.wait(); err != nil {
		return false, err
	}
	for n, p := range c.Blobs {
		if got := hexOf(spans[n].into); got != p.Digest {
			f := bundle.Changed(p, got)
			return w.check("digests", false, f.Detail, f.Repair), nil
		}
	}
	return w.check("digests", true, refusal.Plural(int64(len(c.Blobs)), "blob has", "blobs have")+" the digest of its name.", ""), nil
}

func hexOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// besideImages are the document and the certificates, whose digests were compared.
func (w *verification) besideImages(c bundle.Contents, document []byte) (*provisioner.UploadBundle, error) {
	b := &provisioner.UploadBundle{Model: c.Model, Version: c.Version, Source: c.Source, Document: string(document)}
	for _, p := range c.Certificates {
		text, err := bundle.Small(w.file, p)
		if err != nil {
			return nil, err
		}
		b.Certificates = append(b.Certificates, keepableText(text))
	}
	if c.Keys != nil {
		text, err := bundle.Small(w.file, *c.Keys)
		if err != nil {
			return nil, err
		}
		b.Keys = keepableText(text)
	}
	return b, nil
}

// keepableText is a stranger's JSON as a column of text takes it: without what none may have. One that had it is no certificate any more.
func keepableText(text []byte) string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(text), "\ufffd"), "\x00", "\ufffd")
}

// called is what the n-th of a bundle's images is called among them: its name, or its name and a number where an earlier one has the same.
func called(images []bundle.Named, n int) string {
	again := 1
	for _, i := range images[:n] {
		if i.Name == images[n].Name {
			again++
		}
	}
	if again == 1 {
		return images[n].Name
	}
	return fmt.Sprintf("%s (%d)", bounded(images[n].Name, 240), again)
}

// bundledDisk takes one disk to its image, and holds that against what the document says that a guest reads.
func (w *verification) bundledDisk(i bundle.Named, member string) (bool, error) {
	w.now.Member = member
	for n, before := range w.images {
		if before.GuestDigest == i.Guest { // by another name
			before.Member, before.Name = member, i.Name
			w.images, w.made = append(w.images, before), append(w.made, w.made[n])
			return true, nil
		}
	}
	fine, err := w.memberDisk(boot{system: ovaSystem{Name: i.Name}, member: ovaMember{i.Name, i.At, i.Size}, called: member, canonical: true})
	if err != nil || !fine {
		return fine, err
	}
	made := &w.images[len(w.images)-1]
	made.Member = member
	return w.check("content", made.GuestDigest == i.Guest, fmt.Sprintf("A guest reads of it %s; the document says %s.", made.GuestDigest, i.Guest), bundle.Again), nil
}
