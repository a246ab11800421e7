package nethook

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

const (
	// nameDir is where libvirt keeps what a network's dnsmasq knows: names, MACs and addresses of guests.
	nameDir = "/var/lib/libvirt/dnsmasq"
	// networkStateDir has one file for each network that is there.
	networkStateDir = "/run/libvirt/network"
	// leftAfter is how old a file of no network is at least: libvirt writes them before it notes that the network is there.
	leftAfter = 10 * time.Minute
)

// networkFile is the name of a file of one of our networks, or of its bridge.
var networkFile = regexp.MustCompile(`^(?:volary-|vol)([0-9]{1,8})\.(?:conf|addnhosts|hostsfile|status|macs)$`)

// forgetNetworks removes libvirt's files of our networks that ended without it, with the power of their host: it removes them
// when it stops a network, and else first when a network has the same number.
func (h hook) forgetNetworks() error {
	if _, err := os.Lstat(h.networkState(ProbeName)); err != nil {
		return nil //nolint:nilerr // libvirt keeps its state elsewhere: the network that asks is there
	}
	entries, err := os.ReadDir(h.names)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range entries {
		parts := networkFile.FindStringSubmatch(e.Name())
		if parts == nil {
			continue
		}
		info, err := e.Info()
		if err != nil || h.now.Sub(info.ModTime()) < leftAfter {
			continue // removed just now, or young
		}
		if _, err := os.Lstat(h.networkState("volary-" + parts[1])); errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, remove(filepath.Join(h.names, e.Name())))
		}
	}
	return errors.Join(failed...)
}

func (h hook) networkState(name string) string { return filepath.Join(h.networks, name+".xml") }
