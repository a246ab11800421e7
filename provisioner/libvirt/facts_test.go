//go:build libvirt

package libvirt

import (
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/nethook"
)

// A hook that is older than UEFI variables refuses to overwrite them: nodes that have some are not placed there.
func TestAnOlderHookTakesNoUEFI(t *testing.T) {
	for _, vars := range []bool{true, false} {
		f := provisioner.HostFacts{UEFI: true}
		hookFacts(&f, nethook.Answer{Vars: vars})
		if !f.HookAnswers || f.UEFI != vars || f.HookOlder != !vars {
			t.Errorf("a hook that overwrites variables (%t): %+v", vars, f)
		}
	}
}
