package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"volary.dev/provisioner/certificate"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/manifest"
)

type certificateCommand struct {
	Verify certificateVerify `cmd:"" help:"Check a certificate without the internet: who signed it, and whether a document and image files are those that were tested. Ends with 0: all is so; 1: something is not; 2: something could not be checked."`
}

type certificateVerify struct {
	File     string   `arg:"" help:"The certificate, as its page lets it be downloaded."`
	Keys     string   `help:"The keys, as /certificates/keys.json has them: fetch them yourself, from the deployment that you trust."`
	Document string   `help:"The document of the model cluster: cluster.yaml, or its canonical JSON."`
	Images   []string `arg:"" optional:"" help:"Image files: whether they are the very files that were uploaded or kept, or raw or qcow2 disks of which a guest reads the same."`
}

// exitError ends the program with a code of its own; what there is to say was written.
type exitError int

func (e exitError) Error() string {
	return [...]string{1: "not as certified", 2: "not everything could be checked"}[e]
}

// ExitCode implements kong's ExitCoder.
func (e exitError) ExitCode() int { return int(e) }

const (
	exitDiffers   exitError = 1
	exitUnchecked exitError = 2
)

// Run implements kong's command.
func (v certificateVerify) Run(ctx context.Context) error { return v.run(ctx, os.Stdout) }

func (v certificateVerify) run(ctx context.Context, out io.Writer) error {
	envelope, err := readBounded(v.File, 1<<20)
	if err != nil {
		return err
	}
	var ring certificate.Ring
	if v.Keys != "" {
		b, err := readBounded(v.Keys, 16<<20)
		if err != nil {
			return err
		}
		if ring, err = certificate.ReadRing(b); err != nil {
			return fmt.Errorf("%s: %w", v.Keys, err)
		}
	}
	found, err := certificate.Verify(envelope, ring)
	if err != nil {
		return fmt.Errorf("%s: %w", v.File, err)
	}
	t := found.Statement.Predicate.Test
	p := printer{out: out}
	p.line("%q %q, tested on %q of %q at %s", t.Model, t.Version, t.Pool, t.Provider.Name, t.Ended.UTC().Format("2006-01-02 15:04:05 MST"))
	v.signatures(&p, found)
	for _, l := range t.NotObserved {
		p.line("not observed: %s: %s", printable(l.What), printable(l.Why))
	}
	if v.Document != "" {
		v.document(&p, t)
	}
	for _, name := range v.Images {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.finding(imageFinding(ctx, t, name))
	}
	return p.end()
}

// signatures says what each is worth.
func (v certificateVerify) signatures(p *printer, found certificate.Verified) {
	for _, s := range found.Signatures {
		by := "the platform"
		switch {
		case s.Key.ID == "":
			by = "an unknown key"
		case !s.Key.Platform():
			by = strconv.Quote(s.Key.Of.Name)
		}
		p.line("signature of %s: %s (key %s)", by, s.State, printable(s.KeyID))
		if s.Key.Revoked != nil {
			p.line("  revoked at %s: %s", s.Key.Revoked.At.UTC().Format("2006-01-02 15:04:05 MST"), printable(s.Key.Revoked.Reason))
		}
	}
	switch {
	case v.Keys == "":
		p.line("the signatures are not checked: name the keys by --keys")
		p.unchecked = true
	case !found.Valid():
		p.line("the certificate is not valid: no signature of it is, or one is broken")
		p.differs = true
	default:
		p.line("the certificate is valid")
	}
}

func (v certificateVerify) document(p *printer, t certificate.Test) {
	b, err := readBounded(v.Document, 2<<20)
	if err != nil {
		p.line("%s: unchecked: %s", v.Document, err)
		p.unchecked = true
		return
	}
	digest, err := documentDigest(v.Document, b)
	if err != nil {
		p.line("%s: differs: %s", v.Document, err)
		p.differs = true
		return
	}
	p.finding(t.CompareDocument(v.Document, digest))
}

// documentDigest is that of the canonical form, which a file of it may have one line's end behind.
func documentDigest(name string, b []byte) (string, error) {
	if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
		m, err := manifest.ReadYAML(b)
		if err != nil {
			return "", fmt.Errorf("no document that could have been tested: %w", err)
		}
		return manifest.Digest(manifest.Canonical(m)), nil
	}
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if _, err := manifest.Read(b); err != nil {
		return "", fmt.Errorf("no document that could have been tested: %w", err)
	}
	return manifest.Digest(b), nil
}

func imageFinding(ctx context.Context, t certificate.Test, name string) certificate.Finding {
	file, err := os.Open(name)
	if err != nil {
		return certificate.Finding{What: name, Outcome: certificate.Unchecked, Sentence: err.Error()}
	}
	defer file.Close()
	f := certificate.File{Name: name}
	if f.Digest, err = fileDigest(ctx, file); err != nil {
		return certificate.Finding{What: name, Outcome: certificate.Unchecked, Sentence: err.Error()}
	}
	// Another file may be the same disk: what a guest sees of it decides.
	if looked, err := image.Look(ctx, name, image.DefaultLimits()); err == nil {
		f.Guest = looked.GuestDigest
	} else {
		f.Why = err.Error()
	}
	return t.CompareImage(f)
}

// fileDigest is the SHA-256 of a file as it lies.
func fileDigest(ctx context.Context, file io.Reader) (string, error) {
	h := sha256.New()
	for {
		if _, err := io.CopyN(h, file, 1<<20); errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		} else if err != nil {
			return "", fmt.Errorf("read the image: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
	}
}

// readBounded reads a file of at most so many bytes.
func readBounded(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return b, nil
}

// printable shows a stranger's text as it is, without what a terminal would obey.
func printable(s string) string {
	quoted := strconv.QuoteToGraphic(s)
	return quoted[1 : len(quoted)-1]
}

// printer writes what was found, and remembers the worst of it.
type printer struct {
	out                io.Writer
	differs, unchecked bool
	err                error
}

func (p *printer) line(format string, args ...any) {
	_, err := fmt.Fprintf(p.out, format+"\n", args...)
	p.err = errors.Join(p.err, err)
}

func (p *printer) finding(f certificate.Finding) {
	p.line("%s: %s: %s", f.What, f.Outcome, f.Sentence)
	p.differs = p.differs || f.Outcome == certificate.Differs
	p.unchecked = p.unchecked || f.Outcome == certificate.Unchecked
}

func (p *printer) end() error {
	switch {
	case p.err != nil:
		return p.err
	case p.differs:
		return exitDiffers
	case p.unchecked:
		return exitUnchecked
	default:
		return nil
	}
}
