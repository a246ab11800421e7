package jobs

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// Of two hosts that are checked at once, whoever comes second to the overlay looks at the other, in whatever order they are: no
// pair is left out.
func TestOfTwoChecksAtOnceTheSecondLooks(t *testing.T) {
	far := []provisioner.HostCheck{{Name: accelerationCheck, State: provisioner.CheckPassed}}
	enrolled := time.Now()
	for _, elderFirst := range []bool{true, false} {
		var at []machines.Host
		for _, state := range []string{"running", "running", "waiting"} {
			at = append(at, machines.Host{ID: uuid.Must(uuid.NewV7()), CheckState: state, EnrolledAt: &enrolled})
		}
		first, second := 0, 1
		if !elderFirst {
			first, second = 1, 0
		}
		at[first].CheckReport = far
		if peers := choosePeers(at[first], at); len(peers) != 0 {
			t.Errorf("the first finds %d that came as far", len(peers))
		}
		at[second].CheckReport = far
		if peers := choosePeers(at[second], at); len(peers) != 1 || peers[0].ID != at[first].ID {
			t.Errorf("the second looks at %+v", peers)
		}
	}
}
