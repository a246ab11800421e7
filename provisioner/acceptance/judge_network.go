package acceptance

import (
	"fmt"
	"strings"

	"volary.dev/provisioner"
)

// reachable are the peers that a node can be asked about: those that have an address.
func (e Evidence) reachable(n Node) []Node {
	var peers []Node
	for _, p := range e.Nodes {
		if p.Name != n.Name && !p.Leased.IsZero() {
			peers = append(peers, p)
		}
	}
	return peers
}

// blocked says why a node cannot tell of its peers.
func (e Evidence) blocked(n Node) string {
	switch {
	case n.Reported.IsZero():
		return "The guest did not report."
	case !e.is(n, addressed, provisioner.ResultPassed):
		return "It has no address."
	case e.is(n, ofAddress, provisioner.ResultFailed):
		return "It uses another address than its own."
	}
	return ""
}

// named looks whether each name leads to its node's address, and the address back to the name.
func named(e Evidence, n Node) finding {
	if why := e.blocked(n); why != "" {
		return unseen(e, why)
	}
	if len(e.Nodes) == 1 {
		return finding{exempt: true}
	}
	var wrong []string
	for _, p := range e.reachable(n) {
		told, ok := n.peer(p.Name)
		back, _, _ := strings.Cut(told.Back, ".")
		switch {
		case !ok && n.PeersAt.IsZero():
			return missing(e, provisioner.ChannelConsole, "It did not tell of "+p.Name+".")
		case !ok:
			wrong = append(wrong, p.Name+" was not asked for.")
		case told.Address != p.Address.String():
			wrong = append(wrong, fmt.Sprintf("%s resolves to %s, and is %s.", p.Name, told.Address, p.Address))
		case back != p.Name:
			wrong = append(wrong, fmt.Sprintf("%s leads back to %s, and not to %s.", p.Address, told.Back, p.Name))
		}
	}
	if len(wrong) > 0 {
		return failed(provisioner.ChannelConsole, strings.Join(wrong, " ")+" The guest has to take its search domain and name server from DHCP.")
	}
	return passed(provisioner.ChannelConsole, n.StartedAt, n.PeersAt, "")
}

// pinged looks whether each other node answers.
func pinged(e Evidence, n Node) finding {
	if why := e.blocked(n); why != "" {
		return unseen(e, why)
	}
	if len(e.Nodes) == 1 {
		return finding{exempt: true}
	}
	var wrong, told []string
	for _, p := range e.reachable(n) {
		t, ok := n.peer(p.Name)
		switch {
		case !ok && n.PeersAt.IsZero():
			return missing(e, provisioner.ChannelConsole, "It did not tell of "+p.Name+".")
		case ok && t.Address != p.Address.String():
			return unseen(e, "The name "+p.Name+" does not lead there.")
		case !ok || t.Milliseconds == "-":
			wrong = append(wrong, p.Name)
		default:
			told = append(told, p.Name+" "+t.Milliseconds+" ms")
		}
	}
	if len(wrong) > 0 {
		return failed(provisioner.ChannelConsole, "No answer came from "+strings.Join(wrong, ", ")+": the image's firewall has to let its cluster's own subnet in.")
	}
	return passed(provisioner.ChannelConsole, n.StartedAt, n.PeersAt, strings.Join(told, ", "))
}

// pings are told with their latencies, a line for each node.
func pings(e Evidence) provisioner.ReportCheck {
	c := each(e, provisioner.CheckPings, "Every pair of nodes pings", pinged)
	if c.Result == provisioner.ResultPassed {
		c.Evidence = "Latencies are in the table below."
	}
	return c
}

// sealed is what the hosts' own counters say. A host whose hook cannot tell proves nothing.
func sealed(e Evidence) provisioner.ReportCheck {
	c := provisioner.ReportCheck{Name: provisioner.CheckSealed, Title: "Nothing leaves the sealed network", Result: provisioner.ResultPending}
	if e.Over {
		c.Result, c.Evidence = provisioner.NotObserved, "The hosts were not asked: the test ended before."
	}
	if len(e.Hosts) == 0 {
		return c
	}
	var out, dropped uint64
	for _, h := range e.Hosts {
		if h.Network == nil {
			if h.Why != "" && e.Over {
				c.Evidence = h.Host + ": " + h.Why
			}
			return c
		}
		out, dropped = out+h.Network.Passed, dropped+h.Network.Dropped
	}
	c.Result, c.Channel = provisioner.ResultPassed, provisioner.ChannelHost
	c.Evidence = fmt.Sprintf("%d packets were dropped at the network's edge, and none passed it.", dropped)
	if out > 0 {
		c.Result, c.Evidence = provisioner.ResultFailed, fmt.Sprintf("%d packets passed the network's edge: ask the provider to check the hosts.", out)
	}
	return c
}

// images are the base images on which the nodes' disks stood, after the test.
func images(e Evidence) provisioner.ReportCheck {
	c := provisioner.ReportCheck{Name: provisioner.CheckImage, Title: "The base images are unchanged", Result: provisioner.ResultPending}
	if e.Over {
		c.Result, c.Evidence = provisioner.NotObserved, "They were not read: the test ended before."
	}
	seen := 0
	var bad []string
	for _, h := range e.Hosts {
		for _, i := range h.Images {
			seen++
			c.Seconds = max(c.Seconds, i.Took)
			switch {
			case i.Is == "":
				c.Seconds, c.Evidence = 0, fmt.Sprintf("%s could not read it: %s", h.Host, i.Why)
				return c
			case i.Is != i.Digest:
				bad = append(bad, fmt.Sprintf("On %s %s has become %s.", h.Host, short(i.Digest), short(i.Is)))
			}
		}
	}
	switch {
	case seen == 0:
	case len(bad) > 0:
		c.Result, c.Channel, c.Evidence = provisioner.ResultFailed, provisioner.ChannelHost, strings.Join(bad, " ")
	default:
		c.Result, c.Channel, c.Evidence = provisioner.ResultPassed, provisioner.ChannelHost, ""
	}
	return c
}

// own are the version's own checks, a row for each.
func own(e Evidence) []provisioner.ReportCheck {
	var rows []provisioner.ReportCheck
	for _, o := range e.Own {
		name := provisioner.OwnCheck + o.Check
		if len(rows) == 0 || rows[len(rows)-1].Name != name {
			rows = append(rows, provisioner.ReportCheck{Name: name, Title: o.Check})
		}
		nc := o.NodeCheck
		if nc.Result == provisioner.ResultPending && e.Over {
			nc.Result, nc.Evidence = provisioner.NotObserved, "It was not run: the cluster did not become ready."
		}
		row := &rows[len(rows)-1]
		row.Nodes = append(row.Nodes, nc)
	}
	for i, c := range rows {
		rows[i] = summed(c, e)
	}
	return rows
}
