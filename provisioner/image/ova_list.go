package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"volary.dev/provisioner/bundle"
	"volary.dev/provisioner/refusal"
)

// The bounds of an OVA.
const (
	ovaMembers = 200     // files in the archive
	ovaText    = 1 << 20 // bytes of the description and of the manifest
	ovaSystems = 64
	// What a machine may be said to have.
	ovaVCPUs     = 4096
	ovaMemoryMiB = 64 << 20
)

// ovaContents is what the task "list ova" finds in an OVA: where its files lie, what machines it describes, and which digests its
// manifest gives.
type ovaContents struct {
	Members []ovaMember
	Systems []ovaSystem
	Sums    []ovaSum
	Signed  bool // it has a certificate
}

// ovaMember is a file in the archive. At and Size are bytes.
type ovaMember struct {
	Name     string // cleaned: relative, and inside
	At, Size int64
}

// ovaSum is a line of the manifest. Digest is lower-case hex.
type ovaSum struct{ Name, Algorithm, Digest string }

// listOVATask reads the headers of the archive, the description and the manifest, and nothing of the disks.
func listOVATask(in, _ *os.File, _ json.RawMessage, _ func(int64)) (any, error) {
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	l := &ovaLister{in: in, size: info.Size(), seen: map[string]bool{}}
	if err := l.walk(); err != nil {
		return nil, err
	}
	return l.contents()
}

// ovaLister walks an archive.
type ovaLister struct {
	in   *os.File
	size int64
	ovaContents
	seen map[string]bool
}

func (l *ovaLister) walk() error {
	r := tar.NewReader(l.in)
	for n := 1; ; n++ {
		h, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && isReading(err):
			return err
		case err != nil:
			return &fileFault{Detail: fmt.Sprintf("The archive cannot be read behind file %d: %s.", n-1, tarWords(err)), Repair: "It was cut short or is damaged. Compare its size with that where it was made, copy it again, and list it: `tar tvf FILE`."}
		case n > ovaMembers:
			return &fileFault{Detail: fmt.Sprintf("It holds more than %d files.", ovaMembers), Repair: "An OVA has a description, a manifest and some disks. Pack these alone: `tar cf machine.ova machine.ovf machine.mf machine-disk1.vmdk`."}
		}
		at, err := l.in.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if err := l.member(h, at); err != nil {
			return err
		}
	}
}

func tarWords(err error) string {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends in the middle"
	}
	return bounded(strings.TrimPrefix(err.Error(), "archive/tar: "), 200)
}

// repack is how an archive is packed anew.
const repack = "Pack it anew from plain files: `tar cf machine.ova machine.ovf machine.mf machine-disk1.vmdk`, in the folder where they lie."

// member judges one header.
func (l *ovaLister) member(h *tar.Header, at int64) error {
	name := path.Clean(h.Name)
	switch shown := bounded(h.Name, 200); {
	case keepable(h.Name) != h.Name || len(h.Name) > 255 || strings.ContainsAny(h.Name, "\\\n\t"):
		return &fileFault{Detail: fmt.Sprintf("A file in it has a name that no description gives: %q.", shown), Repair: repack}
	case path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../"):
		return &fileFault{Detail: fmt.Sprintf("A file in it would lie outside of the archive: %s.", shown), Repair: repack}
	case h.Typeflag == tar.TypeDir:
		return nil
	case h.Typeflag == tar.TypeSymlink, h.Typeflag == tar.TypeLink:
		return &fileFault{Detail: fmt.Sprintf("%s in it is no file, but a link to %s.", shown, bounded(h.Linkname, 200)), Repair: "Pack the file that it points at: `tar chf machine.ova machine.ovf machine.mf machine-disk1.vmdk`."}
	case h.Typeflag == tar.TypeGNUSparse || bundle.SparseRecords(h):
		return &fileFault{Detail: fmt.Sprintf("%s in it is packed with its holes left out, as tar does when it is told --sparse.", shown), Repair: "Pack it without that: `tar cf machine.ova machine.ovf machine.mf machine-disk1.vmdk`."}
	case h.Typeflag != tar.TypeReg:
		return &fileFault{Detail: fmt.Sprintf("%s in it is no file, but a device or something else (type %q).", shown, h.Typeflag), Repair: repack}
	case l.seen[name]:
		return &fileFault{Detail: fmt.Sprintf("It holds %s twice.", shown), Repair: "Which of them is meant nobody can tell. " + repack}
	case h.Size < 0 || h.Size > l.size-at:
		return &fileFault{Detail: fmt.Sprintf("%s in it has %d bytes by its header, and %d are left in the archive.", shown, h.Size, max(0, l.size-at)), Repair: "It was cut short. Compare its size with that where it was made, and copy it again."}
	}
	l.seen[name] = true
	l.Members = append(l.Members, ovaMember{name, at, h.Size})
	return nil
}

