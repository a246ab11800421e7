package child

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// TestFreePortsAreNoOutgoingConnections holds that a port which was found can be listened at, and is none that the kernel gives away.
func TestFreePortsAreNoOutgoingConnections(t *testing.T) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		t.Fatal(err)
	}
	var from, to int
	if _, err := fmt.Sscan(string(b), &from, &to); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		port, err := FreePort(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if port >= from && port <= to {
			t.Errorf("port %d is of %d to %d", port, from, to)
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // at the end, so that no two are the same
	}
}

func TestQuietPorts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "range")
	for text, want := range map[string][2]int{
		"32768\t60999\n": {10000, 32767}, "10050 40000": {40001, 65535}, "1024 65535": {}, "nonsense": {},
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		first, last, err := quietPorts(file)
		if first != want[0] || last != want[1] || (err == nil) != (want != [2]int{}) {
			t.Errorf("%q: %d to %d, %v", text, first, last, err)
		}
	}
}
