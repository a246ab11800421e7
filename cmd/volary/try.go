package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/plan"
	"volary.dev/provisioner/qemu"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/tryout"
)

type tryCommand struct {
	File   string         `arg:"" help:"The model: cluster.yaml, its canonical JSON, or a bundle." type:"path"`
	Image  []string       `placeholder:"NAME=FILE" help:"A file for the image of that name in the model; also images/NAME beside the model is looked at. Of all files the digest decides." sep:"none"`
	Count  map[string]int `placeholder:"GROUP=N" help:"How many nodes of a compute group; its least where it is left out."`
	Keep   bool           `help:"Leave the cluster running until Ctrl-C, with a console and SSH for each node."`
	Report string         `placeholder:"FILE" help:"Write the report as JSON." type:"path"`
	Dir    string         `placeholder:"FOLDER" help:"Where the nodes' disks are while it runs, and a bundle's images; TMPDIR, or /var/tmp." type:"path"`

	bundled []string // files of a bundle's images
}

// errNotPassed is how a model that does not work ends the command.
var errNotPassed = errors.New("the model did not pass")

// Run implements kong's command.
func (c tryCommand) Run(ctx context.Context) error { return c.run(ctx, os.Stdout) }

func (c tryCommand) run(ctx context.Context, out io.Writer) error {
	packed, err := isBundle(c.File)
	if err != nil {
		return err
	}
	if packed {
		dir, err := os.MkdirTemp(c.folder(), "volary-bundle-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if c, err = c.unbundle(ctx, out, dir); err != nil {
			return err
		}
	}
	document, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	file, err := manifest.ParseYAML(document) // which takes the canonical JSON, too
	if err != nil {
		return placed(c.File, err)
	}
	model := file.Model
	if wrong := file.Place(manifest.Check(model)); wrong != nil {
		return placed(c.File, wrong)
	}
	images, err := c.findImages(ctx, out, model)
	if err != nil {
		return err
	}
	starts := map[string]provisioner.Firmware{}
	for _, g := range model.Groups() {
		starts[g.Name] = images[g.Image.Digest].seen.Firmware
	}
	if wrong := file.Place(manifest.Beyond(model, starts)); wrong != nil {
		return placed(c.File, wrong)
	}
	station, err := qemu.Open(ctx, c.folder())
	if err != nil {
		return err
	}
	defer station.Close()
	report, err := c.boot(ctx, out, station, model, images)
	if errors.Is(err, context.Canceled) {
		return errors.New("it was broken off, and nothing of it is left")
	}
	if err != nil {
		return err
	}
	printReport(out, report)
	if err := c.write(station, model, images, report); err != nil {
		return err
	}
	if !report.Passed() {
		return errNotPassed
	}
	return nil
}

// folder is where disks grow: not in memory, as folders of a session and of many machines' /tmp are.
func (c tryCommand) folder() string {
	for _, dir := range []string{c.Dir, os.Getenv("TMPDIR")} {
		if dir != "" {
			return dir
		}
	}
	return "/var/tmp"
}

// placed puts the file's name before each fault, as compilers do.
func placed(file string, err error) error {
	return errors.New(filepath.Base(file) + ":" + strings.ReplaceAll(err.Error(), "\n", "\n"+filepath.Base(file)+":"))
}

// boot runs the trial on the station.
func (c tryCommand) boot(ctx context.Context, out io.Writer, station *qemu.Station, model provisioner.Model, images map[string]found) (provisioner.Report, error) {
	hostname, _ := os.Hostname() // it is only shown
	o := tryout.Options{
		Model: model, Counts: c.Count, Images: map[string]plan.Image{}, Host: plan.Host{Name: hostname, Acceleration: station.Accelerates()},
		Tell: func(after time.Duration, what string) {
			fmt.Fprintf(out, "%7.1f s  %s\n", after.Seconds(), plainText(what))
		},
	}
	for digest, i := range images {
		if err := station.Lend(digest, qemu.Disk{Path: i.path, Format: string(i.seen.Format)}, readAgain(i.path)); err != nil {
			return provisioner.Report{}, err
		}
		o.Images[digest] = plan.Image{Digest: digest, Firmware: i.seen.Firmware}
	}
	var k *kept
	if c.Keep {
		var err error
		if k, err = keep(ctx, out, station, &o); err != nil {
			return provisioner.Report{}, err
		}
		defer k.close()
	}
	t, err := tryout.Begin(o)
	if err != nil {
		return provisioner.Report{}, err
	}
	if err := room(station, t, model, images); err != nil {
		return provisioner.Report{}, err
	}
	if k != nil {
		if t, err = k.withPorts(o, len(t.Nodes())); err != nil {
			return provisioner.Report{}, err
		}
	}
	fmt.Fprintf(out, "%s with %s in %s; Ctrl-C ends them.\n", refusal.Plural(len(t.Nodes()), "node", "nodes"), accelerationWords(station.Accelerates()), station.Folder())
	return t.Run(ctx, station.Driver())
}

// readAgain gives what a guest reads of a file now.
func readAgain(path string) qemu.Read {
	return func(ctx context.Context) (string, error) {
		l, err := image.Look(ctx, path, image.DefaultLimits())
		return l.GuestDigest, err
	}
}

func accelerationWords(a provisioner.Acceleration) string {
	if a == provisioner.AccelerationKVM {
		return "KVM"
	}
	return "emulated processors, for KVM cannot be used here (slow: see that /dev/kvm may be opened)"
}

// tried is the report as a file.
type tried struct {
	Document string             `json:"document"` // the model's digest
	Images   map[string]string  `json:"images"`   // by name: the guest-visible digest
	Host     workstation        `json:"host"`
	Passed   bool               `json:"passed"`
	Report   provisioner.Report `json:"report"`
}

// workstation is where it was tried.
type workstation struct {
	QEMU         string                   `json:"qemu"`
	Acceleration provisioner.Acceleration `json:"acceleration"`
	Processor    string                   `json:"processor"`
	Processors   int                      `json:"processors"`
	MemoryMiB    int                      `json:"memory_mib"`
	UEFI         bool                     `json:"uefi"`
}

func (c tryCommand) write(station *qemu.Station, model provisioner.Model, images map[string]found, r provisioner.Report) error {
	if c.Report == "" {
		return nil
	}
	facts, err := station.Driver().Facts(context.Background())
	if err != nil {
		return err
	}
	v := tried{Document: manifest.Digest(manifest.Canonical(model)), Images: map[string]string{}, Passed: r.Passed(), Report: r}
	v.Host = workstation{facts.QEMUVersion, station.Accelerates(), facts.CPUModel, facts.VCPUs, facts.MemoryMiB, facts.UEFI}
	for _, g := range model.Groups() {
		v.Images[g.Image.Name] = images[g.Image.Digest].seen.GuestDigest
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	half := filepath.Join(filepath.Dir(c.Report), "."+filepath.Base(c.Report)+".new")
	if err := os.WriteFile(half, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(half, c.Report)
}
