package acceptance

import (
	"fmt"
	"strings"

	"volary.dev/provisioner"
)

func ofMAC(e Evidence, n Node) finding {
	return e.distinct(n, value{
		is: func(i Identity) string { return i.MAC }, what: "MAC", remedy: "take it from the machine, and not from a file of the image",
		wrong: func(mac string) string {
			if n.MAC != "" && mac != n.MAC {
				return fmt.Sprintf("It uses the MAC %s, and its machine has %s: take it from the machine, and not from a file of the image.", mac, n.MAC)
			}
			return ""
		},
		seen: !n.Located.IsZero(),
	})
}

func ofAddress(e Evidence, n Node) finding {
	if !n.Located.IsZero() && !e.is(n, addressed, provisioner.ResultPassed) {
		return unseen(e, "It was given none.")
	}
	return e.distinct(n, value{
		is: func(i Identity) string { return i.Address }, what: "address", remedy: "use the one that DHCP gives",
		wrong: func(a string) string {
			if a != n.Address.String() {
				return fmt.Sprintf("It uses %s, and was given %s by DHCP: remove the address that is written down in the image.", a, n.Address)
			}
			return ""
		},
		seen: !n.Located.IsZero(),
	})
}

func ofHostname(e Evidence, n Node) finding {
	return e.distinct(n, value{
		is: func(i Identity) string { return i.Hostname }, what: "host name", remedy: "the image has to take it from the seed or from DHCP",
		wrong: func(name string) string {
			if short, _, _ := strings.Cut(name, "."); short != n.Name {
				return fmt.Sprintf("It calls itself %s: the image has to take its host name from the seed or from DHCP.", name)
			}
			return ""
		},
		seen: !n.Reported.IsZero(),
	})
}

func ofMachineID(e Evidence, n Node) finding {
	return e.distinct(n, value{
		is: func(i Identity) string { return i.MachineID }, what: "machine id", remedy: "empty /etc/machine-id in the image", seen: !n.Reported.IsZero(),
	})
}

func ofHostKey(e Evidence, n Node) finding {
	return e.distinct(n, value{
		is: func(i Identity) string { return i.SSHKey }, what: "SSH host key", remedy: "remove /etc/ssh/ssh_host_* from the image", seen: !n.Reported.IsZero(),
	})
}

// value is one part of an identity that has to be each node's own.
type value struct {
	is           func(Identity) string
	what, remedy string
	wrong        func(is string) string // why it cannot be right by itself; empty: it may be
	seen         bool
}

// distinct compares what a guest says of itself with what the others say.
func (e Evidence) distinct(n Node, v value) finding {
	const by = provisioner.ChannelConsole
	is := v.is(n.Identity)
	switch {
	case !v.seen:
		return unseen(e, "The guest did not report.")
	case is == "-" || is == "":
		return unseen(e, "It has no "+v.what+".")
	}
	if v.wrong != nil {
		if why := v.wrong(is); why != "" {
			return failed(by, why)
		}
	}
	for _, other := range e.Nodes {
		if other.Name != n.Name && v.is(other.Identity) == is {
			return failed(by, fmt.Sprintf("It has the same %s as %s: %s.", v.what, other.Name, v.remedy))
		}
	}
	return passed(by, n.StartedAt, n.Reported, short(is))
}

// String is the identity as a report shows it.
func (i Identity) String() string {
	if i.Hostname == "" {
		return ""
	}
	return fmt.Sprintf("%s, machine id %s, SSH key %s", i.Hostname, short(i.MachineID), short(i.SSHKey))
}

func short(s string) string {
	if len(s) > 20 {
		return "…" + s[len(s)-12:]
	}
	return s
}
