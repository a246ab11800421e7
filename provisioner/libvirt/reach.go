package libvirt

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"volary.dev/provisioner"
)

// probeLimit bounds the look whether somebody answers, the resolving of the name included.
const probeLimit = 5 * time.Second

// reach finds the address of a host by name and port at which somebody answers. Every address that the name has must be
// one that a host can have: a name of two addresses may be made to give the other one next.
func reach(hostPort string) (netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeLimit)
	defer cancel()
	all, err := places(ctx, hostPort)
	if err != nil {
		return netip.AddrPort{}, err
	}
	var last error
	for _, a := range all {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", a.String())
		if err == nil {
			c.Close()
			return a, nil
		}
		last = err
	}
	kind := provisioner.ErrHostUnreachable
	if errors.Is(last, syscall.ECONNREFUSED) {
		kind = provisioner.ErrHostRefuses
	}
	return netip.AddrPort{}, &provisioner.Unreached{Kind: kind, Cause: last}
}

// places are the addresses of a name, none of which is refused.
func places(ctx context.Context, hostPort string) ([]netip.AddrPort, error) {
	host, word, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(word, 10, 16)
	if err != nil {
		return nil, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, &provisioner.Unreached{Kind: provisioner.ErrHostUnreachable, Cause: err}
	}
	return checked(found, uint16(port))
}

func checked(found []netip.Addr, port uint16) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	for _, a := range found {
		if err := provisioner.CheckHostPlace(a); err != nil {
			return nil, &provisioner.Unreached{Kind: provisioner.ErrHostPlace, Cause: err}
		}
		all = append(all, netip.AddrPortFrom(a.Unmap(), port))
	}
	if len(all) == 0 {
		return nil, &provisioner.Unreached{Kind: provisioner.ErrHostUnreachable, Cause: errors.New("its name has no address")}
	}
	return all, nil
}

// at is the URI with the address that was looked at in the place of the name, where nothing is to be proven by the name: a
// certificate, and the key that SSH knows, are the name's.
func at(uri string, peer netip.AddrPort) string {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "qemu+tcp" {
		return uri
	}
	u.Host = peer.String()
	return u.String()
}
