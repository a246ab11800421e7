package reconcile

import (
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Kind says what an Action does.
type Kind string

// The kinds of action. Which fields of the Action they use stands behind them.
const (
	EnsureNetwork Kind = "ensure network" // Host, Open
	EnsureImage   Kind = "ensure image"   // Host, Digest
	EnsureNode    Kind = "ensure node"    // Host, Node
	WatchGates    Kind = "watch gates"    // Host: look once at what its nodes still owe
	MarkReady     Kind = "mark ready"     // Batch: every gate of it was met
	Observe       Kind = "observe"        // Host: which machines run
	PowerOff      Kind = "power off"      // Host, Node, Force
	MarkStopped   Kind = "mark stopped"   // every node that is to be stopped was seen off
	Suspend       Kind = "suspend"        // Host, Node
	Resume        Kind = "resume"         // Host, Node
	MarkPaused    Kind = "mark paused"    // the nodes that were seen to stand; see Standing
	DeleteNode    Kind = "delete node"    // Host, Node
	DeleteNetwork Kind = "delete network" // Host
	MarkGone      Kind = "mark gone"      // the nodes of which nothing is left; see Removed
	Replace       Kind = "replace"        // Batch, Host, Reason, Detail: place what it cannot start elsewhere; see Stuck
	Fail          Kind = "fail"           // Batch, Reason, Detail: give the batch up
	Wait          Kind = "wait"           // Until: nothing can be done before, unless an action in flight ends
	Settled       Kind = "settled"        // what is wanted is so
)

// Action is one thing to do. It is comparable, and equal actions are the same action: one that is still under way
// is not begun again.
type Action struct {
	Kind   Kind
	Batch  uuid.UUID
	Host   uuid.UUID
	Node   uuid.UUID
	Digest string
	Open   bool // with published ports
	Force  bool
	Reason provisioner.Reason
	Detail string
	Until  time.Time
}

// Records tells whether the action changes only the database. Such an action stands alone: what was read of the
// cluster is stale after it.
func (a Action) Records() bool {
	switch a.Kind {
	case MarkReady, MarkStopped, MarkPaused, MarkGone, Replace, Fail:
		return true
	default:
		return false
	}
}

// Urgent tells whether the action may not wait for what is under way: a host that hangs must not hold it up.
func (a Action) Urgent() bool { return a.Kind == Fail || a.Kind == Replace || a.Kind == MarkPaused }

// How often and how long a batch puts up with a host, and for how long with a fault of our own, which usually goes by
// itself; and how long a guest may take to power off. A guest that is not up far enough yet does not notice the power
// button: it is pressed again.
const (
	maxRefusals = 3
	maxSilence  = 20 * time.Second
	maxOwn      = 10 * time.Minute
	askAgain    = 5 * time.Second
	ForceAfter  = provisioner.PowerOffTime
)

// Backoff is the pause after the n-th failure in a row: 0.5 s, 1 s, 2 s … at most 15 s.
func Backoff(n int) time.Duration {
	return min(15*time.Second, 500*time.Millisecond<<min(max(n-1, 0), 10))
}

// After is the Failure that follows f when an action failed again at now.
func (f Failure) After(now time.Time, whose Fault, detail string) Failure {
	if f.Count == 0 || f.Fault != whose {
		f = Failure{Since: now}
	}
	return Failure{Count: f.Count + 1, Since: f.Since, At: now, Fault: whose, Detail: detail}
}
