package acceptance

import (
	"bytes"
	"cmp"
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
	ReadyAt time.Time // of the cluster at its first boot; zero: not yet
	Agent   string    // provisioner.AgentAnswers or AgentNone of the head; empty: it was not asked
	Own     []Own     // the version's own checks, in its order
	User    string    // as whom the test signs in
	// Noted is how each command that the test asked for ended, as the log has it: it says the same once.
	Noted map[string]string
	Hosts []HostEvidence
	// AskedAgain is when the machines were started a second time; NoSecond says why they were not.
	AskedAgain time.Time
	NoSecond   string
	// Over says that nothing more will be seen: what is pending then has failed, or was not observed. Why is the reason in words
	// where the cluster itself came to an end.
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
	MAC       string     // of its machine, lower case
	StartedAt time.Time
	Console   []byte `json:"-"` // the end of its log at the last look
	Searched  string // the mark up to which its console was searched for what it reports

	Booted   time.Time
	Leased   time.Time
	Reported time.Time
	Identity Identity
	Located  time.Time // when it said its address and MAC
	Peers    []Peer    // in the order in which it told of them
	PeersAt  time.Time // when it had told of all
	SignIn   SignIn
	AskedOff time.Time // when its guest was asked to power off
	Off      time.Time
	Forced   bool // it did not by itself

	Again         time.Time // when it reported at its second boot
	AgainIdentity Identity
}

// Identity is what a guest says it is. A dash stands for what it does not have.
type Identity struct {
	Hostname  string
	MachineID string
	SSHKey    string
	Address   string
	MAC       string
}

// Peer is what a guest says of another by its name.
type Peer struct {
	Name         string
	Address      string // that the name resolves to
	Milliseconds string // of the answer to a ping
	Back         string // the name that belongs to the address
}

// SignIn is a try to sign in with the test's own key, by the hook's probe.
type SignIn struct {
	Tried time.Time // first
	At    time.Time // of the last try; zero: it is to be tried again
	Done  bool
	Why   string // what kept it from being so
	Took  float64
	Host  bool // the host could not try: Why is its reason
}

// Own is what came of one of the version's own checks on one node.
type Own struct {
	Check string // its name
	Node  string
	provisioner.NodeCheck
	// Asked is when a worker, By, began to run it: another one leaves it alone meanwhile. Zero: nobody has.
	Asked time.Time `json:",omitzero"`
	By    string    `json:",omitempty"`
}

// HostEvidence is what one host of the test tells of itself.
type HostEvidence struct {
	Host    string
	Images  []ImageEvidence
	Network *provisioner.NetworkReport // nil: its hook was not asked, or could not tell
	Why     string                     // why it could not
}

// ImageEvidence is what a base image is after the test.
type ImageEvidence struct {
	Digest string // that it has to have
	Is     string // that it has; empty: it could not be read
	Why    string
	Took   float64
}

// Query is what a look asks of the node's console: its end, and all that it reported since the last look, however much it
// wrote behind it.
func (n *Node) Query(id uuid.UUID, nonce string) provisioner.ConsoleQuery {
	return provisioner.ConsoleQuery{
		Node: id, Tail: provisioner.ConsoleTail, After: n.Searched, Find: []string{provisioner.GuestCheckPrefix + " " + nonce},
	}
}

// Look takes the address that DHCP gave a node and the answer to its Query at now, and keeps what they show.
func (n *Node) Look(nonce string, given netip.Addr, console provisioner.ConsoleText, now time.Time) {
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
		n.told(words, now)
	}
}

// LookAgain takes what a node reports at its second boot.
func (n *Node) LookAgain(nonce string, console provisioner.ConsoleText, now time.Time) {
	if len(console.Tail) > 0 {
		n.Console = console.Tail
	}
	n.Searched = console.Next
	for _, words := range guestLines(console.Lines, nonce) {
		if len(words) >= 4 && words[0] == "identity" {
			n.AgainIdentity = identityIn(words)
			note(&n.Again, now)
		}
	}
}

// What of a guest's words is kept: it may say what it likes, and as long as it likes.
const (
	mostWord  = 128
	mostPeers = 1 << 10
)

func (n *Node) told(words []string, now time.Time) {
	switch {
	case len(words) >= 4 && words[0] == "identity":
		address, mac := n.Identity.Address, n.Identity.MAC
		n.Identity = identityIn(words)
		n.Identity.Address, n.Identity.MAC = address, mac
		note(&n.Reported, now)
	case len(words) >= 3 && words[0] == "address":
		n.Identity.Address, n.Identity.MAC = word(words[1]), strings.ToLower(word(words[2]))
		note(&n.Located, now)
	case len(words) >= 2 && words[0] == "peers" && words[1] == "done":
		note(&n.PeersAt, now)
	case len(words) >= 2 && words[0] == "peers":
		for _, w := range words[1:] {
			n.takePeer(w)
		}
	}
}

func identityIn(words []string) Identity {
	return Identity{Hostname: word(words[1]), MachineID: word(words[2]), SSHKey: word(words[3])}
}

func (n *Node) takePeer(w string) {
	name, told, ok := strings.Cut(word(w), "=")
	parts := strings.SplitN(told, "/", 3)
	if !ok || len(parts) != 3 || len(n.Peers) >= mostPeers {
		return
	}
	for _, p := range n.Peers {
		if p.Name == name {
			return
		}
	}
	n.Peers = append(n.Peers, Peer{Name: name, Address: parts[0], Milliseconds: parts[1], Back: parts[2]})
}

// Peer is what the node says of another.
func (n Node) peer(name string) (Peer, bool) {
	for _, p := range n.Peers {
		if p.Name == name {
			return p, true
		}
	}
	return Peer{}, false
}

func word(w string) string { return strings.ToValidUTF8(w[:min(len(w), mostWord)], "") }

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

// Host finds the evidence of a host, or begins it.
func (e *Evidence) Host(name string) *HostEvidence {
	for i := range e.Hosts {
		if e.Hosts[i].Host == name {
			return &e.Hosts[i]
		}
	}
	e.Hosts = append(e.Hosts, HostEvidence{Host: name})
	return &e.Hosts[len(e.Hosts)-1]
}

// signInUser is as whom the test signs in.
func (e Evidence) signInUser() string { return cmp.Or(e.User, "root") }
