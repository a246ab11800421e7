package certificate

import (
	"fmt"
	"slices"
	"strings"
)

// File is an image file as it was read.
type File struct {
	Name   string
	Digest string // of the file
	Guest  string // of what a guest reads of it; empty: it could not be computed
	Why    string // what kept it from that
}

// Finding is what comparing one thing came to.
type Finding struct {
	What     string // "cluster.json", "disk.qcow2"
	Outcome  Outcome
	Sentence string
}

// Outcome is one of same, differs and unchecked.
type Outcome string

// The outcomes of a comparison.
const (
	Same      Outcome = "same"
	Differs   Outcome = "differs"
	Unchecked Outcome = "unchecked" // neither can be said
)

// CompareDocument compares the digest of a document.
func (t Test) CompareDocument(name, digest string) Finding {
	if digest == t.Document {
		return Finding{name, Same, "the document that was tested, " + digest}
	}
	return Finding{name, Differs, fmt.Sprintf("another document than the one that was tested: its digest has to be %s and is %s", t.Document, digest)}
}

// CompareImage looks for the image that a file is. It is one where any of its digests is the image's.
func (t Test) CompareImage(f File) Finding {
	for _, i := range t.Images {
		switch {
		case f.Guest != "" && f.Guest == i.Guest:
			return Finding{f.Name, Same, fmt.Sprintf("a guest reads of it what it read of the image %q: %s", i.Name, f.Guest)}
		case f.Digest == i.Uploaded:
			return Finding{f.Name, Same, fmt.Sprintf("the file of which the image %q was made: %s", i.Name, f.Digest)}
		case f.Digest == i.Canonical:
			return Finding{f.Name, Same, fmt.Sprintf("the canonical file of the image %q: %s", i.Name, f.Digest)}
		}
	}
	if len(t.Images) == 0 {
		return Finding{f.Name, Differs, "the certificate has no images"}
	}
	if f.Guest == "" {
		return Finding{f.Name, Unchecked, fmt.Sprintf("not the very file that was tested (%s), and what a guest reads of it could not be compared: %s", f.Digest, f.Why)}
	}
	expected := make([]string, len(t.Images))
	for n, i := range t.Images {
		expected[n] = fmt.Sprintf("%s of %q", orUnknown(i.Guest), i.Name)
	}
	if slices.ContainsFunc(t.Images, func(i Image) bool { return i.Guest == "" }) {
		return Finding{f.Name, Unchecked, fmt.Sprintf("not the very file that was tested (%s), and of an image the certificate has no guest-visible digest: has %s, is %s", f.Digest, strings.Join(expected, ", "), f.Guest)}
	}
	return Finding{f.Name, Differs, fmt.Sprintf("a guest reads of it something else: the guest-visible digest has to be %s, and is %s", strings.Join(expected, " or "), f.Guest)}
}

func orUnknown(digest string) string {
	if digest == "" {
		return "unknown"
	}
	return digest
}
