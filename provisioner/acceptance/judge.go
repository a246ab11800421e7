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
		each(e, provisioner.CheckBoots, "Every node boots in time", boots),
		each(e, provisioner.CheckAddress, "Every node takes its address by DHCP", addressed),
		each(e, provisioner.CheckSeed, "Every node reads its seed", reported),
		each(e, provisioner.CheckMACs, "No two nodes have the same MAC", ofMAC),
		each(e, provisioner.CheckAddresses, "No two nodes use the same address", ofAddress),
		each(e, provisioner.CheckHostnames, "Every node has its own host name", ofHostname),
		each(e, provisioner.CheckMachineIDs, "No two nodes have the same machine id", ofMachineID),
		each(e, provisioner.CheckHostKeys, "No two nodes have the same SSH host key", ofHostKey),
		each(e, provisioner.CheckNames, "Names resolve both ways", named),
		pings(e),
		gate(e),
	}
	r.Checks = append(r.Checks, own(e)...)
	r.Checks = append(r.Checks,
		each(e, provisioner.CheckSignIn, "The test's own key signs in as "+e.signInUser(), signsIn),
		sealed(e),
		each(e, provisioner.CheckShutdown, fmt.Sprintf("Every node shuts down within %d s", int(provisioner.PowerOffTime.Seconds())), shutsDown),
		each(e, provisioner.CheckSecondBoot, "A second boot gives the same machines", bootsAgain),
		images(e),
	)
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
	result   provisioner.Result
	by       provisioner.Channel
	evidence string
	seconds  float64
	exempt   bool // the check is not about this node
}

func passed(by provisioner.Channel, from, at time.Time, evidence string) finding {
	return finding{result: provisioner.ResultPassed, by: by, seconds: seconds(from, at), evidence: evidence}
}

func failed(by provisioner.Channel, why string) finding {
	return finding{result: provisioner.ResultFailed, by: by, evidence: why}
}

// missing has failed where it does not come until the end.
func missing(e Evidence, by provisioner.Channel, why string) finding {
	if e.Over {
		return failed(by, why)
	}
	return finding{result: provisioner.ResultPending, evidence: why}
}

// unseen says nothing for or against the node.
func unseen(e Evidence, why string) finding {
	if e.Over {
		return finding{result: provisioner.NotObserved, evidence: why}
	}
	return finding{result: provisioner.ResultPending, evidence: why}
}

// each makes a check of one finding per node.
func each(e Evidence, name, title string, find func(Evidence, Node) finding) provisioner.ReportCheck {
	c := provisioner.ReportCheck{Name: name, Title: title}
	for _, n := range e.Nodes {
		if f := find(e, n); !f.exempt {
			c.Nodes = append(c.Nodes, provisioner.NodeCheck{Node: n.Name, Result: f.result, Channel: f.by, Evidence: f.evidence, Seconds: f.seconds})
		}
	}
	return summed(c, e)
}

