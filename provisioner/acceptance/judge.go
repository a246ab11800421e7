package acceptance

import (
	"fmt"
	"strings"
	"time"

	"volary.dev/provisioner"
)

// Judge gives the report of what was seen.
func Judge(e Evidence) provisioner.Report {
	r := provisioner.Report{Nonce: e.Nonce, GuestAgent: e.Agent}
	r.Checks = []provisioner.ReportCheck{
		each(e, provisioner.CheckBoots, "Every node boots", boots),
		each(e, provisioner.CheckAddress, "Every node takes its address by DHCP", addressed),
		identities(e),
		each(e, provisioner.CheckHead, "Every compute node reaches the head by name", reaches),
		gate(e),
		each(e, provisioner.CheckShutdown, "Every node shuts down cleanly", shutsDown),
	}
	for _, n := range e.Nodes {
		r.Nodes = append(r.Nodes, provisioner.ReportNode{
			Name: n.Name, Host: n.Host, Address: n.Address.String(), StartedAt: n.StartedAt, AskedOffAt: n.AskedOff,
			Console: Excerpt(n.Console),
		})
	}
	return r
}

// finding is what one node contributes to a check.
type finding struct {
	at     time.Time // of the proof; zero: none yet
	from   time.Time // what Seconds count from
	by     provisioner.Channel
	detail string // what was seen, or is missing
	failed bool   // for good, without waiting for the end
	exempt bool   // the check is not about this node
}

// each makes a check of one finding per node.
func each(e Evidence, name, title string, find func(Node) finding) provisioner.ReportCheck {
	c := provisioner.ReportCheck{Name: name, Title: title, Result: provisioner.ResultPassed}
	for _, n := range e.Nodes {
		f := find(n)
		if f.exempt {
			continue
		}
		nc := provisioner.NodeCheck{Node: n.Name, Result: provisioner.ResultPending, Evidence: f.detail}
		switch {
		case f.failed || f.at.IsZero() && e.Over:
			nc.Result = provisioner.ResultFailed
		case !f.at.IsZero():
			nc.Result, nc.Seconds = provisioner.ResultPassed, seconds(f.from, f.at)
		}
		if nc.Result != provisioner.ResultPending {
			nc.Channel = f.by
		}
		c.Nodes = append(c.Nodes, nc)
	}
	return summed(c, e)
}

// summed derives the check's state, time and words from its nodes.
func summed(c provisioner.ReportCheck, e Evidence) provisioner.ReportCheck {
	if len(c.Nodes) == 0 {
		c.Result, c.Evidence = provisioner.NotObserved, "There is nothing to check: the test has no such node."
		if len(e.Nodes) == 0 {
			c.Result = provisioner.ResultPending
			if e.Over {
				c.Result = provisioner.ResultFailed
			}
			c.Evidence = e.Why
		}
		return c
	}
	var bad []string
	for _, n := range c.Nodes {
		switch {
		case n.Result == provisioner.ResultFailed:
			c.Result = provisioner.ResultFailed
			bad = append(bad, n.Node+": "+n.Evidence)
		case n.Result == provisioner.ResultPending && c.Result == provisioner.ResultPassed:
			c.Result = provisioner.ResultPending
		}
		c.Seconds = max(c.Seconds, n.Seconds)
		c.Channel = weaker(c.Channel, n.Channel)
	}
	c.Evidence = strings.Join(bad, " ")
	if c.Result != provisioner.ResultPassed {
		c.Seconds = 0
	}
	return c
}

// weaker gives the channel that is worth less: what a guest says itself is worth less than what its host saw.
func weaker(a, b provisioner.Channel) provisioner.Channel {
	worth := []provisioner.Channel{provisioner.ChannelAgent, provisioner.ChannelConsole, provisioner.ChannelProbe, provisioner.ChannelHost}
	for _, c := range worth {
		if a == c || b == c {
			return c
		}
	}
	return ""
}

func seconds(from, to time.Time) float64 {
	if from.IsZero() || to.Before(from) {
		return 0
	}
	return to.Sub(from).Round(10 * time.Millisecond).Seconds()
}

// bootedBy is the channel by which a node was seen to boot: what its host saw, where it saw anything.
func (n Node) bootedBy() provisioner.Channel {
	if !n.Leased.IsZero() && n.Leased.Equal(n.Booted) {
		return provisioner.ChannelHost
	}
	return provisioner.ChannelConsole
}

// gateBy is the channel of the gates: where groups' differ, the one that is worth least.
func (e Evidence) gateBy() provisioner.Channel {
	var by provisioner.Channel
	for _, n := range e.Nodes {
		switch n.Gate {
		case provisioner.GateAddress, "":
			by = weaker(by, provisioner.ChannelHost)
		default:
			by = weaker(by, provisioner.ChannelConsole)
		}
	}
	return by
}

