package qemu

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// firmwareDirs have the descriptors of what a distribution installs, the first one's going before the others' of the same name (QEMU's
// docs/interop/firmware.json).
func firmwareDirs() []string { return []string{"/etc/qemu/firmware", "/usr/share/qemu/firmware"} }

// errNoUEFI is of a machine without OVMF.
var errNoUEFI = errors.New("this machine has no UEFI firmware without Secure Boot (Debian: ovmf)")

// firmware is UEFI for a node: a program that all share, and a template of the variables that each has for itself.
type firmware struct {
	Code, CodeFormat string
	Vars, VarsFormat string
}

type firmwareDescriptor struct {
	Interfaces []string `json:"interface-types"`
	Mapping    struct {
		Device     string
		Executable struct{ Filename, Format string }
		Template   struct{ Filename, Format string } `json:"nvram-template"`
	}
	Targets []struct {
		Architecture string
		Machines     []string
	}
	Features []string
}

// findFirmware gives the first firmware that the descriptors offer for our machines and that wants no System Management Mode.
func findFirmware(dirs []string) (*firmware, error) {
	descriptors := map[string]string{}
	for _, dir := range slices.Backward(dirs) {
		found, _ := filepath.Glob(filepath.Join(dir, "*.json")) // the pattern is right
		for _, path := range found {
			descriptors[filepath.Base(path)] = path
		}
	}
	names := make([]string, 0, len(descriptors))
	for name := range descriptors {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text, err := os.ReadFile(descriptors[name])
		var d firmwareDescriptor
		if err != nil || json.Unmarshal(text, &d) != nil || !d.suits() {
			continue
		}
		m := d.Mapping
		if exists(m.Executable.Filename) && exists(m.Template.Filename) {
			return &firmware{m.Executable.Filename, m.Executable.Format, m.Template.Filename, m.Template.Format}, nil
		}
	}
	return nil, errNoUEFI
}

func (d firmwareDescriptor) suits() bool {
	ours := false
	for _, t := range d.Targets {
		ours = ours || t.Architecture == "x86_64" && slices.ContainsFunc(t.Machines, func(m string) bool { ok, _ := filepath.Match(m, "pc-q35-9.9"); return ok })
	}
	known := func(format string) bool { return format == "raw" || format == "qcow2" }
	return ours && slices.Contains(d.Interfaces, "uefi") && d.Mapping.Device == "flash" && known(d.Mapping.Executable.Format) && known(d.Mapping.Template.Format) &&
		!slices.Contains(d.Features, "requires-smm") && !slices.Contains(d.Features, "enrolled-keys")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// arguments plug the firmware in, with the node's own variables.
func (f *firmware) arguments(vars string) (args []string, err error) {
	for _, node := range []map[string]any{
		{"node-name": "code", "driver": f.CodeFormat, "read-only": true, "file": file(f.Code, true)},
		{"node-name": "vars", "driver": f.VarsFormat, "file": file(vars, false)},
	} {
		text, err := json.Marshal(node)
		if err != nil {
			return nil, err
		}
		args = append(args, "-blockdev", string(text))
	}
	return append(args, "-machine", "pflash0=code,pflash1=vars"), nil
}
