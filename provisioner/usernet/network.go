package usernet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"volary.dev/provisioner"
)

// The gateway's only interface.
const nic = tcpip.NICID(1)

// Network is one cluster's network.
type Network struct {
	gatewayMAC [6]byte
	stack      *stack.Stack
	link       *channel.Endpoint
	work       sync.WaitGroup
	stop       context.CancelFunc
	over       <-chan struct{} // closed by stop

	mu        sync.Mutex
	spec      provisioner.Network
	entries   map[[6]byte]provisioner.NetworkEntry
	ports     map[[6]byte]*port
	given     map[[6]byte]netip.Addr // by DHCP since the guest was plugged in
	published map[provisioner.PublishedPort]net.Listener
	counts    counts
	closed    bool
}

// ErrNetwork says that a network is none that can be made here, or cannot become another one.
var ErrNetwork = errors.New("network refused")

// New makes a network with its gateway, DHCP and DNS.
func New(spec provisioner.Network) (*Network, error) {
	if err := check(spec); err != nil {
		return nil, err
	}
	n := &Network{
		gatewayMAC: [6]byte(spec.GatewayMAC), spec: spec, entries: byMAC(spec), ports: map[[6]byte]*port{}, given: map[[6]byte]netip.Addr{},
		published: map[provisioner.PublishedPort]net.Listener{},
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop, n.over = stop, ctx.Done()
	n.link = channel.New(queued, uint32(spec.MTU)+etherHead, tcpip.LinkAddress(spec.GatewayMAC))
	// No forwarding, no other address, no promiscuity: what is not for the gateway's own address ends here.
	n.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4},
	})
	if err := n.begin(ctx); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// check wants what can be made here.
func check(spec provisioner.Network) error {
	switch {
	case spec.VNI < 1 || !spec.Subnet.Addr().Is4() || !spec.Subnet.Contains(spec.Gateway) || len(spec.GatewayMAC) != 6:
		return fmt.Errorf("%w: number %d, subnet %s, gateway %s %s", ErrNetwork, spec.VNI, spec.Subnet, spec.Gateway, spec.GatewayMAC)
	case spec.MTU < provisioner.LeastMTU || spec.MTU > provisioner.MostMTU:
		return fmt.Errorf("%w: an MTU of %d; from %d to %d can be made", ErrNetwork, spec.MTU, provisioner.LeastMTU, provisioner.MostMTU)
	case spec.Masquerade:
		return fmt.Errorf("%w: it is to have a way out, and here is none", ErrNetwork)
	case len(spec.Peers) > 0:
		return fmt.Errorf("%w: it is to reach %d other hosts, and there is one machine", ErrNetwork, len(spec.Peers))
	}
	for _, e := range spec.Entries {
		if len(e.MAC) != 6 || !spec.Subnet.Contains(e.IP) {
			return fmt.Errorf("%w: %s has MAC %q and address %s", ErrNetwork, e.Name, e.MAC, e.IP)
		}
	}
	return nil
}

func byMAC(spec provisioner.Network) map[[6]byte]provisioner.NetworkEntry {
	all := make(map[[6]byte]provisioner.NetworkEntry, len(spec.Entries))
	for _, e := range spec.Entries {
		all[[6]byte(e.MAC)] = e
	}
	return all
}

func (n *Network) begin(ctx context.Context) error {
	if err := n.stack.CreateNIC(nic, ethernet.New(n.link)); err != nil {
		return fmt.Errorf("network %d: %s", n.spec.VNI, err)
	}
	own := tcpip.ProtocolAddress{
		Protocol: ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{
			Address: tcpip.AddrFromSlice(n.spec.Gateway.AsSlice()), PrefixLen: n.spec.Subnet.Bits(),
		},
	}
	if err := n.stack.AddProtocolAddress(nic, own, stack.AddressProperties{}); err != nil {
		return fmt.Errorf("network %d: %s", n.spec.VNI, err)
	}
	n.stack.SetRouteTable([]tcpip.Route{{Destination: own.AddressWithPrefix.Subnet(), NIC: nic}})
	n.work.Go(func() {
		for {
			packet := n.link.ReadContext(ctx)
			if packet == nil {
				return
			}
			n.fromGateway(packet.ToView().AsSlice())
			packet.DecRef()
		}
	})
	if err := errors.Join(n.serveDHCP(), n.serveDNS()); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.publish(n.spec.Published)
}

// toGateway hands a frame to the gateway's stack.
func (n *Network) toGateway(frame []byte) {
	packet := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
	defer packet.DecRef()
	n.link.InjectInbound(0, packet) // what it is stands in the frame
}

// Change gives the network other entries and published ports. Its foundation stays: ErrNetwork where that is another one.
func (n *Network) Change(spec provisioner.Network) error {
	if err := check(spec); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if spec.Subnet != n.spec.Subnet || spec.Gateway != n.spec.Gateway || [6]byte(spec.GatewayMAC) != n.gatewayMAC || spec.MTU != n.spec.MTU {
		return fmt.Errorf("%w: it is there with subnet %s, gateway %s and an MTU of %d; delete it first", ErrNetwork, n.spec.Subnet, n.spec.Gateway, n.spec.MTU)
	}
	n.spec, n.entries = spec, byMAC(spec)
	return n.publish(spec.Published)
}

// Subnet is the network's own.
func (n *Network) Subnet() netip.Prefix {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.spec.Subnet
}

// Addresses gives what DHCP gave, by lower-case MAC, to guests that asked since they were plugged in.
func (n *Network) Addresses() map[string]netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make(map[string]netip.Addr, len(n.given))
	for mac, ip := range n.given {
		all[net.HardwareAddr(mac[:]).String()] = ip
	}
	return all
}

// Has tells whether a guest may have the address: it is the subnet's, and not the gateway's.
func (n *Network) Has(a netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.spec.Subnet.Contains(a) && a != n.spec.Gateway && a != n.spec.Subnet.Masked().Addr() && a != lastOf(n.spec.Subnet)
}

// Dial opens a TCP connection to a guest, from the gateway.
func (n *Network) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return gonet.DialContextTCP(ctx, n.stack, fullAddress(to), ipv4.ProtocolNumber)
}

func fullAddress(a netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFromSlice(a.Addr().AsSlice()), Port: a.Port()}
}

// Close unplugs every guest and ends all that works for the network.
func (n *Network) Close() {
	n.mu.Lock()
	n.closed = true
	ports := maps.Clone(n.ports)
	_ = n.publish(nil) // closing is no failure
	n.mu.Unlock()
	for _, p := range ports {
		p.close()
	}
	n.stop()
	n.stack.Destroy()
	n.link.Close()
	n.work.Wait()
}
