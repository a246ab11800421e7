package sender

import "testing"

func TestWhoCountsAsOne(t *testing.T) {
	for _, c := range []struct{ address, one, network string }{
		{"198.51.100.7", "198.51.100.7/32", "198.51.100.0/24"},
		{"198.51.100.7:4711", "198.51.100.7/32", "198.51.100.0/24"},
		{"::ffff:198.51.100.7", "198.51.100.7/32", "198.51.100.0/24"},
		{"2001:db8:1:2::3", "2001:db8:1:2::/64", "2001:db8:1::/48"},
		{"[2001:db8:1:2:ffff::9%eth0]:80", "2001:db8:1:2::/64", "2001:db8:1::/48"},
		{"nobody", "invalid Prefix", "invalid Prefix"},
		{"", "invalid Prefix", "invalid Prefix"},
	} {
		a := Parse(c.address)
		if one, network := One(a).String(), Network(a).String(); one != c.one || network != c.network {
			t.Errorf("%q counts as %s in %s, want %s in %s", c.address, one, network, c.one, c.network)
		}
	}
}
