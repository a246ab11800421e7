package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"volary.dev/provisioner/manifest"
)

type modelCommand struct {
	Export modelExport `cmd:"" help:"Write a published version as a bundle: its document, images and certificates in one file, which try boots and another deployment takes."`
	Check  modelCheck  `cmd:"" help:"Say what is wrong with a cluster.yaml, at its lines. It needs no server and no database."`
}

type modelCheck struct {
	File string `arg:"" help:"The file; - is standard input."`
}

// mostFile is more than a document may have: what is read beyond is refused by its size.
const mostFile = 4 << 20

// errModel is the end of a check that found something.
var errModel = errors.New("the file is not a model that can be published")

// Run implements kong's command. What is wrong is written as FILE:LINE:COLUMN, as compilers do.
func (m modelCheck) Run() error { return m.run(os.Stdin, os.Stdout) }

func (m modelCheck) run(in io.Reader, out io.Writer) error {
	if m.File != "-" {
		f, err := os.Open(m.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, mostFile))
	if err != nil {
		return fmt.Errorf("read %s: %w", m.File, err)
	}
	model, err := manifest.ReadYAML(data)
	var faults manifest.Faults
	if errors.As(err, &faults) {
		for _, f := range faults {
			where := ""
			if f.Path != "" {
				where = f.Path + ": "
			}
			fmt.Fprintf(out, "%s:%d:%d: %s%s\n", m.File, f.Line, f.Column, where, f.Says)
		}
		return errModel
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is right; the document's digest is %s\n", m.File, manifest.Digest(manifest.Canonical(model)))
	return nil
}
