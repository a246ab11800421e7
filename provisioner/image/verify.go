package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
)

// The reasons for which nothing can be verified on a machine. Uploads stay unverified then.
var (
	ErrNoQEMUImg = errors.New("qemu-img is not installed (Debian: qemu-utils)")
	ErrNoSandbox = errors.New("images cannot be opened safely on this machine")
)

var errNoSpace = errors.New("no space left to check images")

// Verifier makes verdicts and canonical images.
type Verifier struct {
	// Scratch is a folder with room for the largest disk's data, twice; with the blob store on the same file
	// system the result needs no copy.
	Scratch string
	Keep    string // folder of the blob store, which takes the result; empty where nothing does

	rooms rooms
}

// Result is a verdict, and where it is done the canonical qcow2 of each of its images in a scratch folder.
type Result struct {
	provisioner.UploadVerdict
	Canonical []string // a path for each of Images; the caller moves them away or calls Discard
	scratch   scratch
}

// Discard removes what is left in the scratch folder.
func (r *Result) Discard() {
	r.scratch.remove()
	r.scratch = scratch{}
}

// Verify judges the file at path by limits. progress, which may be nil, is told the checks so far at each step. A
// refused file is a Result, not an error. What is cheap comes first: what the header and the tables refuse is not hashed, unless a
// digest was given (a file that was cut short is told as that); and where there is no room (*NoRoomError) nothing has been written. ErrNoQEMUImg and ErrNoSandbox come with a Result that
// carries the header's checks in state unverified (or refused, where they already failed); another error means that the
// machine failed and the same file may be tried again.
func (v *Verifier) Verify(ctx context.Context, path string, limits Limits, progress func([]provisioner.ImageCheck)) (Result, error) {
	file, err := os.Open(path)
	if err != nil {
		return Result{}, fmt.Errorf("verify image: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Result{}, fmt.Errorf("verify image: %w", err)
	}
	seen, err := Inspect(file, info.Size(), limits)
	if err != nil {
		return Result{}, fmt.Errorf("verify image: %w", err)
	}
	w := &verification{v: v, ctx: ctx, path: path, progress: progress}
	w.result.Checks, w.result.Format, w.disk.VirtualSize = seen.Checks, string(seen.Format), seen.VirtualSize
	w.disk.Firmware = seen.Firmware
	w.tell()
	announced := true
	if limits.Digest != "" {
		if w.result.Digest, err = digest(ctx, file, info.Size()); err != nil {
			return Result{}, fmt.Errorf("verify image: %w", err)
		}
		announced = w.announced(limits.Digest)
	}
	if !announced || !seen.Passed() {
		w.judge()
		return w.result, nil
	}
	release, err := v.room(seen)
	if err != nil {
		return Result{}, fmt.Errorf("verify image: %w", err)
	}
	defer release()
	if w.result.Digest == "" {
		if w.result.Digest, err = digest(ctx, file, info.Size()); err != nil {
			return Result{}, fmt.Errorf("verify image: %w", err)
		}
	}
	if w.program, err = findQEMUImg(); err != nil {
		w.result.State, w.result.Reason = provisioner.UploadUnverified, err.Error()+"."
		return w.result, err
	}
	if err := w.run(); err != nil {
		w.result.Discard()
		return Result{}, fmt.Errorf("verify image: %w", err)
	}
	w.judge()
	return w.result, nil
}

// room makes sure of what a verification writes at most: the disk's data, which an upload in qcow2 is unpacked to, and the
// canonical form, which the blob store may have to copy to another file system.
func (v *Verifier) room(seen Inspection) (release func(), err error) {
	canonical := canonicalMost(seen.DataSize)
	need := canonical
	if seen.Format == FormatQCOW2 {
		need += seen.DataSize
	}
	claims := []claim{{v.Scratch, "the folder in which images are checked", need}}
	if v.Keep != "" && !sameFileSystem(v.Scratch, v.Keep) {
		claims = append(claims, claim{v.Keep, "the folder of images", canonical})
	}
	return v.rooms.take(claims...)
}

// canonicalMost is the most that the canonical form of a disk with so much data takes: what does not compress is stored
// as it is, beside tables of less than a fiftieth.
func canonicalMost(data int64) int64 { return data + data/50 + 16<<20 }

func findQEMUImg() (string, error) {
	program, err := exec.LookPath("qemu-img")
	if err != nil {
		return "", ErrNoQEMUImg
	}
	if missing := sandboxMissing(); missing != "" {
		return "", fmt.Errorf("%w: %s", ErrNoSandbox, missing)
	}
	// Landlock grants the file behind a symbolic link, not the link.
	return filepath.EvalSymlinks(program)
}

// verification is one run of Verify.
type verification struct {
	v        *Verifier
	ctx      context.Context
	path     string // of the upload
	program  string
	progress func([]provisioner.ImageCheck)
	result   Result

	disk provisioner.VerifiedImage // as far as it is known
	made string                    // path of its canonical form
}

func (w *verification) tell() {
	if w.progress != nil {
		w.progress(w.result.Checks)
	}
}

func (w *verification) check(name string, passed bool, detail, repair string) bool {
	if passed {
		repair = ""
	}
	w.result.Checks = append(w.result.Checks, provisioner.ImageCheck{Name: name, Passed: passed, Detail: detail, Repair: repair})
	w.tell()
	return passed
}

// announced puts before all other checks whether the file is the one that was announced: one that is not tells nothing of the right one.
func (w *verification) announced(expected string) bool {
	c := provisioner.ImageCheck{Name: "digest", Passed: w.result.Digest == expected, Detail: "The SHA-256 of the file is the one that was given: " + expected + "."}
	if !c.Passed {
		c.Detail = "The SHA-256 of the file is " + w.result.Digest + ", and " + expected + " was given."
		c.Repair = "See on the machine that has it whether `sha256sum FILE` gives what its source says. If not, fetch it again; if so, correct what you give. Then upload it again."
	}
	w.result.Checks = append([]provisioner.ImageCheck{c}, w.result.Checks...)
	w.tell()
	return c.Passed
}

// judge sets the state by the checks. What a refused file left is dropped; one that is not is one image.
func (w *verification) judge() {
	for _, c := range w.result.Checks {
		if !c.Passed {
			w.result.State, w.result.Reason = provisioner.UploadRefused, c.Detail
			w.result.Discard()
			return
		}
	}
	w.result.State, w.result.Images, w.result.Canonical = provisioner.UploadDone, []provisioner.VerifiedImage{w.disk}, []string{w.made}
}

// run takes an inspected file through structure, content and canonical form. It stops at the first failed check.
func (w *verification) run() error {
	folder, err := newScratch(w.v.Scratch)
	if err != nil {
		return err
	}
	w.result.scratch = folder
	raw := w.path
	if Format(w.result.Format) == FormatQCOW2 {
		if fine, err := w.structure(); err != nil || !fine {
			return err
		}
		raw = filepath.Join(folder.path, "raw")
		if fine, err := w.unpack(raw); err != nil || !fine {
			return err
		}
	}
	if fine, err := w.content(raw); err != nil || !fine {
		return err
	}
	return w.canonical(raw)
}

// cpuSeconds allows a slow machine a hundred seconds, and one for each 16 MiB.
func (w *verification) cpuSeconds() int64 { return 100 + w.disk.VirtualSize>>24 }

// structure lets qemu-img check every table of a qcow2. Leaked clusters only waste space, and are not copied.
func (w *verification) structure() (bool, error) {
	o, err := confined{
		Program: w.program, Args: []string{"check", "-f", "qcow2", "--output=json", w.path},
		Read: w.path, CPUSeconds: w.cpuSeconds(),
	}.run(w.ctx)
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
	switch parsed := json.Unmarshal([]byte(o.output), &found); {
	case o.limit != "":
		return w.check("structure", false, o.limit, "Convert it: `qemu-img convert -O qcow2 disk.qcow2 new.qcow2`."), nil
	case o.status != 0 && o.status != leaksOnly, parsed != nil, found.Corruptions > 0:
		detail := refusal.Plural(found.Corruptions, "corruption", "corruptions") + " and " + refusal.Plural(found.Errors, "error", "errors") + " were found in its tables."
		if parsed != nil {
			detail = "Its tables cannot be read: " + w.words(o) + "."
		}
		return w.check("structure", false, detail, repair), nil
	case found.Leaks > 0:
		return w.check("structure", true, "Sound; "+refusal.Plural(found.Leaks, "cluster is used by nothing and was", "clusters are used by nothing and were")+" left out.", ""), nil
	}
	return w.check("structure", true, "Every table is sound.", ""), nil
}

// words is what qemu-img said, without our paths.
func (w *verification) words(o outcome) string {
	text := strings.ReplaceAll(o.words, w.path, "disk")
	if w.result.scratch.path != "" {
		text = strings.ReplaceAll(text, w.result.scratch.path, "")
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "qemu-img: "), ".")
	if line, _, more := strings.Cut(text, "\n"); more {
		text = line
	}
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	if text == "" {
		text = fmt.Sprintf("status %d", o.status)
	}
	return text
}

