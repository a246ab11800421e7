package image

import (
	"crypto/sha1" //nolint:gosec // manifests of OVAs have it; it tells damage, not intent
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"volary.dev/provisioner/image/magic"
	"volary.dev/provisioner/refusal"
)

// listSeconds is the processor time for the list of an OVA.
const listSeconds = 60

// ova takes an OVA: one image of each machine that it describes.
func (w *verification) ova() error {
	w.result.Format = "ova"
	w.step("Reading the description", 0, 0)
	o, err := confined{Task: "list ova", Read: w.path, CPUSeconds: listSeconds}.run(w.ctx)
	if err != nil {
		return err
	}
	if o.fault != nil {
		return w.noOVA(o.fault.Detail, orRepack(o.fault.Repair))
	}
	var c ovaContents
	if err := json.Unmarshal(o.answer, &c); err != nil || !c.sane(w.size) {
		return w.noOVA("Reading it went astray: what came of it makes no sense.", repack)
	}
	w.check("OVA", true, fmt.Sprintf("It holds %s and describes %s: %s.", refusal.Plural(int64(len(c.Members)), "file", "files"), refusal.Plural(int64(len(c.Systems)), "machine", "machines"), c.names()), "")
	if fine, err := w.manifest(c); err != nil || !fine {
		return err
	}
	boots, fine := w.boots(c)
	if !fine {
		return nil
	}
	for n, b := range boots {
		w.now.Member, w.now.Number, w.now.Of = b.member.Name, n+1, len(boots)
		if fine, err := w.memberDisk(b); err != nil || !fine {
			return err
		}
	}
	return nil
}

// noOVA refuses the file, which is no failure of the machine.
func (w *verification) noOVA(detail, repair string) error {
	w.check("OVA", false, detail, repair)
	return nil
}

func orRepack(repair string) string {
	if repair == "" {
		return repack
	}
	return repair
}

// sane looks at what the child answered as at a stranger's words: places in the archive are in order and inside, and names are its members'.
func (c ovaContents) sane(size int64) bool {
	if len(c.Members) == 0 || len(c.Members) > ovaMembers || len(c.Systems) == 0 || len(c.Systems) > ovaSystems {
		return false
	}
	names, at := map[string]bool{}, int64(0)
	for _, m := range c.Members {
		if m.Name == "" || len(m.Name) > 255 || keepable(m.Name) != m.Name || names[m.Name] || m.At < at || m.Size < 0 || m.Size > size-m.At {
			return false
		}
		names[m.Name], at = true, m.At+m.Size
	}
	for _, s := range c.Systems {
		if keepable(s.Name) != s.Name || len(s.Name) > 1<<10 || s.VCPUs < 0 || s.VCPUs > ovaVCPUs || s.MemoryMiB < 0 || s.MemoryMiB > ovaMemoryMiB {
			return false
		}
		for _, d := range s.Disks {
			if d.Member != "" && !names[d.Member] {
				return false
			}
		}
	}
	for _, s := range c.Sums {
		if !names[s.Name] || newHash(s.Algorithm) == nil {
			return false
		}
	}
	return true
}

func (c ovaContents) names() string {
	var names []string
	for _, s := range c.Systems {
		names = append(names, s.Name)
	}
	return bounded(strings.Join(names, ", "), 300)
}

func (c ovaContents) member(name string) ovaMember {
	n := slices.IndexFunc(c.Members, func(m ovaMember) bool { return m.Name == name })
	return c.Members[n]
}

func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "SHA1":
		return sha1.New() //nolint:gosec // as above
	case "SHA256":
		return sha256.New()
	case "SHA512":
		return sha512.New()
	}
	return nil
}

// manifest holds the members against their digests, in the same reading in which the whole is hashed.
func (w *verification) manifest(c ovaContents) (bool, error) {
	if c.Signed {
		w.warn("certificate", "It is signed. Who signed it is not looked at.", "If it matters, look at it where you have it: `ovftool --verifyOnly FILE`.")
	}
	slices.SortFunc(c.Sums, func(a, b ovaSum) int {
		if c.member(a.Name).At < c.member(b.Name).At {
			return -1
		}
		return 1
	})
	var spans []span
	for _, s := range c.Sums {
		m := c.member(s.Name)
		spans = append(spans, span{m.At, m.Size, newHash(s.Algorithm)})
	}
	w.hash(spans...)
	if len(c.Sums) == 0 {
		return w.check("manifest", true, "It has none: whether its disks are as they were made nobody can tell.", ""), nil
	}
	w.step("Comparing with its manifest", 0, 0)
	if _, err := w.sum.wait(); err != nil {
		return false, err
	}
	for n, s := range c.Sums {
		if got := hex.EncodeToString(spans[n].into.Sum(nil)); got != s.Digest {
			return w.check("manifest", false, fmt.Sprintf("The %s of %s is %s, and its manifest says %s.", s.Algorithm, s.Name, got, s.Digest),
				"The file changed after the OVA was made. Copy the OVA again from where it was made; if you changed the file on purpose, leave the manifest out: `tar cf machine.ova machine.ovf machine-disk1.vmdk`."), nil
		}
	}
	return w.check("manifest", true, refusal.Plural(int64(len(c.Sums)), "file is", "files are")+" as its manifest says.", ""), nil
}