func boots(n Node) finding {
	f := finding{at: n.Booted, from: n.StartedAt, by: n.bootedBy()}
	if !n.Booted.IsZero() {
		return f
	}
	switch ending := Ending(n.Console); {
	case ending != "":
		f.detail = "The console shows " + ending + "."
	case len(n.Console) == 0:
		f.detail = "Nothing on the console, and no address asked for: does the image boot, by BIOS or UEFI as its page says, and write to ttyS0?"
	default:
		f.detail = "The console shows output, but the guest neither took an address nor reported itself."
	}
	return f
}

func addressed(n Node) finding {
	f := finding{at: n.Leased, from: n.StartedAt, by: provisioner.ChannelHost, detail: n.Address.String()}
	if n.Leased.IsZero() {
		f.detail = "No DHCP request arrived for " + n.Address.String() + ": the image has to run a DHCP client on its first network interface."
	}
	return f
}

func reaches(n Node) finding {
	f := finding{at: n.Reached, from: n.StartedAt, by: provisioner.ChannelConsole, exempt: n.Role == provisioner.RoleHead}
	switch {
	case !n.Reached.IsZero():
	case n.Reported.IsZero():
		f.detail = "The guest did not report."
	default:
		f.detail = "The name head did not answer: the guest has to take its search domain and name server from DHCP."
	}
	return f
}

func shutsDown(n Node) finding {
	f := finding{at: n.Off, from: n.AskedOff, by: provisioner.ChannelHost}
	switch {
	case n.Forced:
		f.failed, f.detail = true, "It did not power off when asked to: the image has to obey the ACPI power button (acpid, systemd-logind)."
	case n.Off.IsZero() && n.AskedOff.IsZero():
		f.detail = "It was not asked to: the test ended before."
	case n.Off.IsZero():
		f.detail = "It has not powered off."
	}
	return f
}

// gate is a check of the cluster as a whole: ready is all nodes or none.
func gate(e Evidence) provisioner.ReportCheck {
	c := provisioner.ReportCheck{Name: provisioner.CheckGate, Title: "The cluster becomes ready", Result: provisioner.ResultPending}
	var from time.Time
	for _, n := range e.Nodes {
		if from.IsZero() || n.StartedAt.Before(from) {
			from = n.StartedAt
		}
	}
	switch {
	case !e.ReadyAt.IsZero():
		c.Result, c.Channel, c.Seconds = provisioner.ResultPassed, e.gateBy(), seconds(from, e.ReadyAt)
	case e.Over:
		c.Result, c.Channel, c.Evidence = provisioner.ResultFailed, e.gateBy(), e.Why
	}
	return c
}

// identities compares what the guests say they are.
func identities(e Evidence) provisioner.ReportCheck {
	c := each(e, provisioner.CheckIdentities, "Every node has an identity of its own", func(n Node) finding {
		f := finding{at: n.Reported, from: n.StartedAt, by: provisioner.ChannelConsole, detail: n.Identity.String()}
		if n.Reported.IsZero() {
			f.detail = "The guest did not report: the image has to run cloud-init, or the scripts of a NoCloud seed."
		}
		return f
	})
	var same []string
	for i, a := range e.Nodes {
		for _, b := range e.Nodes[i+1:] {
			if what := common(a, b); what != "" {
				same = append(same, fmt.Sprintf("%s and %s have the same %s.", a.Name, b.Name, what))
			}
		}
	}
	if len(same) > 0 {
		c.Result, c.Seconds, c.Evidence = provisioner.ResultFailed, 0, strings.Join(same, " ")
	}
	return c
}

// String is the identity as a report shows it.
func (i Identity) String() string {
	if i.Hostname == "" {
		return ""
	}
	return fmt.Sprintf("%s, machine id %s, SSH key %s", i.Hostname, short(i.MachineID), short(i.SSHKey))
}

func short(s string) string {
	if len(s) > 16 {
		return "…" + s[len(s)-12:]
	}
	return s
}

// common names what two reported identities share. What both lack they do not share.
func common(a, b Node) string {
	if a.Reported.IsZero() || b.Reported.IsZero() {
		return ""
	}
	has := func(x, y string) bool { return x == y && x != "-" && x != "" }
	switch {
	case has(a.Identity.MachineID, b.Identity.MachineID):
		return "machine id: empty /etc/machine-id in the image"
	case has(a.Identity.SSHKey, b.Identity.SSHKey):
		return "SSH host key: remove /etc/ssh/ssh_host_* from the image"
	case a.Identity.Hostname == b.Identity.Hostname:
		return "host name: the image has to take it from the seed or from DHCP"
	default:
		return ""
	}
}