// summed derives the check's result, channel, time and words from its nodes: it passed where each of them did.
func summed(c provisioner.ReportCheck, e Evidence) provisioner.ReportCheck {
	if len(c.Nodes) == 0 {
		c.Result, c.Evidence = provisioner.NotObserved, "There is nothing to check: the test has no such node."
		if len(e.Nodes) == 0 {
			c.Evidence = e.Why
			if !e.Over {
				c.Result = provisioner.ResultPending
			}
		}
		return c
	}
	for _, worst := range []provisioner.Result{provisioner.ResultFailed, provisioner.ResultPending, provisioner.NotObserved} {
		var bad []string
		for _, n := range c.Nodes {
			if n.Result == worst {
				bad = append(bad, n.Node+": "+n.Evidence)
				c.Channel = weaker(c.Channel, n.Channel)
			}
		}
		if len(bad) > 0 {
			c.Result, c.Evidence = worst, strings.Join(bad, " ")
			if worst == provisioner.ResultPending {
				c.Evidence = ""
			}
			return c
		}
	}
	c.Result = provisioner.ResultPassed
	for _, n := range c.Nodes {
		c.Seconds, c.Channel = max(c.Seconds, n.Seconds), weaker(c.Channel, n.Channel)
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

func boots(e Evidence, n Node) finding {
	by := provisioner.ChannelConsole
	if !n.Leased.IsZero() && n.Leased.Equal(n.Booted) {
		by = provisioner.ChannelHost
	}
	ending, bad := EndingOf(provisioner.CheckBoots, n.Console)
	switch {
	case bad && e.ReadyAt.IsZero() && (e.Over || n.Booted.IsZero()):
		return missing(e, provisioner.ChannelConsole, ending.Sentence())
	case !n.Booted.IsZero():
		return passed(by, n.StartedAt, n.Booted, "")
	case n.StartedAt.IsZero():
		return unseen(e, "It was not started.")
	case len(n.Console) == 0:
		return missing(e, provisioner.ChannelHost, "Nothing on the console, and no address asked for: does the image boot, by BIOS or UEFI as its page says, and write to ttyS0?")
	default:
		return e.silent(n)
	}
}

// silent is a guest that writes and neither asks for an address nor reports itself. It boots, where something explains that.
func (e Evidence) silent(n Node) finding {
	for _, row := range []string{provisioner.CheckAddress, provisioner.CheckSeed} {
		if _, known := EndingOf(row, n.Console); known || strings.Contains(string(n.Console), "login:") {
			return passed(provisioner.ChannelConsole, time.Time{}, time.Time{}, "It wrote to its console.")
		}
	}
	return missing(e, provisioner.ChannelConsole, "The console shows output, but the guest came to no login, and neither took an address nor reported itself.")
}

// is tells what the check of a node before another came to: what explains a fault is red, and what follows from it is not.
func (e Evidence) is(n Node, find func(Evidence, Node) finding, result provisioner.Result) bool {
	return find(e, n).result == result
}

func addressed(e Evidence, n Node) finding {
	const by = provisioner.ChannelHost
	switch ending, known := EndingOf(provisioner.CheckAddress, n.Console); {
	case !n.Leased.IsZero():
		return passed(by, n.StartedAt, n.Leased, n.Address.String())
	case !e.is(n, boots, provisioner.ResultPassed):
		return unseen(e, "It did not boot.")
	case ofMAC(e, n).result == provisioner.ResultFailed:
		return unseen(e, "It uses another MAC than its machine's, for which there is no address.")
	case known:
		return missing(e, by, ending.Sentence())
	default:
		return missing(e, by, "No DHCP request arrived for "+n.Address.String()+": the image has to run a DHCP client on its first network interface.")
	}
}

func reported(e Evidence, n Node) finding {
	const by = provisioner.ChannelConsole
	switch ending, known := EndingOf(provisioner.CheckSeed, n.Console); {
	case !n.Reported.IsZero():
		return passed(by, n.StartedAt, n.Reported, n.Identity.String())
	case !e.is(n, boots, provisioner.ResultPassed):
		return unseen(e, "It did not boot.")
	case known:
		return missing(e, by, ending.Sentence())
	default:
		return missing(e, by, "The guest did not report: the image has to run cloud-init, or the scripts of a NoCloud seed.")
	}
}

func signsIn(e Evidence, n Node) finding {
	s := n.SignIn
	switch {
	case s.Done:
		return finding{result: provisioner.ResultPassed, by: provisioner.ChannelProbe, seconds: s.Took}
	case s.At.IsZero() && e.ReadyAt.IsZero():
		return unseen(e, "It was not tried: the cluster did not become ready.")
	case s.At.IsZero():
		return unseen(e, "It was not tried.")
	case s.Host:
		return unseen(e, "Its host could not try: "+s.Why)
	default:
		return failed(provisioner.ChannelProbe, fmt.Sprintf("Nobody could sign in as %s: %s. The image needs an SSH server, and that user with the seed's keys.", e.signInUser(), strings.TrimRight(s.Why, ". ")))
	}
}

func shutsDown(e Evidence, n Node) finding {
	const by = provisioner.ChannelHost
	switch {
	case n.Forced:
		return failed(by, fmt.Sprintf("It did not power off within %d s of the button: the image has to obey the ACPI power button (acpid, systemd-logind).", int(provisioner.PowerOffTime.Seconds())))
	case !n.Off.IsZero():
		return passed(by, n.AskedOff, n.Off, "")
	case n.AskedOff.IsZero():
		return unseen(e, "It was not asked to: the test ended before.")
	default:
		return missing(e, by, "It has not powered off.")
	}
}

func bootsAgain(e Evidence, n Node) finding {
	const by = provisioner.ChannelConsole
	switch was, is := n.Identity, n.AgainIdentity; {
	case e.AskedAgain.IsZero():
		why := e.NoSecond
		if why == "" {
			why = "It was not started a second time: the test ended before."
		}
		return unseen(e, why)
	case n.Reported.IsZero():
		return unseen(e, "There is nothing to compare with: it did not report at its first boot.")
	case n.Again.IsZero():
		why := "It did not report at its second boot."
		if ending, known := EndingOf(provisioner.CheckBoots, n.Console); known {
			why += " " + ending.Sentence()
		}
		return missing(e, by, why)
	case was.MachineID != is.MachineID:
		return failed(by, "Its machine id is another one: the image has to keep what its first boot makes (/etc/machine-id) on its disk.")
	case was.SSHKey != is.SSHKey:
		return failed(by, "Its SSH host key is another one: the image has to keep what its first boot makes (/etc/ssh) on its disk.")
	case was.Hostname != is.Hostname:
		return failed(by, fmt.Sprintf("It calls itself %s now, and %s before.", is.Hostname, was.Hostname))
	default:
		return passed(by, e.AskedAgain, n.Again, "")
	}
}

// gateBy is the channel of the gates: where groups' differ, the one that is worth least.
func (e Evidence) gateBy() provisioner.Channel {
	var by provisioner.Channel
	for _, n := range e.Nodes {
		switch n.Gate {
		case provisioner.GateConsole:
			by = weaker(by, provisioner.ChannelConsole)
		case provisioner.GateAgent:
			by = weaker(by, provisioner.ChannelAgent)
		case provisioner.GatePort:
			by = weaker(by, provisioner.ChannelProbe)
		default:
			by = weaker(by, provisioner.ChannelHost)
		}
	}
	return by
}

// gate is a check of the cluster as a whole: ready is all nodes or none.
func gate(e Evidence) provisioner.ReportCheck {
	c := provisioner.ReportCheck{Name: provisioner.CheckGate, Title: "The cluster becomes ready", Result: provisioner.ResultPending}
	var from time.Time
	explained := ""
	for _, n := range e.Nodes {
		if from.IsZero() || n.StartedAt.Before(from) {
			from = n.StartedAt
		}
		switch {
		case e.is(n, boots, provisioner.ResultFailed):
			explained = n.Name + " did not boot."
		case e.is(n, addressed, provisioner.ResultFailed), e.is(n, ofMAC, provisioner.ResultFailed):
			explained = n.Name + " has no address."
		case e.is(n, reported, provisioner.ResultFailed) && n.Gate == provisioner.GateConsole:
			explained = n.Name + " did not read its seed."
		}
	}
	switch {
	case !e.ReadyAt.IsZero():
		c.Result, c.Channel, c.Seconds = provisioner.ResultPassed, e.gateBy(), seconds(from, e.ReadyAt)
	case e.Over && explained != "":
		c.Result, c.Evidence = provisioner.NotObserved, strings.TrimSpace(explained+" "+e.Why)
	case e.Over:
		c.Result, c.Channel, c.Evidence = provisioner.ResultFailed, e.gateBy(), e.Why
		if c.Channel == "" {
			c.Channel = provisioner.ChannelHost
		}
	}
	return c
}