// unpack writes what a guest would read into a sparse raw file.
func (w *verification) unpack(raw string) (bool, error) {
	if err := os.WriteFile(raw, nil, 0o600); err != nil {
		return false, err
	}
	o, err := confined{
		Program: w.program, Args: []string{"convert", "-f", "qcow2", "-O", "raw", w.path, raw},
		Read: w.path, Write: raw, FileBytes: w.disk.VirtualSize, CPUSeconds: w.cpuSeconds(),
	}.run(w.ctx)
	if err != nil {
		return false, err
	}
	if o.status != 0 || o.limit != "" {
		detail := o.limit
		if detail == "" {
			detail = "Its data cannot be read: " + w.words(o) + "."
		}
		return w.check("data", false, detail, "Repair it where it was made: `qemu-img check -r all disk.qcow2`, or copy it again."), nil
	}
	return w.check("data", true, "Every cluster was read.", ""), nil
}

// content looks whether the disk could boot, and then hashes what a guest reads. The holes of a disk are not read, but
// their zeros are hashed: SHA-256 cannot pass over them, and what bounds that is the size of the disk.
func (w *verification) content(raw string) (bool, error) {
	if Format(w.result.Format) == FormatRaw {
		w.disk.ContentDigest = w.result.Digest // Inspect has looked, and the file is the disk
		return true, nil
	}
	file, err := os.Open(raw)
	if err != nil {
		return false, err
	}
	defer file.Close()
	disk := inspection{file: boundedReader{r: file, size: whole(w.disk.VirtualSize)}}
	sector := disk.file.bytes(0, 512)
	if !w.check("boot sector", bootSector(sector), map[bool]string{true: "Found.", false: "The disk's first sector has no boot signature (55 AA)."}[bootSector(sector)],
		"Upload a disk with a partition table and a boot loader.") {
		return false, nil
	}
	disk.table(sector)
	w.result.Checks, w.disk.Firmware = append(w.result.Checks, disk.Checks...), disk.Firmware
	w.tell()
	if disk.file.err != nil || disk.Failed() != nil {
		return false, disk.file.err
	}
	w.disk.ContentDigest, err = sparseDigest(w.ctx, file, w.disk.VirtualSize)
	return err == nil, err
}

