package memory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// remembered is what outlives the process: disks, definitions and images, but nothing that runs. A new process
// finds its machines off, as after a restart of the host.
type remembered struct {
	Images   map[string]int64
	Networks []provisioner.Network
	Nodes    []provisioner.NodeSpec
}

func (h *Host) file() string {
	return filepath.Join(h.world.opts.StateDir, fmt.Sprintf("%s-%d.json", h.address.Name, h.address.Port))
}

func (h *Host) load() error {
	if h.world.opts.StateDir == "" {
		return nil
	}
	text, err := os.ReadFile(h.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("simulated host %s: %w", h.address.Name, err)
	}
	var r remembered
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("simulated host %s: %w", h.address.Name, err)
	}
	if r.Images != nil {
		h.images = r.Images
	}
	for _, n := range r.Networks {
		h.networks[n.VNI] = &network{spec: n}
	}
	for _, n := range r.Nodes {
		h.machines[n.ID] = newMachine(h, n)
	}
	return nil
}

// save is called with the world locked. The file is replaced in one step: a killed process leaves the old one.
func (h *Host) save() error {
	if h.world.opts.StateDir == "" {
		return nil
	}
	r := remembered{Images: h.images}
	for _, n := range h.networks {
		r.Networks = append(r.Networks, n.spec)
	}
	for _, m := range h.machines {
		r.Nodes = append(r.Nodes, m.spec)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("simulated host %s: %w", h.address.Name, err)
	}
	next := h.file() + "." + uuid.NewString()
	if err := errors.Join(os.MkdirAll(h.world.opts.StateDir, 0o700), os.WriteFile(next, text, 0o600)); err != nil {
		return fmt.Errorf("simulated host %s: %w", h.address.Name, err)
	}
	return os.Rename(next, h.file())
}

// writtenCode is the code that was written down on the host, by a test or in the state folder. It is called with the world
// locked.
func (h *Host) writtenCode() (string, error) {
	if h.code != "" || h.world.opts.StateDir == "" {
		return h.code, nil
	}
	b, err := os.ReadFile(filepath.Join(h.world.opts.StateDir, provisioner.SimulatedCodeFile(h.address)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(b)), err
}
