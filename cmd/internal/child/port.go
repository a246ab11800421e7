package child

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
)

// FreePort finds a TCP port of 127.0.0.1 at which nobody listens, for a child that is told where to listen. It lies outside the
// range that the kernel takes ports of outgoing connections from: on a busy machine one of those would sometimes have it
// before the child does, or while the child is started again.
func FreePort(ctx context.Context) (int, error) {
	first, last, err := quietPorts("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, err
	}
	var taken error
	for range 100 {
		port := first + rand.IntN(last-first+1)
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
		taken = err
	}
	return 0, fmt.Errorf("find a free port between %d and %d: %w", first, last, taken)
}

// quietPorts is the larger part of the ports from 10000 on that is not in the range which the kernel's file names.
func quietPorts(file string) (first, last int, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, fmt.Errorf("ports of outgoing connections: %w", err)
	}
	const lowest, highest = 10000, 65535
	var from, to int
	if _, err := fmt.Sscan(string(b), &from, &to); err != nil {
		return 0, 0, fmt.Errorf("ports of outgoing connections: %s: %w", file, err)
	}
	below, above := from-lowest, highest-to
	switch {
	case max(below, above) < 100:
		return 0, 0, errors.New("the kernel takes nearly all ports for outgoing connections: narrow net.ipv4.ip_local_port_range")
	case below >= above:
		return lowest, from - 1, nil
	}
	return to + 1, highest, nil
}
