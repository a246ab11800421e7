package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
)

// disk is one disk on its way from a file to an image: inspect, structure, unpack, content, canonical form. Each step adds to the
// verdict, and tells false where the disk is refused.
type disk struct {
	*verification
	path   string // of the file
	limits Limits
	own    bool // the file lies in the scratch folder and goes as soon as nothing needs it

	made   string // path of the canonical form, where it was made as the disk came; its guest-visible digest is known then
	format Format
	seen   Inspection
	image  provisioner.VerifiedImage // as far as it is known
}

// inspect judges header and tables by our own code.
func (d *disk) inspect() (bool, error) {
	file, err := os.Open(d.path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	if d.seen, err = Inspect(file, info.Size(), d.limits); err != nil {
		return false, err
	}
	d.format, d.image.VirtualSize, d.image.Firmware = d.seen.Format, d.seen.VirtualSize, d.seen.Firmware
	d.add(d.seen.Checks...)
	if d.made != "" && d.format != FormatRaw {
		// Its start looked like that of a raw disk, and its end says what it is.
		if err := os.Remove(d.made); err != nil {
			return false, err
		}
		d.made, d.image.GuestDigest = "", ""
	}
	return d.seen.Passed(), nil
}

// make takes an inspected disk to its image.
func (d *disk) make() error {
	raw := d.path
	if d.format != FormatRaw {
		if fine, err := d.structure(); err != nil || !fine {
			return err
		}
		raw = filepath.Join(d.result.scratch.path, "raw")
		if fine, err := d.unpack(raw); err != nil || !fine {
			return err
		}
		if d.own {
			if err := os.Remove(d.path); err != nil {
				return err
			}
		}
	}
	if fine, err := d.content(raw); err != nil || !fine {
		return err
	}
	if d.made == "" {
		if err := d.canonical(raw); err != nil {
			return err
		}
	}
	if err := d.keep(); err != nil {
		return err
	}
	if raw != d.path || d.own {
		return os.Remove(raw)
	}
	return nil
}

// cpuSeconds allows a slow machine a hundred seconds, and one for each 16 MiB.
func (d *disk) cpuSeconds() int64 { return cpuSecondsOf(d.image.VirtualSize) }

func cpuSecondsOf(bytes int64) int64 { return 100 + bytes>>24 }

// compressing is how many times the processor time of reading a disk the making of its image may take.
const compressing = 4

// structure lets qemu-img check every table of a disk of a format that it can check. Leaked clusters only waste space, and are not copied.
func (d *disk) structure() (bool, error) {
	if !d.format.Checkable() {
		return true, nil
	}
	d.step("Checking its tables", 0, 0)
	o, err := confined{
		Program: d.program, Args: []string{"check", "-f", string(d.format), "--output=json", d.path},
		Read: d.path, CPUSeconds: d.cpuSeconds(),
	}.run(d.ctx)
	if err != nil {
		return false, err
	}
	var found struct {
		Corruptions int64 `json:"corruptions"`
		Leaks       int64 `json:"leaks"`
		Errors      int64 `json:"check-errors"`
	}
	const leaksOnly = 3
	repair := "Repair it where it was made: `qemu-img check -r all disk.qcow2`, then see that it boots."
	if d.format != FormatQCOW2 {
		repair = "Write it anew where it was made: `qemu-img convert -f " + string(d.format) + " -O qcow2 disk disk.qcow2`, then see that it boots."
	}
	switch parsed := json.Unmarshal([]byte(o.output), &found); {
	case o.limit != "":
		return d.check("structure", false, o.limit, "Convert it: `qemu-img convert -f "+string(d.format)+" -O qcow2 disk new.qcow2`."), nil
	case o.status != 0 && o.status != leaksOnly, parsed != nil, found.Corruptions > 0:
		detail := refusal.Plural(found.Corruptions, "corruption", "corruptions") + " and " + refusal.Plural(found.Errors, "error", "errors") + " were found in its tables."
		if parsed != nil {
			detail = "Its tables cannot be read: " + d.words(o) + "."
		}
		return d.check("structure", false, detail, repair), nil
	case found.Leaks > 0:
		return d.check("structure", true, "Sound; "+refusal.Plural(found.Leaks, "cluster is used by nothing and was", "clusters are used by nothing and were")+" left out.", ""), nil
	}
	return d.check("structure", true, "Every table is sound.", ""), nil
}

// words is what a program said, without our paths.
func (w *verification) words(o outcome) string {
	text := strings.ReplaceAll(o.words, w.path, "disk")
	if w.result.scratch.path != "" {
		text = strings.ReplaceAll(text, w.result.scratch.path, "")
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "qemu-img: "), ".")
	if line, _, more := strings.Cut(text, "\n"); more {
		text = line
	}
	if text = bounded(text, 300); text == "" {
		text = fmt.Sprintf("status %d", o.status)
	}
	return text
}

