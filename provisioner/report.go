package provisioner

import "time"

// Report is what an acceptance test found. It is kept as JSON with the test and shown while it grows.
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

// Passed says whether every check of the report passed that could be made, and that one could.
func (r Report) Passed() bool {
	passed := false
	for _, c := range r.Checks {
		if c.State != CheckPassed && c.State != CheckSkipped {
			return false
		}
		passed = passed || c.State == CheckPassed
	}
	return passed
}

// CheckState is where one check of a report stands.
type CheckState string

// The states of a check. One that was skipped proves nothing: its detail says why it could not be made. One with a warning, of a
// host alone, passed at a cost that its detail names.
const (
	CheckPending CheckState = "pending"
	CheckPassed  CheckState = "passed"
	CheckFailed  CheckState = "failed"
	CheckSkipped CheckState = "skipped"
	CheckWarning CheckState = "warning"
)

// The names of the acceptance checks, in the order in which they are shown.
const (
	CheckBoots      = "boots"
	CheckAddress    = "address"
	CheckIdentities = "identities"
	CheckHead       = "head"
	CheckGate       = "gate"
	CheckShutdown   = "shutdown"
)

// ReportCheck is one check of an acceptance test.
type ReportCheck struct {
	Name    string      `json:"name"`  // one of the Check constants
	Title   string      `json:"title"` // "Every node takes its address by DHCP"
	State   CheckState  `json:"state"`
	Detail  string      `json:"detail,omitempty"` // what was seen, or what to repair
	Seconds float64     `json:"seconds"`          // from the start of the nodes to the slowest one's evidence; 0 where pending
	Nodes   []NodeCheck `json:"nodes,omitempty"`
}

// NodeCheck is one node's part of a check.
type NodeCheck struct {
	Node    string     `json:"node"` // "compute-001"
	State   CheckState `json:"state"`
	Detail  string     `json:"detail,omitempty"`
	Seconds float64    `json:"seconds"`
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
//	volary-check NONCE address ADDRESS
//	volary-check NONCE head reached ADDRESS | head unreached
//
// A dash stands for what a guest does not have.
const GuestCheckPrefix = "volary-check"
