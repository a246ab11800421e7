package acceptance

import (
	"net/netip"
	"strings"
	"time"

	"volary.dev/provisioner"
)

// Evidence is everything seen of a test so far. As JSON it is kept between two looks, without the consoles, whose ends
// the report has.
type Evidence struct {
	Nonce   string
	Nodes   []Node
	ReadyAt time.Time // of the cluster; zero: not yet
	// Over says that nothing more will be seen: what is pending then has failed. Why is the reason in words where
	// the cluster itself came to an end.
	Over bool
	Why  string
}

// Node is what was seen of one node. A zero time means: not yet.
type Node struct {
	Name      string
	Role      provisioner.Role
	Host      string
	Address   netip.Addr // that it is to have
	StartedAt time.Time
	Console   []byte `json:"-"` // the end of its log at the last look

	Booted   time.Time
	Leased   time.Time
	Reported time.Time
	Identity Identity
	Reached  time.Time
	AskedOff time.Time // when its guest was asked to power off
	Off      time.Time
	Forced   bool // it did not by itself
}

// Identity is what a guest says it is. A dash stands for what it does not have.
type Identity struct {
	Hostname  string
	MachineID string
	SSHKey    string
}

// Look takes a node's lease and the end of its console log at now, and keeps what they prove. head is the head's
// address.
func (n *Node) Look(nonce string, lease netip.Addr, console []byte, head netip.Addr, now time.Time) {
	if len(console) > 0 {
		n.Console = console
	}
	if lease.IsValid() && lease == n.Address {
		note(&n.Leased, now)
		note(&n.Booted, now)
	}
	for _, words := range guestLines(console, nonce) {
		note(&n.Booted, now)
		switch {
		case len(words) >= 4 && words[0] == "identity":
			n.Identity = Identity{words[1], words[2], words[3]}
			note(&n.Reported, now)
		case len(words) >= 3 && words[0] == "head" && words[1] == "reached" && words[2] == head.String():
			note(&n.Reached, now)
		}
	}
}

// note keeps the first time.
func note(at *time.Time, now time.Time) {
	if at.IsZero() {
		*at = now
	}
}

// guestLines gives the words after prefix and nonce of each line that a guest printed for this test.
func guestLines(console []byte, nonce string) [][]string {
	var lines [][]string
	for line := range strings.Lines(string(console)) {
		words := strings.Fields(line)
		// Something else may stand before it in the line: the console is shared with the kernel and a login.
		for i := 0; i+1 < len(words); i++ {
			if strings.HasSuffix(words[i], provisioner.GuestCheckPrefix) && words[i+1] == nonce {
				lines = append(lines, words[i+2:])
				break
			}
		}
	}
	return lines
}

// Recall takes the ends of the consoles from the report that was made of this evidence.
func (e *Evidence) Recall(r provisioner.Report) {
	for i := range e.Nodes {
		for _, before := range r.Nodes {
			if before.Name == e.Nodes[i].Name && before.Console != "" {
				e.Nodes[i].Console = []byte(before.Console)
			}
		}
	}
}
