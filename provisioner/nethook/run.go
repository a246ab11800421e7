package nethook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Run is one call of the hook: `hook network NAME OP SUBOP EXTRA` with the network's XML in stdin. Networks that are not
// Volary's are left alone. An error is written into the network's report and returned; libvirt refuses to start
// a network whose hook failed, and ignores it at an update.
func Run(ctx context.Context, args []string, stdin io.Reader, now time.Time) error {
	if len(args) < 2 {
		return errors.New("want NAME OPERATION …, as libvirt calls a network hook")
	}
	if args[1] == wipeOperation {
		return wipe(args[0])
	}
	if args[1] == probeOperation {
		return runProbe(ctx, ProbeDir, args[0], stdin)
	}
	h := hook{
		probes: ProbeDir, probeInBackground: startProbe, subnets: subnetsOf,
		run: execute, send: sendToServer, background: startBackground, dir: ReportDir, consoles: ConsoleDir, vars: VarsDir, identity: IdentityFile, logConf: "/etc/libvirt/virtlogd.conf",
		now: now, device: deviceOf, tracked: mostTracked, settings: "/proc/sys/net/ipv4/conf",
		names: nameDir, networks: networkStateDir,
	}
	return h.serve(ctx, args[1], stdin)
}

// hook is one call with what it touches.
type hook struct {
	run    func(ctx context.Context, c command) ([]byte, error)
	send   func(server netip.Addr, message []byte) error
	device func(underlay netip.Addr) (underlayDevice, error)
	// tracked is how many connections this host can track at once.
	tracked func() int
	// background runs this program with other arguments and does not wait for it.
	background func(args ...string) error
	// probeInBackground does so with an order on its standard input, and with the mark that is locked until it ends.
	probeInBackground func(order []byte, mark *os.File, id string) error
	// subnets are the host's addresses at a device, with their subnets.
	subnets func(device string) ([]netip.Prefix, error)

	probes   string // of what probes found
	dir      string // of reports and answers
	consoles string // of what guests write
	vars     string // of their UEFI variables
	logConf  string // of virtlogd
	settings string // the kernel's, a folder for each interface
	identity string // the file of IdentityFile
	names    string // of what libvirt writes for the dnsmasq of each network
	networks string // of libvirt's state of each network
	now      time.Time
}

func (h hook) serve(ctx context.Context, op string, stdin io.Reader) error {
	if op != "started" && op != "updated" && op != "stopped" && op != "port-created" {
		return nil
	}
	n, err := parseNetwork(stdin)
	if errors.Is(err, errNotOurs) {
		return nil
	}
	if derr := makeConsoleDir(h.consoles); derr != nil {
		return errors.Join(derr, h.report(n, applied{}, derr))
	}
	switch {
	case op == "port-created":
		return errors.Join(err, h.release(n, n.port), h.unlock(n))
	case err != nil:
		return errors.Join(err, h.report(n, applied{}, err))
	case op == "stopped":
		return h.stop(ctx, n)
	case n.probe:
		return h.answerAll(ctx, n)
	case !n.complete:
		return nil // in the middle of a change
	}
	done, err := h.apply(ctx, n)
	return errors.Join(err, h.report(n, done, err))
}

// applied is what a report says of a network beside its generation.
type applied struct {
	counters map[string]Counter
	ports    []string
}

// apply makes the host match the network.
func (h hook) apply(ctx context.Context, n network) (applied, error) {
	dev, err := h.device(n.underlay)
	if err == nil {
		err = n.fits(dev)
	}
	if err != nil {
		return applied{}, err
	}
	var have *link
	name := VXLANName(n.vni)
	if out, err := h.run(ctx, command{args: []string{"ip", "-json", "-details", "link", "show", "dev", name}}); err == nil {
		if have, err = parseLink(out); err != nil {
			return applied{}, err
		}
	}
	if err := h.runAll(ctx, n.makeVXLAN(have, dev.name)); err != nil {
		return applied{}, err
	}
	if err := h.quiet(n); err != nil {
		return applied{}, err
	}
	done := applied{counters: h.counters(ctx, n)}
	script, err := n.ruleset(done.counters, connectionsOf(h.tracked()))
	if err != nil {
		return done, err
	}
	if _, err := h.run(ctx, command{args: []string{"nft", "-f", "-"}, input: script}); err != nil {
		return done, err
	}
	if err := h.runAll(ctx, n.plugVXLAN()); err != nil {
		return done, err
	}
	done.ports, err = h.lock(ctx, n)
	return done, err
}

// quiet has the bridge answer ARP for the addresses it has itself, and ask with one of those: Linux would answer for every
// address of the host.
func (h hook) quiet(n network) error {
	for name, value := range map[string]string{"arp_ignore": "1", "arp_announce": "2"} {
		file := filepath.Join(h.settings, BridgeName(n.vni), name)
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// stop removes what apply made. libvirt has removed the bridge by now.
func (h hook) stop(ctx context.Context, n network) error {
	if n.probe {
		n.asks = nil // nobody reads the answers any more
		return h.answerAll(ctx, n)
	}
	if err := os.Remove(h.file(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_, nftErr := h.run(ctx, command{args: []string{"nft", "-f", "-"}, input: removal(n.vni)})
	_, linkErr := h.run(ctx, command{args: []string{"ip", "link", "delete", VXLANName(n.vni)}})
	if linkErr != nil && strings.Contains(linkErr.Error(), "Cannot find device") {
		linkErr = nil
	}
	return errors.Join(nftErr, linkErr)
}

// counters reads where the counters stand, so that replacing the tables does not set them back. A table that is not
// there yet counts nothing.
func (h hook) counters(ctx context.Context, n network) map[string]Counter {
	all := map[string]Counter{}
	for _, family := range families {
		out, err := h.run(ctx, command{args: []string{"nft", "-j", "list", "counters", "table", family, BridgeName(n.vni)}})
		if err != nil {
			continue
		}
		var list struct {
			Items []struct {
				Counter *struct {
					Name string `json:"name"`
					Counter
				} `json:"counter"`
			} `json:"nftables"`
		}
		if json.Unmarshal(out, &list) != nil {
			continue
		}
		for _, item := range list.Items {
			if item.Counter != nil {
				all[item.Counter.Name] = item.Counter.Counter
			}
		}
	}
	return all
}

func (h hook) file(n network) string { return filepath.Join(h.dir, ReportName(filepath.Base(n.name))) }

// report says what was applied.
func (h hook) report(n network, done applied, failed error) error {
	r := Report{
		Protocol: Protocol, Network: n.name, Generation: n.generation, Nonce: n.nonce, AppliedAt: h.now.UTC(),
		Ports: done.ports, Counters: done.counters,
	}
	if failed != nil {
		r.Error = failed.Error()
	}
	return h.write(ReportName(filepath.Base(n.name)), r)
}

// write replaces a file in one step: a driver never reads half of one.
func (h hook) write(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(h.dir, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(h.dir), "report-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(h.dir, name))
}

func (h hook) runAll(ctx context.Context, all []command) error {
	for _, c := range all {
		if _, err := h.run(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// execute runs a program with libvirtd's own bare environment completed by the folders that hold ip and nft.
func execute(ctx context.Context, c command) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Stdin = strings.NewReader(c.input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(c.args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.Bytes(), nil
}
