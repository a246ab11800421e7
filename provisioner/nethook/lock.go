package nethook

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// lock makes the forwarding tables what the network says. A guest may end meanwhile, and its port with it, or an entry may
// age: then what is there is looked at once more.
func (h hook) lock(ctx context.Context, n network) ([]string, error) {
	var failed error
	for range 3 {
		out, err := h.run(ctx, command{args: []string{"ip", "-json", "link", "show", "master", BridgeName(n.vni)}})
		if err != nil {
			return nil, err
		}
		ports, err := n.guestPorts(out)
		if err != nil {
			return nil, err
		}
		var lines []string
		for _, of := range []struct {
			table []string
			lines func([]fdbEntry) []string
		}{
			{[]string{"dev", VXLANName(n.vni)}, n.forwarding},
			{[]string{"br", BridgeName(n.vni)}, func(have []fdbEntry) []string { return n.lock(ports, have) }},
		} {
			out, err := h.run(ctx, command{args: append([]string{"bridge", "-json", "fdb", "show"}, of.table...)})
			if err != nil {
				return nil, err
			}
			have, err := parseFDB(out)
			if err != nil {
				return nil, err
			}
			lines = append(lines, of.lines(have)...)
		}
		if _, failed = h.run(ctx, command{args: []string{"bridge", "-batch", "-"}, input: strings.Join(lines, "\n") + "\n"}); failed == nil {
			return ports, nil
		}
	}
	return nil, failed
}

// unlock takes a port that is about to be made off the report's list of locked ones: an earlier one of its name was.
func (h hook) unlock(n network) error {
	if n.port == nil {
		return nil
	}
	b, err := os.ReadFile(h.file(n))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := ParseReport(b)
	if err != nil {
		return err
	}
	name := PortName(n.vni, n.port)
	if !slices.Contains(r.Ports, name) {
		return nil
	}
	r.Ports = slices.DeleteFunc(r.Ports, func(p string) bool { return p == name })
	return h.write(ReportName(filepath.Base(n.name)), r)
}

// mostTracked is the size of the host's table of tracked connections. Before anything is tracked it is not there, and
// the least that the kernel would take is assumed.
func mostTracked() int {
	b, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_max")
	if err == nil {
		if most, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && most > 0 {
			return most
		}
	}
	return 65536
}
