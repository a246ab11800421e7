package billing

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
)

// UnbilledWhy is why nodes were ready and nobody pays for it.
type UnbilledWhy string

// What kept a proof of life away.
const (
	UnbilledSilent    UnbilledWhy = "silent"    // the host did not answer
	UnbilledLate      UnbilledWhy = "late"      // rounds lay too far apart, and no silence of the host is on record
	UnbilledRestarted UnbilledWhy = "restarted" // the machine was found started anew, or gone with its host's restart
	UnbilledOff       UnbilledWhy = "off"       // the machine was found off
	UnbilledPaused    UnbilledWhy = "paused"    // the provider paused the cluster
	UnbilledSuspended UnbilledWhy = "suspended" // the machine was suspended on the host by hand
	UnbilledHalted    UnbilledWhy = "halted"    // the host stopped the machine's vCPUs by itself
	UnbilledEnded     UnbilledWhy = "ended"     // the node ended between two rounds
)

// Unbilled is what nodes of one host were ready in a month without proof, for one reason.
type Unbilled struct {
	HostID   uuid.UUID
	HostName string
	Why      UnbilledWhy
	Times    int   // one for each node and gap
	Seconds  int64 // of all nodes
	Hours    Hours // what they would have been at the nodes' rates
}

// UnbilledByReason sums lines over their hosts, the most first.
func UnbilledByReason(lines []Unbilled) []Unbilled {
	sums := map[UnbilledWhy]Unbilled{}
	for _, x := range lines {
		s := sums[x.Why]
		sums[x.Why] = Unbilled{Why: x.Why, Times: s.Times + x.Times, Seconds: s.Seconds + x.Seconds, Hours: s.Hours + x.Hours}
	}
	var list []Unbilled
	for _, s := range sums {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Unbilled) int { return cmp.Or(cmp.Compare(b.Hours, a.Hours), cmp.Compare(a.Why, b.Why)) })
	return list
}
