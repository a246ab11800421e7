package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"volary.dev/provisioner"
	"volary.dev/provisioner/image/magic"
	"volary.dev/provisioner/typed"
)

// The reasons for which nothing can be verified on a machine. Uploads stay unverified then.
var (
	ErrNoQEMUImg = errors.New("qemu-img is not installed (Debian: qemu-utils)")
	ErrNoXZ      = errors.New("xz is not installed (Debian: xz-utils)")
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

// Progress is what a verification tells as it goes on. Neither is called from two goroutines at once, and either may be nil.
type Progress struct {
	Checks func([]provisioner.ImageCheck)   // all so far, at each new one
	Step   func(provisioner.UploadProgress) // some times a second
}

// Verify judges the file at path by limits. A refused file is a Result, not an error. What is cheap comes first: what the header and the
// tables refuse is not hashed, unless a digest was given (a file that was cut short is told as that). What must be read as a whole is hashed
// beside the rest. ErrNoQEMUImg, ErrNoXZ and ErrNoSandbox come with a Result that carries the checks so far in state unverified (or refused,
// where they already failed); a *NoRoomError says that there was no room; another error means that the machine failed. After each of
// them the same file may be tried again.
func (v *Verifier) Verify(ctx context.Context, path string, limits Limits, progress Progress) (Result, error) {
	file, err := os.Open(path) //nolint:gosec // the caller's own choice, no stranger's
	if err != nil {
		return Result{}, fmt.Errorf("verify image: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Result{}, fmt.Errorf("verify image: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	w := &verification{v: v, ctx: ctx, cancel: cancel, file: file, path: path, size: info.Size(), limits: limits, progress: progress}
	defer func() {
		cancel(nil)
		_, _ = w.sum.wait() // it reads the file
	}()
	switch err := w.run(); {
	case errors.Is(err, ErrNoQEMUImg), errors.Is(err, ErrNoXZ), errors.Is(err, ErrNoSandbox):
		w.result.Discard()
		w.result.Digest, _ = w.sum.wait()
		w.result.State, w.result.Reason = provisioner.UploadUnverified, lacking(err)
		return w.result, err
	case err != nil && !errors.Is(context.Cause(ctx), errOther):
		w.result.Discard()
		return Result{}, fmt.Errorf("verify image: %w", err)
	}
	if err := w.judge(); err != nil {
		w.result.Discard()
		return Result{}, fmt.Errorf("verify image: %w", err)
	}
	return w.result, nil
}

// lacking says to whoever brought a file why nobody looks at it. What exactly a machine lacks is its operator's to know, and in the error.
func lacking(err error) string {
	must := "let it open images in a sandbox; `worker sandbox` says there what to grant"
	switch {
	case errors.Is(err, ErrNoQEMUImg):
		must = "install qemu-img on it (Debian: qemu-utils)"
	case errors.Is(err, ErrNoXZ):
		must = "install xz on it (Debian: xz-utils)"
	}
	return "The machine that checks uploads cannot check this file yet: the operator must " + must + "."
}

// room makes sure of what a verification writes at most of a disk: its data, which one that is not raw is unpacked to, and the
// canonical form, which may be made already, and which the blob store may have to copy to another file system.
func (v *Verifier) room(seen Inspection, made bool) (release func(), err error) {
	// Of a disk with few data, far apart, the tables are more than a fiftieth of them.
	canonical := canonicalMost(seen.DataSize) + seen.VirtualSize>>12
	need := canonical
	if seen.Format != FormatRaw {
		need += seen.DataSize
	}
	if made {
		need -= canonical
	}
	var claims []claim
	if need > 0 {
		claims = append(claims, claim{v.Scratch, ScratchFolder, need})
	}
	if v.Keep != "" && !sameFileSystem(v.Scratch, v.Keep) {
		claims = append(claims, claim{v.Keep, "the folder of images", canonical})
	}
	return v.rooms.take(claims...)
}

// canonicalMost is the most that the canonical form of a disk with so much data takes: what does not compress is stored
// as it is, beside tables of less than a fiftieth.
func canonicalMost(data int64) int64 { return data + data/50 + 16<<20 }

// findProgram finds a program that is to be confined.
func findProgram(name string, missing error) (string, error) {
	program, err := exec.LookPath(name)
	if err != nil {
		return "", missing
	}
	if err := sandboxed(); err != nil {
		return "", err
	}
	// Landlock grants the file behind a symbolic link, not the link.
	return filepath.EvalSymlinks(program)
}

func findQEMUImg() (string, error) { return findProgram("qemu-img", ErrNoQEMUImg) }

// verification is one run of Verify.
type verification struct {
	v        *Verifier
	ctx      context.Context
	cancel   context.CancelCauseFunc
	file     *os.File // the upload
	path     string
	size     int64
	limits   Limits
	progress Progress
	result   Result

	sum     hashing                    // of the upload
	program string                     // qemu-img
	now     provisioner.UploadProgress // of which disk is looked at
	images  []provisioner.VerifiedImage
	made    []string // paths of their canonical forms
}

// run looks what the upload is, and takes it through. It stops at the first failed check, without an error.
func (w *verification) run() error {
	kind, err := w.kind()
	if err != nil {
		return err
	}
	archive := kind.Format == "ova" || kind.Format == "bundle" // which is hashed with its members
	if w.limits.Digest != "" && !archive {
		w.hash()
	}
	if kind.Use != magic.Wrapper {
		return w.plain()
	}
	if !w.check("file size", w.size <= w.limits.MaxFile, bytesText(w.size), fmt.Sprintf("At most %s are taken.", bytesText(w.limits.MaxFile))) {
		return nil
	}
	if !archive {
		w.hash()
	}
	if w.program, err = findQEMUImg(); err != nil {
		return err
	}
	if err := w.openScratch(); err != nil {
		return err
	}
	switch kind.Format {
	case "ova":
		return w.ova()
	case "bundle":
		return w.bundle()
	}
	return w.compressed(kind)
}

// kind is what the first bytes tell, where they tell one thing.
func (w *verification) kind() (magic.Kind, error) {
	in := boundedReader{r: w.file, size: whole(w.size)}
	end := in.bytes(whole(max(0, w.size-magic.EndSize)), magic.EndSize)
	kinds := magic.Look(in.bytes(0, magic.Enough), end, w.size)
	if in.err != nil || len(kinds) != 1 {
		return magic.Kind{}, in.err
	}
	return kinds[0], nil
}

// plain takes an upload that is a disk.
func (w *verification) plain() error {
	d := &disk{verification: w, path: w.path, limits: w.limits}
	fine, err := d.inspect()
	w.result.Format = string(d.format)
	if err != nil || !fine {
		return err
	}
	release, err := w.v.room(d.seen, d.made != "")
	if err != nil {
		return err
	}
	defer release()
	w.hash()
	if w.program, err = findQEMUImg(); err != nil {
		return err
	}
	if err := w.openScratch(); err != nil {
		return err
	}
	return d.make()
}

// compressed takes an upload that is a disk in a wrapper.
func (w *verification) compressed(kind magic.Kind) error {
	d := &disk{verification: w}
	if fine, err := d.unwrap(kind, w.path); err != nil || !fine {
		return err
	}
	fine, err := d.inspect()
	w.result.Format = string(d.format) + " in " + kind.Format
	if err != nil || !fine {
		return err
	}
	release, err := w.v.room(d.seen, d.made != "")
	if err != nil {
		return err
	}
	defer release()
	return d.make()
}

func (w *verification) openScratch() (err error) {
	w.result.scratch, err = newScratch(w.v.Scratch)
	return err
}

// scratchFile makes an empty file of ours.
func (w *verification) scratchFile(name string) (string, error) {
	path := filepath.Join(w.result.scratch.path, name)
	return path, os.WriteFile(path, nil, 0o600)
}

// check adds a line to the verdict and tells whether it passed. The detail says what was seen either way.
func (w *verification) check(name string, passed bool, detail, repair string) bool {
	if passed {
		repair = ""
	}
	w.add(provisioner.ImageCheck{Name: name, Passed: passed, Detail: detail, Repair: repair})
	return passed
}

// warn adds a line that passed, and says what is doubtful and what to do.
func (w *verification) warn(name, detail, repair string) {
	w.add(provisioner.ImageCheck{Name: name, Passed: true, Warned: true, Detail: detail, Repair: repair})
}

func (w *verification) add(checks ...provisioner.ImageCheck) {
	for _, c := range checks {
		c.Member, c.Detail, c.Repair = w.now.Member, keepable(c.Detail), keepable(c.Repair)
		w.result.Checks = append(w.result.Checks, c)
	}
	if w.progress.Checks != nil {
		w.progress.Checks(w.result.Checks)
	}
}

// keepable is a text, of which a part may be a stranger's, as the store keeps it and pages and logs show it.
func keepable(text string) string { return typed.Plain(text) }

// step tells what is done now, of how many bytes; total 0: nobody knows of how many.
func (w *verification) step(words string, done, total int64) {
	if w.progress.Step == nil {
		return
	}
	now := w.now
	now.Step, now.Done, now.Total = words, done, total
	w.progress.Step(now)
}

// judge sets the state by the checks. What a refused file left is dropped.
func (w *verification) judge() (err error) {
	if w.limits.Digest != "" {
		w.hash() // the file was refused before it was
	}
	if w.sum.begun() {
		if w.result.Digest, err = w.sum.wait(); err != nil {
			return err
		}
	}
	w.now = provisioner.UploadProgress{}
	if w.limits.Digest != "" {
		w.announced(w.limits.Digest)
	}
	for _, c := range w.result.Checks {
		if !c.Passed {
			w.result.State, w.result.Reason = provisioner.UploadRefused, c.Detail
			if c.Member != "" {
				w.result.Reason = c.Member + ": " + c.Detail
			}
			w.result.Discard()
			return nil
		}
	}
	w.result.State, w.result.Images, w.result.Canonical = provisioner.UploadDone, w.images, w.made
	return nil
}

// announced puts before all other checks whether the file is the one that was announced: one that is not tells nothing of the right one.
func (w *verification) announced(expected string) {
	c := provisioner.ImageCheck{Name: "digest", Passed: w.result.Digest == expected, Detail: "The SHA-256 of the file is the one that was given: " + expected + "."}
	if !c.Passed {
		c.Detail = "The SHA-256 of the file is " + w.result.Digest + ", and " + expected + " was given."
		c.Repair = "See on the machine that has it whether `sha256sum FILE` gives what its source says. If not, fetch it again; if so, correct what you give. Then upload it again."
	}
	w.result.Checks = append([]provisioner.ImageCheck{c}, w.result.Checks...)
	w.add()
}
