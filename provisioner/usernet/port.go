package usernet

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync"
)

// queued is how many frames wait for a guest that does not read; then more are dropped, as a bridge does.
const queued = 512

// port is where one guest is plugged in. A frame on its line has its length before it, in four bytes, as QEMU's socket has it.
type port struct {
	line io.ReadWriteCloser
	mac  [6]byte
	out  chan []byte
	gone chan struct{}
	once sync.Once
}

// send hands a frame to the guest. It does not wait, and the frame is not written to any more.
func (p *port) send(frame []byte) {
	select {
	case p.out <- frame:
	default:
	}
}

func (p *port) close() {
	p.once.Do(func() {
		close(p.gone)
		_ = p.line.Close()
	})
}

func (p *port) write() {
	defer p.close()
	for {
		select {
		case <-p.gone:
			return
		case frame := <-p.out:
			whole := append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
			if _, err := p.line.Write(whole); err != nil {
				return
			}
		}
	}
}

// read takes the guest's frames until its line ends, or has a length on it that no frame has.
func (p *port) read(take func(frame []byte)) {
	defer p.close()
	r := bufio.NewReaderSize(p.line, 64<<10)
	var head [4]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(head[:])
		if n > mostFrame {
			return
		}
		frame := make([]byte, n)
		if _, err := io.ReadFull(r, frame); err != nil {
			return
		}
		take(frame)
	}
}

// Attach plugs a guest in: line carries its frames until it ends or the network is closed. Another guest of the MAC is unplugged. What the MAC
// was given before is forgotten: Addresses tells of guests that asked since they were plugged in.
func (n *Network) Attach(mac net.HardwareAddr, line io.ReadWriteCloser) {
	p := &port{line: line, mac: [6]byte(mac), out: make(chan []byte, queued), gone: make(chan struct{})}
	n.mu.Lock()
	before := n.ports[p.mac]
	n.ports[p.mac] = p
	delete(n.given, p.mac)
	closed := n.closed
	n.mu.Unlock()
	if before != nil {
		before.close()
	}
	if closed {
		p.close()
		return
	}
	n.work.Go(p.write)
	n.work.Go(func() {
		p.read(func(frame []byte) { n.fromGuest(p, frame) })
		n.mu.Lock()
		if n.ports[p.mac] == p {
			delete(n.ports, p.mac)
		}
		n.mu.Unlock()
	})
}

// fromGuest hands a frame on.
func (n *Network) fromGuest(p *port, frame []byte) {
	n.mu.Lock()
	if n.ports[p.mac] != p {
		n.mu.Unlock()
		return
	}
	if !n.guardOf(p.mac).passes(frame) {
		n.drop(frame)
		n.mu.Unlock()
		return
	}
	to := n.receivers(frame, p)
	n.mu.Unlock()
	for _, other := range to {
		other.send(frame)
	}
	if group(frame) || [6]byte(frame) == n.gatewayMAC {
		n.toGateway(frame)
	}
}

// fromGateway hands on what the gateway's stack sends.
func (n *Network) fromGateway(frame []byte) {
	n.mu.Lock()
	n.sent(frame)
	to := n.receivers(frame, nil)
	n.mu.Unlock()
	for _, p := range to {
		p.send(frame)
	}
}

// receivers are the ports that a frame is for; n.mu is held.
func (n *Network) receivers(frame []byte, from *port) (to []*port) {
	if !group(frame) {
		if p := n.ports[[6]byte(frame)]; p != nil && p != from {
			to = append(to, p)
		}
		return to
	}
	for _, p := range n.ports {
		if p != from {
			to = append(to, p)
		}
	}
	return to
}

// group tells a frame for several, or all.
func group(frame []byte) bool { return frame[0]&1 != 0 }

// guardOf gives the rules for a MAC; one without an entry has no address. n.mu is held.
func (n *Network) guardOf(mac [6]byte) guard {
	return guard{
		mac: mac[:], ip: n.entries[mac].IP, subnet: n.spec.Subnet.Masked(), gateway: n.spec.Gateway, gatewayMAC: n.gatewayMAC[:],
	}
}
