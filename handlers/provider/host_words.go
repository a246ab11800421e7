package provider

import (
	"fmt"

	"volary.dev/provisioner"
	"volary.dev/provisioner/typed"
	"volary.dev/store/machines"
	"volary.dev/web/ui"
)

// whyUnused says why a host takes nothing now, or carries nothing although it could; empty where it is in use.
func whyUnused(h machines.Host, smallest *machines.Shape) string {
	switch {
	case h.EnrolledAt == nil && h.Code != "":
		return "It waits for enrolment and takes no nodes: its machine has not reported its code yet."
	case h.CheckState == "running" && !h.Checked:
		return "Its check runs; it takes nodes when that has passed."
	case !h.Fit:
		return "It takes no nodes: " + h.WhyUnfit() + "."
	case h.State == provisioner.HostActive && h.WhyUnwanted() != "":
		return "It keeps its nodes and takes no new ones: it " + h.WhyUnwanted() + "."
	case h.State == provisioner.HostCordoned:
		return "Staff cordoned it: it keeps its nodes and takes no new ones."
	case h.State == provisioner.HostDraining:
		return fmt.Sprintf("It is being emptied: %s left.", ui.Plural(h.Nodes, "node is", "nodes are"))
	}
	if smallest == nil {
		return "There is no shape yet that a node on it could have."
	}
	if lack := lacks(h, smallest.Size()); lack != "" {
		return fmt.Sprintf("The smallest shape, %s, does not fit: %s.", typed.Isolate(smallest.Name), lack)
	}
	switch {
	case h.Nodes > 0:
		return ""
	case h.Packed:
		return "Nothing needs it now: its pool fills hosts that carry nodes first."
	case h.Acceleration == provisioner.AccelerationTCG:
		return "Nothing needs it now: nodes go to hosts with KVM first, and to those with the most room."
	default:
		return "Nothing needs it now: nodes go to the hosts with the most room."
	}
}

func lacks(h machines.Host, s provisioner.Shape) string {
	switch {
	case h.Capacity.VCPUs-h.Used.VCPUs < s.VCPUs:
		return fmt.Sprintf("%s needed, %d of %d free", ui.Plural(s.VCPUs, "vCPU is", "vCPUs are"), max(h.Capacity.VCPUs-h.Used.VCPUs, 0), h.Capacity.VCPUs)
	case h.Capacity.MemoryMiB-h.Used.MemoryMiB < s.MemoryMiB:
		return fmt.Sprintf("%s of memory are needed, %s of %s are free", ui.MiB(s.MemoryMiB), ui.MiB(h.Capacity.MemoryMiB-h.Used.MemoryMiB), ui.MiB(h.Capacity.MemoryMiB))
	case h.Capacity.DiskGiB-h.DiskTaken() < s.DiskGiB:
		return fmt.Sprintf("%d GiB of disk are needed, %d of %d are free", s.DiskGiB, max(h.Capacity.DiskGiB-h.DiskTaken(), 0), h.Capacity.DiskGiB)
	default:
		return ""
	}
}
