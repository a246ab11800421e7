package libvirt

import (
	"errors"
	"testing"

	"volary.dev/provisioner"
)

func TestURI(t *testing.T) {
	all := Options{AllowTCP: true, AllowUnix: true, PKIPath: "/etc/volary/pki", SSHUser: "volary", SSHKeyFile: "/k", SSHKnownHosts: "/h"}
	for _, c := range []struct {
		opts    Options
		address provisioner.HostAddress
		want    string
	}{
		{all, provisioner.HostAddress{Scheme: "tls", Name: "h1.example.org"}, "qemu+tls://h1.example.org/system?pkipath=%2Fetc%2Fvolary%2Fpki"},
		{all, provisioner.HostAddress{Scheme: "ssh", Name: "h1", Port: 2222}, "qemu+ssh://volary@h1:2222/system?keyfile=%2Fk&known_hosts=%2Fh&no_tty=1"},
		{all, provisioner.HostAddress{Scheme: "tcp", Name: "10.77.1.11", Port: 16509}, "qemu+tcp://10.77.1.11:16509/system"},
		{all, provisioner.HostAddress{Scheme: "tls", Name: "2001:db8::1", Port: 16514}, "qemu+tls://[2001:db8::1]:16514/system?pkipath=%2Fetc%2Fvolary%2Fpki"},
		{all, provisioner.HostAddress{Scheme: "tcp", Name: "2001:db8::1"}, "qemu+tcp://[2001:db8::1]/system"},
		{all, provisioner.HostAddress{Scheme: "unix"}, "qemu:///system"},
		{Options{}, provisioner.HostAddress{Scheme: "tcp", Name: "h"}, ""},
		{Options{}, provisioner.HostAddress{Scheme: "unix"}, ""},
		{all, provisioner.HostAddress{Scheme: "memory", Name: "h"}, ""},
		{all, provisioner.HostAddress{Scheme: "ssh", Name: "-oProxyCommand=x"}, ""},
		{all, provisioner.HostAddress{Scheme: "tls", Name: "h/system?command=x"}, ""},
	} {
		got, err := c.opts.URI(c.address)
		if got != c.want || (c.want == "") != errors.Is(err, provisioner.ErrHostAddress) {
			t.Errorf("%+v: %q, %v; want %q", c.address, got, err, c.want)
		}
	}
}
