//go:build libvirt

package libvirt

import (
	"testing"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
)

// What libvirt stops by itself is nobody's pause.
func TestStanding(t *testing.T) {
	for r := libvirt.DOMAIN_PAUSED_UNKNOWN; r <= libvirt.DOMAIN_PAUSED_API_ERROR; r++ {
		want := provisioner.MachineHalted
		if r == libvirt.DOMAIN_PAUSED_USER || r == libvirt.DOMAIN_PAUSED_UNKNOWN {
			want = provisioner.MachinePaused
		}
		if state, why := standing(r); state != want || (why == "") != (want == provisioner.MachinePaused) {
			t.Errorf("%d is %s, %q", r, state, why)
		}
	}
}
