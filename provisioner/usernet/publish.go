package usernet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/netutil"

	"volary.dev/provisioner"
)

const (
	// mostVisits is how many connections a published port has at once; the next waits.
	mostVisits = 64
	// visitPatience is how long a guest may take to take a connection.
	visitPatience = 20 * time.Second
)

// publish opens the ports that are wanted on the machine's loopback, and closes the others; n.mu is held.
func (n *Network) publish(wanted []provisioner.PublishedPort) error {
	for p, l := range n.published {
		if !slices.Contains(wanted, p) {
			_ = l.Close()
			delete(n.published, p)
		}
	}
	for _, p := range wanted {
		if n.published[p] != nil {
			continue
		}
		at := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), p.HostPort))
		l, err := net.ListenTCP("tcp4", at)
		if err != nil {
			return fmt.Errorf("%w: publish port %d: %w", ErrNetwork, p.HostPort, err)
		}
		n.published[p] = l
		n.work.Go(func() { n.visits(netutil.LimitListener(l, mostVisits), netip.AddrPortFrom(p.Guest, p.GuestPort)) })
	}
	return nil
}

// visits hands connections on to a guest until the port is closed.
func (n *Network) visits(l net.Listener, to netip.AddrPort) {
	for {
		visitor, err := l.Accept()
		if err != nil {
			return
		}
		n.mu.Lock()
		n.counts.published++
		n.mu.Unlock()
		n.work.Go(func() {
			defer visitor.Close()
			ctx, cancel := context.WithTimeout(context.Background(), visitPatience)
			guest, err := n.Dial(ctx, to)
			cancel()
			if err != nil {
				return
			}
			defer guest.Close()
			n.join(visitor, guest)
		})
	}
}

// join carries bytes both ways until one side ends, or the network does.
func (n *Network) join(a, b net.Conn) {
	done := make(chan struct{}, 2)
	carry := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // an end is an end
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		done <- struct{}{}
	}
	go carry(a, b)
	go carry(b, a)
	for range 2 {
		select {
		case <-done:
		case <-n.over:
			_ = a.Close()
			_ = b.Close()
			return
		}
	}
}
