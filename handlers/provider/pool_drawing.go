package provider

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"volary.dev/handlers/request"
	"volary.dev/provisioner"
	web "volary.dev/web/provider"
)

// mtuOf is the sum by which guests' MTU comes from the underlay's.
func mtuOf(underlay netip.Prefix, guests int) web.MTU {
	over := provisioner.VXLANOverhead(underlay.Addr())
	return web.MTU{Underlay: guests + over, Overhead: over, Guests: guests, By: family(underlay.Addr())}
}

func family(underlay netip.Addr) string {
	if underlay.Is6() && !underlay.Is4In6() {
		return "IPv6"
	}
	return "IPv4"
}

// typedMTU reads the underlay's MTU and gives what it leaves for guests.
func typedMTU(f *request.Form, underlay netip.Prefix) int {
	m := mtuOf(underlay, 0)
	typed := f.Int("underlay_mtu", "the MTU of the underlay", 0, 1<<20)
	m.Underlay, m.Guests = typed, typed-m.Overhead
	if wrong := wrongMTU(m); wrong != "" {
		f.Wrong("underlay_mtu", wrong)
	}
	return m.Guests
}

// wrongMTU says why an underlay's MTU cannot be, with the sum; empty where it can.
func wrongMTU(m web.MTU) string {
	const least, most = provisioner.LeastMTU, provisioner.MostMTU
	switch {
	case m.Guests < least:
		return fmt.Sprintf("%d less %d for VXLAN over %s leaves %d bytes; guests need %d at least, so that the underlay needs %d.",
			m.Underlay, m.Overhead, m.By, max(m.Guests, 0), least, least+m.Overhead)
	case m.Guests > most:
		return fmt.Sprintf("%d less %d for VXLAN over %s leaves %d bytes; guests may have %d at most, which is %d on the underlay.",
			m.Underlay, m.Overhead, m.By, m.Guests, most, most+m.Overhead)
	}
	return ""
}

// drawingOf draws what is typed; what cannot be read is drawn without its numbers.
func drawingOf(p web.PoolFormProps) web.PoolDrawing {
	d := web.PoolDrawing{GoOut: p.GoOut, Management: namesOf(p.Management), Allowed: namesOf(p.Allowed)}
	underlay, err := netip.ParsePrefix(strings.TrimSpace(p.Underlay))
	if err == nil {
		d.Underlay = underlay.Masked().String()
		first, second := underlay.Masked().Addr().Next(), underlay.Masked().Addr().Next().Next()
		if underlay.Contains(second) {
			d.Hosts = []string{first.String(), second.String()}
		}
	}
	prefix, err := netip.ParsePrefix(strings.TrimSpace(p.Prefix))
	bits, numberErr := strconv.Atoi(strings.TrimSpace(p.SubnetBits))
	if err == nil && numberErr == nil && prefix.Addr().Is4() && prefix.Bits() <= bits && bits <= 32 {
		subnet := netip.PrefixFrom(prefix.Masked().Addr(), bits)
		d.Prefix, d.Subnet = prefix.Masked().String(), subnet.String()
		d.Subnets = 1 << min(bits-prefix.Bits(), 30)
	}
	if n, err := strconv.Atoi(strings.TrimSpace(p.UnderlayMTU)); err == nil && n >= 0 && n < 1<<20 {
		d.MTU = mtuOf(underlay, 0)
		d.MTU.Underlay, d.MTU.Guests = n, n-d.MTU.Overhead
		d.Wrong = wrongMTU(d.MTU)
	}
	return d
}

// namesOf splits what is typed of networks, whether it is right or not.
func namesOf(typed string) []string {
	return strings.FieldsFunc(typed, func(r rune) bool { return strings.ContainsRune(", \n\r", r) })
}
