package fetch_test

import (
	"net/netip"
	"testing"

	"volary.dev/provisioner/fetch"
)

func TestPublic(t *testing.T) {
	for address, public := range map[string]bool{
		"8.8.8.8": true, "93.184.216.34": true, "1.1.1.1": true, "9.255.255.255": true, "11.0.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
		"126.255.255.255": true, "128.0.0.1": true, "169.253.255.255": true, "169.255.0.0": true, "172.15.255.255": true, "172.32.0.0": true,
		"192.0.1.1": true, "192.0.3.0": true, "192.88.98.255": true, "192.167.255.255": true, "192.169.0.0": true, "198.17.255.255": true, "198.20.0.0": true,
		"198.51.99.255": true, "203.0.112.255": true, "203.0.114.0": true, "223.255.255.255": true,
		"2606:2800:220:1::1": true, "2a00:1450:4001::1": true, "2003::1": true, "::ffff:8.8.8.8": true, "64:ff9b::808:808": true, "2001:200::1": true, "2620:4f:8001::1": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "10.255.255.255": false, "100.64.0.1": false, "100.127.255.255": false, "127.0.0.1": false,
		"127.255.255.254": false, "169.254.169.254": false, "169.254.0.0": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.1": false, "192.0.0.9": false,
		"192.0.0.170": false, "192.0.2.1": false, "192.31.196.1": false, "192.52.193.1": false, "192.88.99.1": false, "192.168.0.1": false, "192.168.255.255": false,
		"192.175.48.1": false, "198.18.0.1": false, "198.19.255.255": false, "198.51.100.7": false, "203.0.113.80": false, "224.0.0.1": false, "239.255.255.250": false,
		"240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::8.8.8.8": false, "::ffff:127.0.0.1": false, "::ffff:10.1.2.3": false, "::ffff:169.254.169.254": false, "::ffff:0:8.8.8.8": false,
		"64:ff9b::a00:1": false, "64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b:1::808:808": false, "100::1": false, "100:0:0:1::1": false,
		"2001::1": false, "2001:0:53aa:64c::1": false, "2001:2::1": false, "2001:10::1": false, "2001:20::1": false, "2001:db8::1": false, "2002::1": false, "2002:7f00:1::": false,
		"2002:a00:1::1": false, "2620:4f:8000::1": false, "3fff::1": false, "3fff:fff::1": false, "4000::1": false, "5f00::1": false, "fc00::1": false, "fd12:3456::1": false,
		"fe80::1": false, "fe80::1%eth0": false, "2606:2800:220:1::1%eth0": false, "febf::1": false, "fec0::1": false, "ff02::1": false, "ffff::1": false,
	} {
		is, ok := fetch.Public(netip.MustParseAddr(address))
		if ok != public || ok == (is != "") {
			t.Errorf("%s: %t %q", address, ok, is)
		}
	}
	if _, ok := fetch.Public(netip.Addr{}); ok {
		t.Error("no address is public")
	}
}