// canonical makes the qcow2 that guests get, always in the same way: zstd took a fifth of zlib's time and less
// space, and the result does not depend on qemu-img's parallelism.
func (w *verification) canonical(raw string) error {
	to := filepath.Join(w.result.scratch.path, "canonical.qcow2")
	if err := os.WriteFile(to, nil, 0o600); err != nil {
		return err
	}
	o, err := confined{
		Program: w.program, Args: []string{
			"convert", "-c", "-f", "raw", "-O", "qcow2",
			"-o", "compat=1.1,compression_type=zstd,cluster_size=65536,lazy_refcounts=off", raw, to,
		},
		Read: raw, Write: to, FileBytes: canonicalMost(w.disk.VirtualSize), CPUSeconds: 4 * w.cpuSeconds(),
	}.run(w.ctx)
	if err != nil {
		return err
	}
	if o.status != 0 || o.limit != "" {
		// Its input is a plain file of ours: this is no fault of the image.
		return fmt.Errorf("make canonical image: %s %s", o.limit, w.words(o))
	}
	file, err := os.Open(to)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if w.disk.CanonicalDigest, err = digest(w.ctx, file, info.Size()); err != nil {
		return err
	}
	w.disk.CanonicalSize, w.made = info.Size(), to
	w.check("canonical form", true, fmt.Sprintf("A clean qcow2 of %s was made; guests get that and never the upload.", bytesText(info.Size())), "")
	return nil
}
