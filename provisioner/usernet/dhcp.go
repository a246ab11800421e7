package usernet

import (
	"fmt"
	"net"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"volary.dev/provisioner"
)

// leaseTime is dnsmasq's default, as on hosts.
const leaseTime = time.Hour

// serveDHCP answers who is in the network's entries, by broadcast: the guest has no address yet.
func (n *Network) serveDHCP() error {
	var queue waiter.Queue
	end, tcpipErr := n.stack.NewEndpoint(udp.ProtocolNumber, ipv4.ProtocolNumber, &queue)
	if tcpipErr != nil {
		return fmt.Errorf("DHCP: %s", tcpipErr)
	}
	end.SocketOptions().SetBroadcast(true)
	if err := end.Bind(tcpip.FullAddress{NIC: nic, Port: portServer}); err != nil {
		end.Close()
		return fmt.Errorf("DHCP: %s", err)
	}
	conn := gonet.NewUDPConn(&queue, end)
	n.work.Go(func() {
		buf := make([]byte, 1500)
		for {
			size, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := n.lease(buf[:size]); answer != nil {
				_, _ = conn.WriteTo(answer, &net.UDPAddr{IP: net.IPv4bcast, Port: portAsker}) // who hears nothing asks again
			}
		}
	})
	n.work.Go(func() {
		<-n.over
		_ = conn.Close()
	})
	return nil
}

// lease answers one message, or nothing.
func (n *Network) lease(message []byte) []byte {
	asked, err := dhcpv4.FromBytes(message)
	if err != nil || asked.OpCode != dhcpv4.OpcodeBootRequest || len(asked.ClientHWAddr) != 6 {
		return nil
	}
	mac := [6]byte(asked.ClientHWAddr)
	n.mu.Lock()
	defer n.mu.Unlock()
	e, known := n.entries[mac]
	if !known {
		return nil
	}
	kind := dhcpv4.MessageTypeOffer
	switch asked.MessageType() {
	case dhcpv4.MessageTypeDiscover:
	case dhcpv4.MessageTypeRequest:
		if server := asked.ServerIdentifier(); server != nil && !server.Equal(n.spec.Gateway.AsSlice()) {
			return nil
		}
		if wanted := wantedAddress(asked); wanted != nil && !wanted.Equal(e.IP.AsSlice()) {
			return n.refusal(asked)
		}
		kind = dhcpv4.MessageTypeAck
		n.given[mac] = e.IP
	case dhcpv4.MessageTypeInform:
		kind = dhcpv4.MessageTypeAck
	default:
		return nil
	}
	answer, err := dhcpv4.NewReplyFromRequest(asked, n.options(e, kind)...)
	if err != nil {
		return nil
	}
	if asked.MessageType() != dhcpv4.MessageTypeInform {
		answer.YourIPAddr = e.IP.AsSlice()
		answer.UpdateOption(dhcpv4.OptIPAddressLeaseTime(leaseTime))
	}
	return answer.ToBytes()
}

// wantedAddress is the one that a client asks for, or has and wants to keep.
func wantedAddress(asked *dhcpv4.DHCPv4) net.IP {
	if wanted := asked.RequestedIPAddress(); wanted != nil {
		return wanted
	}
	if asked.ClientIPAddr != nil && !asked.ClientIPAddr.IsUnspecified() {
		return asked.ClientIPAddr
	}
	return nil
}

// refusal sends a client that wants another address back to the beginning.
func (n *Network) refusal(asked *dhcpv4.DHCPv4) []byte {
	answer, err := dhcpv4.NewReplyFromRequest(asked,
		dhcpv4.WithMessageType(dhcpv4.MessageTypeNak), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(n.spec.Gateway.AsSlice())))
	if err != nil {
		return nil
	}
	return answer.ToBytes()
}

// options are those that a host's dnsmasq gives.
func (n *Network) options(e provisioner.NetworkEntry, kind dhcpv4.MessageType) []dhcpv4.Modifier {
	gateway := net.IP(n.spec.Gateway.AsSlice())
	all := []dhcpv4.Modifier{
		dhcpv4.WithMessageType(kind), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(gateway)),
		dhcpv4.WithNetmask(net.CIDRMask(n.spec.Subnet.Bits(), 32)), dhcpv4.WithOption(dhcpv4.OptBroadcastAddress(lastOf(n.spec.Subnet).AsSlice())),
		dhcpv4.WithRouter(gateway), dhcpv4.WithDNS(gateway), dhcpv4.WithOption(dhcpv4.OptHostName(e.Name)),
		dhcpv4.WithGeneric(dhcpv4.OptionInterfaceMTU, []byte{byte(n.spec.MTU >> 8), byte(n.spec.MTU)}),
	}
	if n.spec.Domain != "" {
		all = append(all, dhcpv4.WithOption(dhcpv4.OptDomainName(n.spec.Domain)))
	}
	return all
}
