package fetch

import (
	"net/netip"
)

// special are the ranges that are nobody's public server, as IANA's registries of special purposes, of multicast and of unicast
// addresses have them. A range that is partly reachable (192.0.0.0/24, 2001::/23) is here as a whole: no files lie there.
var special = []struct{ prefix, is string }{
	{"0.0.0.0/8", "of this network itself"},
	{"10.0.0.0/8", "private"},
	{"100.64.0.0/10", "behind a provider's address translation"},
	{"127.0.0.0/8", "the machine itself"},
	{"169.254.0.0/16", "link-local"},
	{"172.16.0.0/12", "private"},
	{"192.0.0.0/24", "reserved for protocols"},
	{"192.0.2.0/24", "for documentation"},
	{"192.31.196.0/24", "reserved for name servers"},
	{"192.52.193.0/24", "reserved for multicast"},
	{"192.88.99.0/24", "a relay"},
	{"192.168.0.0/16", "private"},
	{"192.175.48.0/24", "reserved for name servers"},
	{"198.18.0.0/15", "for measurements"},
	{"198.51.100.0/24", "for documentation"},
	{"203.0.113.0/24", "for documentation"},
	{"224.0.0.0/4", "multicast"},
	{"240.0.0.0/4", "reserved"},
	{"64:ff9b:1::/48", "translated to a private one"},
	{"2001::/23", "reserved for protocols and tunnels"},
	{"2001:db8::/32", "for documentation"},
	{"2002::/16", "a tunnel"},
	{"2620:4f:8000::/48", "reserved for name servers"},
	{"3fff::/20", "for documentation"},
	{"fc00::/7", "private"},
	{"fe80::/10", "link-local"},
	{"fec0::/10", "private"},
	{"ff00::/8", "multicast"},
	{"::1/128", "the machine itself"},
}

var (
	refused    = parseSpecial()
	unicast    = netip.MustParsePrefix("2000::/3") // all that IANA gave out of IPv6
	translated = netip.MustParsePrefix("64:ff9b::/96")
)

type refusedRange struct {
	netip.Prefix
	is string
}

func parseSpecial() (all []refusedRange) {
	for _, s := range special {
		all = append(all, refusedRange{netip.MustParsePrefix(s.prefix), s.is})
	}
	return all
}

// Public tells whether an address may be that of a public server; where it is none, what it is ("private", "link-local"). An IPv4
// address within an IPv6 one, mapped or translated, is judged as itself.
func Public(a netip.Addr) (is string, ok bool) {
	if !a.IsValid() || a.Zone() != "" {
		return "no address of the internet", false
	}
	if a = a.Unmap(); translated.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	for _, r := range refused {
		if r.Contains(a) {
			return r.is, false
		}
	}
	if a.Is6() && !unicast.Contains(a) {
		return "reserved", false
	}
	return "", true
}
