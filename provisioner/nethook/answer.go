package nethook

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// answerAll answers the questions that stand in the probe's network and have no answer yet, and removes the answers of
// questions that are gone.
func (h hook) answerAll(ctx context.Context, n network) error {
	var failed []error
	var standing []string
	for _, ask := range n.asks {
		q, err := parseAsk(ask)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		name := AnswerName(q.Nonce)
		standing = append(standing, name)
		if _, err := os.Lstat(filepath.Join(h.dir, name)); err == nil {
			continue
		}
		failed = append(failed, h.write(name, h.answer(ctx, q)))
	}
	entries, err := os.ReadDir(h.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		failed = append(failed, err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), answerPrefix) && !slices.Contains(standing, e.Name()) {
			failed = append(failed, os.Remove(filepath.Join(h.dir, e.Name())))
		}
	}
	return errors.Join(append(failed, h.forgetNetworks())...)
}

func (h hook) answer(ctx context.Context, q Question) Answer {
	who, err := readIdentity(h.identity)
	if err != nil {
		who.Error = err.Error()
	}
	a := Answer{Protocol: Protocol, Machine: &who, Vars: true, Counts: true, ConsoleCap: consoleCap(h.logConf), Consoles: consoles(h.consoles, q.Consoles)}
	for _, l := range q.Forget {
		a.Forgotten = append(a.Forgotten, done(true, errors.Join(forget(h.consoles, l), remove(filepath.Join(h.vars, VarsName(l.ID))))))
	}
	for _, path := range q.Wipe {
		a.Wiped = append(a.Wiped, done(h.wiped(path)))
	}
	if key, err := h.sealKey(); err == nil {
		a.Seal = key.PublicKey().Bytes()
	}
	for _, p := range q.Probes {
		a.Probed = append(a.Probed, h.probed(p))
	}
	for _, vni := range q.Counters {
		a.Counted = append(a.Counted, h.counted(ctx, vni))
	}
	return a
}

// counted reads a network's counters as they stand. A network whose tables are not there counts nothing, and may let everything pass.
func (h hook) counted(ctx context.Context, vni uint32) CounterAnswer {
	all := h.counters(ctx, network{vni: vni})
	for _, names := range counterNames {
		for _, name := range names {
			if _, there := all[name]; !there {
				return CounterAnswer{Error: fmt.Sprintf("network %d has no counter %s on this host", vni, name)}
			}
		}
	}
	return CounterAnswer{Counters: all}
}

// EdgeOf sums counters up: what was dropped, and what went out of a network or came into it.
func EdgeOf(counters map[string]Counter) provisioner.NetworkReport {
	r := provisioner.NetworkReport{By: map[string]uint64{}}
	for name, c := range counters {
		r.By[name] = c.Packets
		if name == "out" || name == "published" {
			r.Passed += c.Packets
		} else {
			r.Dropped += c.Packets
		}
	}
	return r
}

// forget removes what a node left: its console's files, and a disk or seed that libvirt no longer knows of.
func forget(consoles string, l Leavings) error {
	var failed []error
	entries, err := os.ReadDir(consoles)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if name := consoleName(l.ID); e.Name() == name || strings.HasPrefix(e.Name(), name+".") {
			failed = append(failed, remove(filepath.Join(consoles, e.Name())))
		}
	}
	if l.Dir != "" && filepath.IsAbs(l.Dir) {
		failed = append(failed, remove(filepath.Join(l.Dir, DiskName(l.ID))), remove(filepath.Join(l.Dir, SeedName(l.ID))))
	}
	return errors.Join(failed...)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// DiskName is the file of a node's disk in its pool, and SeedName that of its seed.
func DiskName(id uuid.UUID) string { return diskPrefix + id.String() }

// SeedName is the file of a node's seed.
func SeedName(id uuid.UUID) string { return "seed-" + id.String() }

// VarsDir is where libvirt keeps UEFI variables. It is no storage pool: a guest writes what lies there.
const VarsDir = "/var/lib/libvirt/qemu/nvram"

// VarsName is the file of a node's UEFI variables.
func VarsName(id uuid.UUID) string { return varsPrefix + id.String() + varsSuffix }

// VarsFile is the path of a node's UEFI variables on its host.
func VarsFile(id uuid.UUID) string { return filepath.Join(VarsDir, VarsName(id)) }

const (
	diskPrefix = "node-"
	varsPrefix = "volary-"
	varsSuffix = ".fd"
)

// diskOfNode refuses a path that is neither one of a node's disk nor one of its UEFI variables.
func diskOfNode(path string) error {
	name := filepath.Base(path)
	id, disk := strings.CutPrefix(name, diskPrefix)
	if rest, vars := strings.CutPrefix(name, varsPrefix); vars {
		id, disk = strings.CutSuffix(rest, varsSuffix)
	}
	if _, err := uuid.Parse(id); !disk || err != nil || !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not the disk of a node", path)
	}
	return nil
}
