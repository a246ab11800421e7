package libvirt

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"volary.dev/provisioner"
)

// Whatever a name leads to on the worker's own machine, nobody there gets a connection, and people read no address.
func TestReachLeavesTheWorkersOwnMachineAlone(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	called := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			called <- c
		}
	}()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	for _, host := range []string{"127.0.0.1", "::ffff:127.0.0.1", "localhost", "0.0.0.0", "169.254.169.254", "::1"} {
		_, err := reach(net.JoinHostPort(host, port))
		if !errors.Is(err, provisioner.ErrHostPlace) || !errors.Is(err, provisioner.ErrHostUnreachable) || strings.Contains(err.Error(), "127.") {
			t.Errorf("%s: %v", host, err)
		}
	}
	select {
	case c := <-called:
		c.Close()
		t.Error("somebody on the worker's own machine was called")
	default:
	}
	// One that has both a host's address and one of the worker's own.
	if _, err := checked([]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:127.0.0.1")}, 16509); !errors.Is(err, provisioner.ErrHostPlace) {
		t.Errorf("a name with two addresses: %v", err)
	}
	if all, err := checked([]netip.Addr{netip.MustParseAddr("::ffff:10.77.1.11")}, 16509); err != nil || all[0].String() != "10.77.1.11:16509" {
		t.Errorf("an address in another spelling: %v, %v", all, err)
	}
	// What a name does not resolve to says nothing of who resolves it.
	if _, err := reach("no-such-host.invalid:16509"); err == nil || err.Error() != provisioner.ErrHostUnreachable.Error() {
		t.Errorf("a name of nobody: %v", err)
	}
}

// libvirt gets the address that was looked at where it would resolve the name again.
func TestAt(t *testing.T) {
	peer := netip.MustParseAddrPort("[2001:db8::5]:16509")
	for uri, want := range map[string]string{
		"qemu+tcp://h1.example.org:16509/system":                "qemu+tcp://[2001:db8::5]:16509/system",
		"qemu+tls://h1.example.org:16514/system?pkipath=%2Fpki": "qemu+tls://h1.example.org:16514/system?pkipath=%2Fpki",
		"qemu+ssh://volary@h1/system?no_tty=1":                  "qemu+ssh://volary@h1/system?no_tty=1",
	} {
		if got := at(uri, peer); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}