// boot is the disk that a machine starts from.
type boot struct {
	system ovaSystem
	member ovaMember
	again  bool   // another machine before it has the same file
	called string // of all images of the upload this one's alone: the file's name, or one made of it

	canonical bool // it is said to be a canonical form
}

// boots finds the first disk of each machine. A node has one disk: others are left out, and said.
func (w *verification) boots(c ovaContents) (boots []boot, fine bool) {
	taken, called := map[string]bool{}, map[string]bool{}
	for n, s := range c.Systems {
		const repair = "Give it a disk that boots as its first one, and export it again."
		switch {
		case len(s.Disks) == 0:
			return nil, w.check("disks", false, s.Name+" has no disk in the description.", repair)
		case s.Disks[0].Member == "":
			return nil, w.check("disks", false, "The first disk of "+s.Name+" is an empty one, "+s.Disks[0].ID+".", repair)
		}
		m := c.member(s.Disks[0].Member)
		b := boot{system: s, member: m, again: taken[m.Name], called: m.Name}
		if b.again {
			b.called = fmt.Sprintf("%s (machine %d)", bounded(m.Name, 200), n+1)
		}
		if called[b.called] {
			return nil, w.check("disks", false, "Two of its images would be called "+bounded(b.called, 240)+": so is a file in it, and so would be the image of a machine that shares the disk of another.",
				"Give that file another name, in the description and in the manifest as well, and pack it anew: `tar cf machine.ova machine.ovf machine.mf machine-disk1.vmdk`.")
		}
		boots = append(boots, b)
		taken[m.Name], called[b.called] = true, true
		if len(s.Disks) > 1 {
			w.warn("disks", fmt.Sprintf("%s has %d disks. Its image is made of the first, %s; the others are left out: %s.", s.Name, len(s.Disks), m.Name, otherDisks(s)),
				"A node has one disk. Put what the others hold into the first, or upload one of them on its own if it boots.")
			continue
		}
		w.check("disks", true, fmt.Sprintf("The image of %s is made of %s.", s.Name, m.Name), "")
	}
	return boots, true
}

func otherDisks(s ovaSystem) string {
	var names []string
	for _, d := range s.Disks[1:] {
		if d.Member == "" {
			d.Member = "the empty " + d.ID
		}
		names = append(names, d.Member)
	}
	return bounded(strings.Join(names, ", "), 300)
}

// memberDisk takes the disk of one machine to its image.
func (w *verification) memberDisk(b boot) (bool, error) {
	name := b.member.Name
	if b.again {
		// Members are distinct. The disk is the same: it was looked at, and its image is there.
		for n, i := range w.images {
			if i.Member == name {
				i.Member, i.Name, i.VCPUs, i.MemoryMiB = b.called, b.system.Name, b.system.VCPUs, b.system.MemoryMiB
				w.images, w.made = append(w.images, i), append(w.made, w.made[n])
				return true, nil
			}
		}
	}
	before := len(w.made)
	d := &disk{verification: w, own: true, limits: w.limits}
	d.image.Member, d.image.Name, d.image.VCPUs, d.image.MemoryMiB = name, b.system.Name, b.system.VCPUs, b.system.MemoryMiB
	d.limits.MaxFile, d.limits.Canonical = max(w.limits.MaxFile, unwrappedMost(w.limits)), b.canonical
	if fine, err := d.extract(b.member); err != nil || !fine {
		return false, err
	}
	if fine, err := d.inspect(); err != nil || !fine {
		return false, err
	}
	release, err := w.v.room(d.seen, d.made != "")
	if err != nil {
		return false, err
	}
	defer release()
	err = d.make()
	return len(w.made) > before, err
}

// extract copies a member out of the archive, and takes the compression off that may be around it.
func (d *disk) extract(m ovaMember) (bool, error) {
	to, err := d.scratchFile("member")
	if err != nil {
		return false, err
	}
	file, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	defer file.Close()
	room := growing{v: d.v}
	defer room.end()
	every := teller{to: func(at int64) { d.step("Taking it out of the archive", at, m.Size) }}
	var start []byte
	out := sparse{file: file, most: m.Size, mostWritten: m.Size, reserve: room.reserve, tell: every.tell}
	defer out.abandon()
	out.judge = func(first []byte, _ bool) (err error) {
		start = slices.Clone(first)
		if isRaw(start) {
			out.making, err = d.imageOf(m.Size)
		}
		return err
	}
	if err := out.take(until{d.ctx, io.NewSectionReader(d.file, m.At, m.Size)}); err != nil {
		return false, err
	}
	if err := d.imaged(&out); err != nil {
		return false, err
	}
	d.path, d.limits.Data = to, max(out.written, 1)
	kinds := magic.Look(start, nil, 0)
	if len(kinds) != 1 || unwrappings[kinds[0].Format] == "" {
		return true, nil
	}
	if fine, err := d.unwrap(kinds[0], to); err != nil || !fine {
		return false, err
	}
	return true, os.Remove(to)
}
