package usernet

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
)

const (
	portDNS = 53
	// mostQuestions is how many connections for questions are served at once; the next waits.
	mostQuestions = 32
)

// serveDNS answers for the cluster's own names by UDP and TCP.
func (n *Network) serveDNS() error {
	at := fullAddress(netip.AddrPortFrom(n.spec.Gateway, portDNS))
	packets, err := gonet.DialUDP(n.stack, &at, nil, ipv4.ProtocolNumber)
	if err != nil {
		return fmt.Errorf("DNS: %w", err)
	}
	streams, err := gonet.ListenTCP(n.stack, at, ipv4.ProtocolNumber)
	if err != nil {
		_ = packets.Close()
		return fmt.Errorf("DNS: %w", err)
	}
	for _, s := range []*dns.Server{
		{PacketConn: packets, Handler: dns.HandlerFunc(n.answerDNS)},
		{Listener: netutil.LimitListener(streams, mostQuestions), Handler: dns.HandlerFunc(n.answerDNS)},
	} {
		n.work.Go(func() { _ = s.ActivateAndServe() }) // it ends with its socket
	}
	n.work.Go(func() {
		<-n.over
		_ = packets.Close()
		_ = streams.Close()
	})
	return nil
}

func (n *Network) answerDNS(w dns.ResponseWriter, asked *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(asked)
	answer.Authoritative, answer.RecursionAvailable = true, true
	if len(asked.Question) != 1 || asked.Opcode != dns.OpcodeQuery || asked.Question[0].Qclass != dns.ClassINET {
		answer.Rcode = dns.RcodeRefused
	} else {
		answer.Answer, answer.Rcode = n.resolve(asked.Question[0])
	}
	if w.RemoteAddr().Network() == "udp" {
		answer.Truncate(dns.MinMsgSize)
	}
	_ = w.WriteMsg(answer) // who hears nothing asks again
}

// resolve answers as a host's dnsmasq does: names and addresses of the cluster are known, of its domain nothing else is there, and about
// others nobody is asked.
func (n *Network) resolve(q dns.Question) (found []dns.RR, code int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name := strings.ToLower(strings.TrimSuffix(q.Name, "."))
	head := dns.RR_Header{Name: q.Name, Class: dns.ClassINET, Rrtype: q.Qtype}
	domain := strings.ToLower(n.spec.Domain)
	if reverse, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		return n.reverse(reverse, q.Qtype, head)
	}
	short, ours := name, !strings.Contains(name, ".")
	if before, within := strings.CutSuffix(name, "."+domain); within && domain != "" {
		short, ours = before, true
	}
	if !ours {
		return nil, dns.RcodeRefused
	}
	for _, e := range n.spec.Entries {
		if strings.ToLower(e.Name) != short {
			continue
		}
		if q.Qtype == dns.TypeA || q.Qtype == dns.TypeANY {
			head.Rrtype = dns.TypeA
			found = append(found, &dns.A{Hdr: head, A: net.IP(e.IP.AsSlice())})
		}
		return found, dns.RcodeSuccess
	}
	return nil, dns.RcodeNameError
}

// reverse finds the name of "4.3.2.1"; n.mu is held.
func (n *Network) reverse(of string, kind uint16, head dns.RR_Header) ([]dns.RR, int) {
	parts := strings.Split(of, ".")
	if len(parts) != 4 {
		return nil, dns.RcodeRefused
	}
	a, err := netip.ParseAddr(strings.Join([]string{parts[3], parts[2], parts[1], parts[0]}, "."))
	if err != nil || !n.spec.Subnet.Contains(a) {
		return nil, dns.RcodeRefused
	}
	for _, e := range n.spec.Entries {
		if e.IP == a && kind == dns.TypePTR {
			return []dns.RR{&dns.PTR{Hdr: head, Ptr: dns.Fqdn(n.fullName(e.Name))}}, dns.RcodeSuccess
		}
	}
	return nil, dns.RcodeNameError
}

func (n *Network) fullName(name string) string {
	if n.spec.Domain == "" {
		return name
	}
	return name + "." + n.spec.Domain
}
