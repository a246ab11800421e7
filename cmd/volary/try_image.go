package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/qemu"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/tryout"
)

// found is a file that is an image of the model.
type found struct {
	path string
	seen image.Looked
}

// findImages finds a file for each image of the model, by the digest of what a guest sees of it. The files that were given are looked at
// first, and then images/NAME beside the model.
func (c tryCommand) findImages(ctx context.Context, out io.Writer, m provisioner.Model) (map[string]found, error) {
	given, order, err := c.given(m)
	if err != nil {
		return nil, err
	}
	all, looked := map[string]found{}, map[string]image.Looked{}
	look := func(path string) (image.Looked, error) {
		if l, before := looked[path]; before {
			return l, nil
		}
		fmt.Fprintf(out, "Reading %s\n", path)
		l, err := image.Look(ctx, path, image.DefaultLimits())
		if err != nil {
			return l, fmt.Errorf("%s: %w", path, err)
		}
		looked[path] = l
		return l, nil
	}
	for _, g := range m.Groups() {
		ref := g.Image
		if _, have := all[ref.Digest]; have {
			continue
		}
		var seen []string
		for _, path := range c.candidates(ref, given, order) {
			l, err := look(path)
			if errors.Is(err, fs.ErrNotExist) && path != given[ref.Name] {
				continue
			}
			if err != nil {
				return nil, err
			}
			if l.GuestDigest == ref.Digest {
				all[ref.Digest] = found{path, l}
				break
			}
			seen = append(seen, fmt.Sprintf("%s has %s", path, l.GuestDigest))
		}
		if _, have := all[ref.Digest]; !have {
			return nil, noImage(ref, seen)
		}
	}
	return all, nil
}

// given are the files of the command line, by the name of an image and in their order.
func (c tryCommand) given(m provisioner.Model) (byName map[string]string, order []string, err error) {
	byName = map[string]string{}
	for _, text := range c.Image {
		name, path, named := strings.Cut(text, "=")
		if !named {
			return nil, nil, fmt.Errorf("--image %s: write NAME=FILE, with the image's name in the model", text)
		}
		known := false
		for _, g := range m.Groups() {
			known = known || g.Image.Name == name
		}
		if !known {
			return nil, nil, fmt.Errorf("--image %s: the model has no image of that name", text)
		}
		if path, err = filepath.Abs(path); err != nil {
			return nil, nil, err
		}
		byName[name], order = path, append(order, path)
	}
	return byName, order, nil
}

// candidates are the files that may be an image: the one given for it, the one of its name beside the model, and the others given.
func (c tryCommand) candidates(ref provisioner.ImageRef, given map[string]string, order []string) (paths []string) {
	if path, ok := given[ref.Name]; ok {
		return []string{path}
	}
	if name := ref.Name; name == filepath.Base(name) && name != ".." {
		paths = append(paths, filepath.Join(filepath.Dir(c.File), "images", name))
	}
	return append(append(paths, order...), c.bundled...)
}

func noImage(ref provisioner.ImageRef, seen []string) error {
	if len(seen) == 0 {
		return fmt.Errorf("no file for the image %q: give one by --image, or put it beside the model as images/%s", ref.Name, ref.Name)
	}
	return fmt.Errorf("no file is the image %q: the model wants the guest-visible digest %s, and %s", ref.Name, ref.Digest, strings.Join(seen, ", "))
}

const (
	// overheadMiB is what a QEMU takes beside its guest's memory.
	overheadMiB = 128
	// crowd is how many processors of guests one of the machine's may carry.
	crowd = 4
)

// room refuses what the machine has no room for, before anything begins.
func room(s *qemu.Station, t *tryout.Trial, m provisioner.Model, images map[string]found) error {
	total, free, err := qemu.Memory()
	if err != nil {
		return err
	}
	facts, err := s.Driver().Facts(context.Background())
	if err != nil {
		return err
	}
	_, disk, err := qemu.Space(s.Folder())
	if err != nil {
		return err
	}
	return fits(machineRoom{total, free, facts.VCPUs, disk, filepath.Dir(s.Folder())}, t, m, images)
}

// machineRoom is what a machine has.
type machineRoom struct {
	memoryMiB, freeMiB, processors int
	freeDisk                       int64
	folder                         string
}

func fits(r machineRoom, t *tryout.Trial, m provisioner.Model, images map[string]found) error {
	all, largest := t.Needs()
	nodes := len(t.Nodes())
	need := all.MemoryMiB + nodes*overheadMiB
	var errs []error
	if need > r.freeMiB {
		errs = append(errs, fmt.Errorf("the cluster (%s) needs %s of memory, and %s of %s are free: end other programs, take fewer nodes (--count), or less memory for each",
			refusal.Plural(nodes, "node", "nodes"), refusal.MiB(need), refusal.MiB(r.freeMiB), refusal.MiB(r.memoryMiB)))
	}
	if largest.VCPUs > r.processors || all.VCPUs > crowd*r.processors {
		errs = append(errs, fmt.Errorf("the nodes have %d processors together, the largest %d, and this machine has %d: a node may have as many, and all together %d",
			all.VCPUs, largest.VCPUs, r.processors, crowd*r.processors))
	}
	if r.freeDisk < provisioner.LeastDiskGiB<<30 {
		errs = append(errs, fmt.Errorf("%s has %s left, and the nodes' disks grow there: free %d GiB, or name another folder by --dir", r.folder, refusal.Bytes(r.freeDisk), provisioner.LeastDiskGiB))
	}
	for _, g := range m.Groups() {
		if size := images[g.Image.Digest].seen.VirtualSize; size > int64(g.Shape.DiskGiB)<<30 {
			errs = append(errs, fmt.Errorf("the image %q is a disk of %s, and nodes of %s have one of %d GiB: raise disk_gib", g.Image.Name, refusal.Bytes(size), g.Name, g.Shape.DiskGiB))
		}
	}
	return errors.Join(errs...)
}

// plainText is what a guest may have written, without what a terminal takes for commands.
func plainText(s string) string { return string(provisioner.VisibleText([]byte(s))) }

// printReport writes the checks as a table, and what is said of nodes that did not pass.
func printReport(out io.Writer, r provisioner.Report) {
	fmt.Fprintln(out)
	for _, c := range r.Checks {
		took := ""
		if c.Seconds > 0 {
			took = fmt.Sprintf("%.1f s", c.Seconds)
		}
		fmt.Fprintf(out, "%-12s  %-7s %9s  %s\n", c.Result, c.Channel, took, plainText(c.Title))
		if c.Evidence != "" {
			fmt.Fprintf(out, "%31s    %s\n", "", plainText(c.Evidence))
		}
		if c.Name == provisioner.CheckPings {
			for _, n := range c.Nodes {
				fmt.Fprintf(out, "%31s    %s: %s\n", "", n.Node, plainText(n.Evidence))
			}
		}
	}
	if r.GuestAgent != "" {
		fmt.Fprintf(out, "The head's guest agent: %s.\n", r.GuestAgent)
	}
	if r.Passed() {
		fmt.Fprintln(out, "Passed.")
		return
	}
	for _, n := range r.Nodes {
		fmt.Fprintf(out, "\nThe end of the console of %s:\n%s\n", n.Name, n.Console)
	}
}