// contents reads description and manifest.
func (l *ovaLister) contents() (any, error) {
	description, err := l.only(".ovf")
	if err != nil {
		return nil, err
	}
	if description == nil {
		names := make([]string, 0, 3)
		for _, m := range l.Members[:min(3, len(l.Members))] {
			names = append(names, bounded(m.Name, 60))
		}
		return nil, &fileFault{
			Detail: fmt.Sprintf("It is a tar archive without a description (.ovf): it holds %s, %s.", refusal.Plural(int64(len(l.Members)), "file", "files"), strings.Join(names, ", ")),
			Repair: "Unpack it (`tar xf FILE`) and upload the disk that is inside, as it is or compressed with gzip, xz or zstd.",
		}
	}
	text, err := l.text(*description)
	if err != nil {
		return nil, err
	}
	if l.Systems, err = readOVF(text, l.seen); err != nil {
		return nil, err
	}
	manifest, err := l.only(".mf")
	if err != nil {
		return nil, err
	}
	certificate, err := l.only(".cert")
	if err != nil {
		return nil, err
	}
	l.Signed = certificate != nil
	if manifest == nil {
		return l.ovaContents, nil
	}
	if text, err = l.text(*manifest); err != nil {
		return nil, err
	}
	l.Sums, err = readManifest(text, l.seen)
	return l.ovaContents, err
}

// only finds the one file with an ending.
func (l *ovaLister) only(ending string) (found *ovaMember, err error) {
	for n := range l.Members {
		m := &l.Members[n]
		switch {
		case !strings.EqualFold(path.Ext(m.Name), ending):
		case found != nil:
			return nil, &fileFault{Detail: fmt.Sprintf("It holds two files %s: %s and %s.", ending, bounded(found.Name, 200), bounded(m.Name, 200)), Repair: "Which of them is meant nobody can tell. Pack one machine, or one group of machines, with one description: `tar cf machine.ova machine.ovf machine.mf machine-disk1.vmdk`."}
		default:
			found = m
		}
	}
	return found, nil
}

func (l *ovaLister) text(m ovaMember) ([]byte, error) {
	if m.Size > ovaText {
		return nil, &fileFault{Detail: fmt.Sprintf("%s in it has %s; %s are read.", bounded(m.Name, 200), bytesText(m.Size), bytesText(ovaText)), Repair: "Export the machine again, without notes or pictures in its description."}
	}
	text := make([]byte, m.Size)
	_, err := io.ReadFull(io.NewSectionReader(l.in, m.At, m.Size), text)
	return text, err
}

// manifestNames are other names of the digests: OpenSSL writes the first two since version 3.
var manifestNames = map[string]string{"SHA2-256": "SHA256", "SHA2-512": "SHA512", "SHA-1": "SHA1", "SHA-256": "SHA256", "SHA-512": "SHA512"}

// readManifest reads lines as "SHA256(disk.vmdk)= 0f…". there are the files that the archive holds.
func readManifest(text []byte, there map[string]bool) (sums []ovaSum, err error) {
	seen := map[string]bool{}
	for n, line := range strings.Split(string(bytes.ToValidUTF8(text, []byte("?"))), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		algorithm, rest, opened := strings.Cut(line, "(")
		at := strings.LastIndex(rest, ")")
		algorithm = strings.ToUpper(strings.TrimSpace(algorithm))
		if named := manifestNames[algorithm]; named != "" {
			algorithm = named
		}
		length := map[string]int{"SHA1": 40, "SHA256": 64, "SHA512": 128}[algorithm]
		if !opened || at < 0 || length == 0 {
			return nil, &fileFault{Detail: fmt.Sprintf("Line %d of its manifest is no digest that is known: %s.", n+1, bounded(line, 100)), Repair: "SHA1, SHA256 and SHA512 are read. Write it anew: `openssl sha256 *.ovf *.vmdk > machine.mf`, or leave it out, and pack the OVA again."}
		}
		name := path.Clean(strings.TrimSpace(rest[:at]))
		digest := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest[at+1:]), "=")))
		switch {
		case len(digest) != length || strings.Trim(digest, "0123456789abcdef") != "":
			return nil, &fileFault{Detail: fmt.Sprintf("Line %d of its manifest has no %s of %d hex digits: %s.", n+1, algorithm, length, bounded(line, 200)), Repair: "Write it anew: `openssl sha256 *.ovf *.vmdk > machine.mf`, and pack the OVA again."}
		case !there[name]:
			return nil, &fileFault{Detail: fmt.Sprintf("Its manifest names %s, which is not in the archive.", bounded(name, 200)), Repair: "Pack it with all its files: `tar cf machine.ova machine.ovf machine.mf machine-disk1.vmdk`."}
		case seen[name]:
			return nil, &fileFault{Detail: fmt.Sprintf("Its manifest names %s twice.", bounded(name, 200)), Repair: "Write it anew: `openssl sha256 *.ovf *.vmdk > machine.mf`, and pack the OVA again."}
		}
		seen[name] = true
		sums = append(sums, ovaSum{name, algorithm, digest})
	}
	return sums, nil
}
