package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// underlay is 10.77.N.0/24: .1 outside, .11 and up the hosts.
type underlay struct{ n int }

const (
	uplinkPrefix = "vollab"
	numberFile   = "underlay"
)

func (u underlay) address(last byte) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 77, byte(u.n), last})
}
func (u underlay) outside() netip.Addr   { return u.address(1) }
func (u underlay) host(i int) netip.Addr { return u.address(byte(10 + i)) }
func (u underlay) prefix() netip.Prefix  { return netip.PrefixFrom(u.address(0), 24) }
func (u underlay) link() string          { return uplinkPrefix + strconv.Itoa(u.n) }

var errNoUnderlay = errors.New("no free range in 10.77.0.0/16 for the underlay; stop another lab")

// plugUplink takes a free number, first the one this folder had before so that hosts keep their addresses, and makes
// the pair of interfaces between this machine and the switch. The interface's name is the lock on the number: two
// labs cannot both make it.
func plugUplink(ctx context.Context, dir string, pid int) (underlay, error) {
	file := filepath.Join(dir, numberFile)
	taken := addressesHere()
	for _, n := range append(lastNumber(file), numbers()...) {
		u := underlay{n}
		if taken[u.prefix()] {
			continue
		}
		out, err := ip(ctx, "link", "add", u.link(), "type", "veth", "peer", "name", "uplink", "netns", strconv.Itoa(pid))
		if err != nil {
			if strings.Contains(string(out), "File exists") {
				continue
			}
			return underlay{}, err
		}
		for _, args := range [][]string{
			{"link", "set", u.link(), "alias", alias(dir)},
			{"address", "add", u.outside().String() + "/24", "dev", u.link()},
			{"link", "set", u.link(), "up"},
		} {
			if _, err := ip(ctx, args...); err != nil {
				u.unplug()
				return underlay{}, err
			}
		}
		return u, os.WriteFile(file, []byte(strconv.Itoa(n)), 0o644)
	}
	return underlay{}, errNoUnderlay
}

// unplug removes the outside end at once; the kernel would do so a moment after the namespace is gone.
func (u underlay) unplug() {
	if u.n != 0 {
		_, _ = ip(context.Background(), "link", "delete", u.link())
	}
}

// alias marks an interface with the folder it belongs to; the kernel keeps at most 255 bytes.
func alias(dir string) string { return dir[max(0, len(dir)-200):] }

func lastNumber(file string) []int {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n < 1 || n > 254 {
		return nil
	}
	return []int{n}
}

func numbers() []int {
	all := make([]int, 254)
	for i := range all {
		all[i] = i + 1
	}
	return all
}

// addressesHere are the /24 ranges this machine already has an address in.
func addressesHere() map[netip.Prefix]bool {
	taken := map[netip.Prefix]bool{}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			taken[netip.PrefixFrom(p.Addr(), 24).Masked()] = true
		}
	}
	return taken
}

func ip(ctx context.Context, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return out, nil
}
