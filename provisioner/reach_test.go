package provisioner

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
)

// What is no host's address is refused however it is written; private addresses are hosts'.
func TestNoHostIsOnTheWorkersOwnMachine(t *testing.T) {
	for _, name := range []string{
		"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::7f00:1", "::ffff:0:127.0.0.1",
		"169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0",
		"224.0.0.1", "::ffff:239.1.2.3", "ff02::1", "255.255.255.255", "localhost", "LOCALHOST.", "db.localhost", "ip6-loopback",
	} {
		for _, scheme := range []Scheme{SchemeTLS, SchemeSSH, SchemeTCP} {
			if err := (HostAddress{Scheme: scheme, Name: name}).Validate(); !errors.Is(err, ErrHostAddress) {
				t.Errorf("%s %s: %v", scheme, name, err)
			}
		}
	}
	for _, name := range []string{
		"10.77.1.11", "192.168.0.5", "172.16.3.4", "100.64.1.1", "::ffff:10.77.1.11", "fd00::5", "2001:db8::1", "203.0.113.9", "64:ff9b::a4d:10b",
		"host-1.example.org", "localhost.example.org",
	} {
		if err := (HostAddress{Scheme: SchemeTLS, Name: name}).Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckHostPlace(netip.Addr{}); !errors.Is(err, ErrHostPlace) {
		t.Errorf("no address: %v", err)
	}
}

// People read a sentence; the log gets what was seen.
func TestWhatIsSeenOnTheWireIsForTheLog(t *testing.T) {
	cause := errors.New("dial tcp 10.1.2.3:22: lookup secret.corp on 10.0.0.53:53: no such host")
	err := fmt.Errorf("facts: %w", &Unreached{Kind: ErrNoLibvirt, Cause: fmt.Errorf("%w: %w", cause, io.ErrUnexpectedEOF)})
	if got := err.Error(); got != "facts: "+ErrNoLibvirt.Error() {
		t.Errorf("people read %q", got)
	}
	if !errors.Is(err, ErrHostUnreachable) || !errors.Is(err, ErrNoLibvirt) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v is not what it is", err)
	}
	if got := Cause(err); !strings.Contains(got, cause.Error()) || !strings.HasPrefix(got, "facts: ") {
		t.Errorf("the log gets %q", got)
	}
	refused := &HostError{Op: "network 7", Detail: "the network hook failed", Cause: "nft -f -: exit status 1"}
	if strings.Contains(refused.Error(), "nft") || !strings.Contains(Cause(refused), "nft -f -: exit status 1") {
		t.Errorf("people read %q, the log gets %q", refused, Cause(refused))
	}
}

func TestDiscreet(t *testing.T) {
	for words, want := range map[string]string{
		"Cannot access storage file '/var/lib/libvirt/images/volary/base-12': No such file": "Cannot access storage file '…': No such file",
		"cannot allocate memory": "cannot allocate memory",
		"qemu: -blockdev file=/srv/a.qcow2,node-name=x: failed, 3/4 of 7 GiB": "qemu: -blockdev file=…,node-name=x: failed, 3/4 of 7 GiB",
		"no interface of this host has the underlay address 10.77.1.11":       "no interface of this host has the underlay address …",
		"bridge vol7 has 10.200.7.1/24, not fd00:1:2::7":                      "bridge vol7 has …, not …",
	} {
		if got := Discreet(words); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
