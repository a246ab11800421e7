package lab_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"volary.dev/provisioner/lab"
)

// What comes from a host of the lab reaches nothing that listens on this machine, at whichever of its addresses.
func TestHostsReachNothingOfThisMachine(t *testing.T) {
	needLab(t)
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	l, err := lab.Start(t.Context(), lab.Config{Dir: t.TempDir(), Hosts: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	reaches := func(a netip.Addr) bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) //nolint:forbidigo // a packet that is dropped has no other sign
		defer cancel()
		_, err := l.Run(ctx, 0, "timeout", "1", "bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/%s/%d", a, port))
		return err == nil
	}
	own := append(addressesOfThisMachine(t), l.Outside())
	for _, a := range own {
		if reaches(a) {
			t.Errorf("a host reaches this machine at %s", a)
		}
	}
	// The same packets to an address that a test puts on the uplink arrive, which proves them good.
	n := l.Prefix().Addr().As4()[2]
	world := netip.AddrFrom4([4]byte{198, 51, 100, n})
	if out, err := exec.Command("ip", "address", "add", world.String()+"/32", "dev", fmt.Sprintf("vollab%d", n)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !reaches(world) {
		t.Error("a host does not reach the world of tests")
	}
	l.Stop()
	if out, err := exec.Command("nft", "list", "table", "inet", fmt.Sprintf("vollab%d", n)).CombinedOutput(); err == nil {
		t.Errorf("the lab's table is left behind: %s", out)
	}
}

func addressesOfThisMachine(t *testing.T) []netip.Addr {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var own []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
			own = append(own, p.Addr())
		}
	}
	return own
}