// bounded cuts a stranger's words.
func bounded(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// percents tells of a step as qemu-img does, in hundredths of a percent.
func (d *disk) percents(words string) func(int64) {
	return func(done int64) { d.step(words, d.image.VirtualSize/10000*done, d.image.VirtualSize) }
}

// unpack writes what a guest would read into a sparse raw file.
func (d *disk) unpack(raw string) (bool, error) {
	if err := os.WriteFile(raw, nil, 0o600); err != nil {
		return false, err
	}
	o, err := confined{
		Program: d.program, Args: append(append([]string{"convert", "-p", "-O", "raw"}, d.format.Source(d.path)...), raw),
		Read: d.path, Write: raw, FileBytes: d.image.VirtualSize, CPUSeconds: d.cpuSeconds(), Tell: d.percents("Reading its clusters"),
	}.run(d.ctx)
	if err != nil {
		return false, err
	}
	if o.status != 0 || o.limit != "" {
		detail := o.limit
		if detail == "" {
			detail = "Its data cannot be read: " + d.words(o) + "."
		}
		return d.check("data", false, detail, "Look at it where it was made: `qemu-img check -f "+string(d.format)+" disk`. Copy it again, or write it anew: `qemu-img convert -f "+string(d.format)+" -O qcow2 disk disk.qcow2`."), nil
	}
	info, err := os.Stat(raw)
	if err != nil {
		return false, err
	}
	if info.Size() != d.image.VirtualSize {
		return d.check("data", false, fmt.Sprintf("It unpacks to %d bytes, and its header says %d.", info.Size(), d.image.VirtualSize),
			"Write it anew where it was made: `qemu-img convert -f "+string(d.format)+" -O qcow2 disk disk.qcow2`."), nil
	}
	return d.check("data", true, "Every cluster was read.", ""), nil
}

// content looks whether the disk could boot. That of a raw file is what Inspect has looked at.
func (d *disk) content(raw string) (bool, error) {
	if d.format == FormatRaw {
		return true, nil
	}
	file, err := os.Open(raw)
	if err != nil {
		return false, err
	}
	defer file.Close()
	disk := inspection{file: boundedReader{r: file, size: whole(d.image.VirtualSize)}}
	sector := disk.file.bytes(0, 512)
	if !d.check("boot sector", bootSector(sector), map[bool]string{true: "Found.", false: "The disk's first sector has no boot signature (55 AA)."}[bootSector(sector)],
		"Upload a disk with a partition table and a boot loader.") {
		return false, nil
	}
	disk.guard(func() { disk.table(sector) })
	d.add(disk.Checks...)
	d.image.Firmware = disk.Firmware
	return disk.file.err == nil && disk.Failed() == nil, disk.file.err
}

// canonical makes the qcow2 that guests get of a raw disk that lies there as a whole.
func (d *disk) canonical(raw string) error {
	file, err := os.Open(raw)
	if err != nil {
		return err
	}
	defer file.Close()
	making, err := d.imageOf(d.image.VirtualSize)
	if err != nil {
		return err
	}
	every := teller{to: func(at int64) { d.step("Making the image", at, d.image.VirtualSize) }}
	every.tell(0)
	if err := making.guest.readGuest(d.ctx, file, d.image.VirtualSize, every.tell); err != nil {
		making.abandon()
		return err
	}
	d.made = making.path
	d.image.GuestDigest, err = making.finish(d.image.VirtualSize)
	return err
}

// imaged takes the canonical form that was made while the disk came, if one was.
func (d *disk) imaged(out *sparse) (err error) {
	making := out.making
	if making == nil {
		return nil
	}
	out.making = nil
	d.made = making.path
	d.image.GuestDigest, err = making.finish(out.at)
	return err
}

// keep looks at the canonical form with the same eyes as at an upload, and takes it. What is wrong with it is ours.
func (d *disk) keep() error {
	file, err := os.Open(d.made)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	limits := Limits{MaxFile: info.Size(), MaxVirtual: d.image.VirtualSize}
	seen, err := Inspect(file, info.Size(), limits)
	if err != nil {
		return err
	}
	// How well it compresses is no question here: what it unfolds to is known.
	for _, c := range seen.Checks {
		if !c.Passed && c.Name != "compression" {
			return fmt.Errorf("the canonical image is refused: %s: %s", c.Name, c.Detail)
		}
	}
	if seen.Format != FormatQCOW2 || seen.VirtualSize != d.image.VirtualSize {
		return fmt.Errorf("the canonical image is %s of %d bytes, not of %d", seen.Format, seen.VirtualSize, d.image.VirtualSize)
	}
	every := teller{to: func(at int64) { d.step("Hashing the image", at, info.Size()) }}
	every.tell(0)
	sound := make(chan error, 1)
	go func() { sound <- d.sound(d.made) }()
	d.image.CanonicalDigest, err = digest(d.ctx, file, info.Size(), every.tell)
	if err := errors.Join(err, <-sound); err != nil {
		return err
	}
	every.end()
	d.image.CanonicalSize = info.Size()
	d.images, d.verification.made = append(d.images, d.image), append(d.verification.made, d.made)
	d.check("canonical form", true, fmt.Sprintf("A clean qcow2 of %s was made; guests get that and never the upload.", bytesText(info.Size())), "")
	return nil
}

// sound has qemu-img follow every reference of the canonical form.
func (d *disk) sound(path string) error {
	o, err := confined{Program: d.program, Args: []string{"check", "-f", string(FormatQCOW2), path}, Read: path, CPUSeconds: d.cpuSeconds()}.run(d.ctx)
	if err == nil && (o.status != 0 || o.limit != "") {
		err = fmt.Errorf("the canonical image is not sound: %s %s", o.limit, d.words(o))
	}
	return err
}
