package acceptance

import (
	"bytes"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Evidence is everything seen of a test so far. As JSON it is kept between two looks, without the consoles, whose ends
// the report has.
type Evidence struct {
	Nonce   string
	Nodes   []Node
	ReadyAt time.Time // of the cluster; zero: not yet
	Agent   string    // provisioner.AgentAnswers or AgentNone of the head; empty: it was not asked
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
	Gate      provisioner.GateKind
	Address   netip.Addr // that it is to have
	StartedAt time.Time
	Console   []byte `json:"-"` // the end of its log at the last look
	Searched  string // the mark up to which its console was searched for what it reports

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

// Query is what a look asks of the node's console: its end, and all that it reported since the last look, however much it
// wrote behind it.
func (n *Node) Query(id uuid.UUID, nonce string) provisioner.ConsoleQuery {
	return provisioner.ConsoleQuery{
		Node: id, Tail: provisioner.ConsoleTail, After: n.Searched, Find: []string{provisioner.GuestCheckPrefix + " " + nonce},
	}
}

// Look takes the address that DHCP gave a node and the answer to its Query at now, and keeps what they show. head is the head's address.
func (n *Node) Look(nonce string, given netip.Addr, console provisioner.ConsoleText, head netip.Addr, now time.Time) {
	if len(console.Tail) > 0 {
		n.Console = console.Tail
	}
	n.Searched = console.Next
	if given.IsValid() && given == n.Address {
		note(&n.Leased, now)
		note(&n.Booted, now)
	}
	for _, words := range guestLines(console.Lines, nonce) {
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

// guestLines gives the words after prefix and nonce of each line that a guest printed for this test. A line that is still
// being written is read at the next look.
func guestLines(console [][]byte, nonce string) [][]string {
	var lines [][]string
	for _, line := range console {
		if !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		words := strings.Fields(string(line))
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
