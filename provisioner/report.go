package provisioner

import "time"

// Report is what an acceptance test found: a list of rows, each with the channel by which it saw. It is kept as JSON with the test
// and shown while it grows.
type Report struct {
	Nonce  string        `json:"nonce"` // guests repeat it in what they print, so that nothing old is taken for new
	Checks []ReportCheck `json:"checks"`
	Nodes  []ReportNode  `json:"nodes"`
	// GuestAgent tells whether the head's guest agent ran a command: AgentAnswers or AgentNone; empty: not asked yet. It proves
	// nothing of the image, and decides nothing.
	GuestAgent string `json:"guest_agent,omitempty"`
}

// What Report.GuestAgent may say.
const (
	AgentAnswers = "answers"
	AgentNone    = "none"
)

// Passed says whether no check of the report failed or waits, and one at least passed: one that passed was seen by a channel.
func (r Report) Passed() bool {
	passed := false
	for _, c := range r.Checks {
		switch {
		case c.Result == ResultPassed && c.Channel != "":
			passed = true
		case c.Result != NotObserved:
			return false
		}
	}
	return passed
}

// Count is how many checks of the report have a result.
func (r Report) Count(result Result) int {
	n := 0
	for _, c := range r.Checks {
		if c.Result == result {
			n++
		}
	}
	return n
}

// Result is what came of one check of an acceptance test.
type Result string

// The results. What was not observed proves nothing, either way: its evidence says why nothing was seen.
const (
	ResultPending Result = "pending" // until the test's end
	ResultPassed  Result = "passed"
	ResultFailed  Result = "failed"
	NotObserved   Result = "not observed"
)

// Channel is the way by which a check saw what it tells.
type Channel string

// The channels. Console and agent are the guest's own word: they show that an image works, not that it is honest.
const (
	ChannelHost    Channel = "host"    // its libvirt, its DHCP server, its own counters and files
	ChannelProbe   Channel = "probe"   // the host's hook, which spoke to the guest over the cluster's network
	ChannelConsole Channel = "console" // what the guest wrote there
	ChannelAgent   Channel = "agent"   // what the guest's agent answered
)

// GuestsWord tells whether a guest that lies would be believed about itself.
func (c Channel) GuestsWord() bool { return c == ChannelConsole || c == ChannelAgent }

// CheckState is where one check of a host stands.
type CheckState string

// The states of a host's check. One that was skipped proves nothing: its detail says why it could not be made. One with a warning
// passed at a cost that its detail names.
const (
	CheckPassed  CheckState = "passed"
	CheckFailed  CheckState = "failed"
	CheckSkipped CheckState = "skipped"
	CheckWarning CheckState = "warning"
)

// The names of the acceptance checks, in the order in which they are shown; own checks stand behind CheckGate.
const (
	CheckBoots      = "boots"
	CheckAddress    = "address"
	CheckSeed       = "seed"
	CheckMACs       = "macs"
	CheckAddresses  = "addresses"
	CheckHostnames  = "hostnames"
	CheckMachineIDs = "machine_ids"
	CheckHostKeys   = "host_keys"
	CheckNames      = "names"
	CheckPings      = "pings"
	CheckGate       = "gate"
	CheckSignIn     = "sign_in"
	CheckSealed     = "sealed"
	CheckShutdown   = "shutdown"
	CheckSecondBoot = "second_boot"
	CheckImage      = "image"
)

// ReportCheck is one row of an acceptance test. Its JSON has the names that reports had before they told channels.
type ReportCheck struct {
	Name    string  `json:"name"`  // one of the Check constants, or one of the version's own checks: OwnCheck and its name
	Title   string  `json:"title"` // "Every node takes its address by DHCP"
	Result  Result  `json:"state"`
	Channel Channel `json:"channel,omitempty"` // empty: nothing was seen. Where nodes differ, the one that is worth least
	// Evidence is what was seen, or what to repair. What a guest has said of it is bounded, printable, and hostile.
	Evidence string      `json:"detail,omitempty"`
	Seconds  float64     `json:"seconds"` // how long it took the slowest node; 0 where nothing is known
	Nodes    []NodeCheck `json:"nodes,omitempty"`
}

// OwnCheck begins the name of a row that is one of the version's own checks.
const OwnCheck = "own: "

// NodeCheck is one node's part of a check.
type NodeCheck struct {
	Node     string  `json:"node"` // "compute-001"
	Result   Result  `json:"state"`
	Channel  Channel `json:"channel,omitempty"`
	Evidence string  `json:"detail,omitempty"`
	Seconds  float64 `json:"seconds"`
}

// ReportNode keeps what a node of the test was and the end of what it wrote to its console.
type ReportNode struct {
	Name      string    `json:"name"`
	Host      string    `json:"host"`
	Address   string    `json:"address"`
	StartedAt time.Time `json:"started_at"`
	// AskedOffAt is when its guest was asked to power off; zero: not yet.
	AskedOffAt time.Time `json:"asked_off_at,omitzero"`
	// Console is an excerpt of the console, made printable; it is the guest's word and hostile.
	Console string `json:"console"`
}

// TestLimit is how long an acceptance test may take from its start to its end: longer where a host of it emulates processors.
func TestLimit(emulated bool) time.Duration {
	if emulated {
		return 45 * time.Minute
	}
	return 15 * time.Minute
}

// PowerOffTime is how long a guest has to power off when its power button is pressed. A machine that still runs then is ended.
const PowerOffTime = 60 * time.Second

// HostCheck is one line of a host's check.
type HostCheck struct {
	Name    string     `json:"name"` // "acceleration"
	State   CheckState `json:"state"`
	Detail  string     `json:"detail"` // what was seen, or why it failed or was skipped
	Seconds float64    `json:"seconds"`
}

// GuestCheckPrefix begins every line that the acceptance checks make a guest print on its console:
//
//	volary-check NONCE identity HOSTNAME MACHINE-ID SSH-HOST-KEY
//	volary-check NONCE address ADDRESS MAC
//	volary-check NONCE head reached ADDRESS | head unreached
//	volary-check NONCE peers NAME=ADDRESS/MILLISECONDS/NAME-BACK …
//	volary-check NONCE peers done
//
// A dash stands for what a guest does not have, or did not get: what a peer's name resolves to, how long its answer to a ping took, and
// the name that belongs to its address.
const GuestCheckPrefix = "volary-check"
