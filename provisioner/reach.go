package provisioner

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Why a host is not spoken with. Each comes with ErrHostUnreachable (Unreached), and is all that people read of it: what
// was seen on the wire would make of the worker a scanner of the network that it stands in.
var (
	ErrHostRefuses        = errors.New("host refuses the connection")
	ErrNoLibvirt          = errors.New("what answers at the host's address is no libvirt")
	ErrHostUntrusted      = errors.New("host's certificate or key is not trusted by the worker")
	ErrHostAuthentication = errors.New("host does not let the worker in")
	ErrHostPlace          = errors.New("host's address is one that no host can have, such as the worker's own loopback")
)

// Unreached is the failure to speak with a host: in one sentence for each kind of failure, for people, and its cause for
// the worker's log.
type Unreached struct {
	Kind  error // one of those above, or ErrHostUnreachable
	Cause error
}

// Error implements error, for people.
func (u *Unreached) Error() string { return u.Kind.Error() }

// Unwrap gives what errors.Is finds: the kind, that the host is not reached, and the cause.
func (u *Unreached) Unwrap() []error {
	return slices.DeleteFunc([]error{u.Kind, ErrHostUnreachable, u.Cause}, func(err error) bool { return err == nil })
}

// Cause is all that is known of the failure of a call to a host, for the worker's log: what Error tells people, and what it
// keeps from them.
func Cause(err error) string {
	if err == nil {
		return ""
	}
	var lost *Unreached
	var refused *HostError
	var causes []string
	if errors.As(err, &lost) && lost.Cause != nil {
		causes = append(causes, Cause(lost.Cause))
	}
	if errors.As(err, &refused) && refused.Cause != "" {
		causes = append(causes, refused.Cause)
	}
	text := err.Error()
	for _, c := range causes {
		switch {
		case strings.HasPrefix(c, text):
			text = c
		case !strings.Contains(text, c):
			text += " (" + c + ")"
		}
	}
	return text
}

// notHosts are the addresses at which there is no host but something of the worker's own machine or link, or nobody.
var notHosts = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), // unspecified, loopback, and what was IPv4 once
	netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
}

// translated are IPv4 addresses written as IPv6, in the last four bytes.
var translated = []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("::ffff:0:0:0/96")}

// CheckHostPlace refuses, with ErrHostPlace, an address that no host can have, however it is written: loopback, link-local,
// unspecified, multicast and reserved ones. Private ones are where hosts are.
func CheckHostPlace(a netip.Addr) error {
	a = a.WithZone("").Unmap()
	if !a.IsValid() {
		return ErrHostPlace
	}
	for _, p := range translated {
		if p.Contains(a) {
			b := a.As16()
			a = netip.AddrFrom4([4]byte(b[12:]))
		}
	}
	for _, p := range notHosts {
		if p.Contains(a) {
			return fmt.Errorf("%w (%s)", ErrHostPlace, a)
		}
	}
	return nil
}

// isLoopbackName says whether every resolver takes a name for this machine (RFC 6761, 6.3).
func isLoopbackName(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "localhost.localdomain" || name == "ip6-localhost" || name == "ip6-loopback"
}

var (
	filePath  = regexp.MustCompile(`(^|[\s'"=:,(])/[^\s'",:;)]*`)
	ipAddress = regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}\b(/\d{1,2})?|\b[0-9a-fA-F]{1,4}(:[0-9a-fA-F]{0,4}){3,7}\b`)
)

// Discreet gives a host's words without the files and addresses of its own that they name: members read them too, and need
// neither.
func Discreet(words string) string {
	return ipAddress.ReplaceAllString(filePath.ReplaceAllString(words, "${1}…"), "…")
}
