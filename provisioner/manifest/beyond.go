package manifest

import (
	"fmt"

	"volary.dev/provisioner"
)

// Beyond gives what of a right model this deployment cannot do yet, a sentence for each path. What starts the images is
// given by group name, the head's by HeadName. It shrinks as more is done; commands may be kept, for nothing has to run them.
func Beyond(m provisioner.Model, starts map[string]provisioner.Firmware) map[string]string {
	f := faults{}
	const not = " This deployment cannot do that yet: leave %s out."
	for i, g := range m.Groups() {
		path := "head"
		if i > 0 {
			path = fmt.Sprintf("compute[%d]", i-1)
		}
		f.check(len(g.DataDisks) == 0, path+".data_disks", "The group has data disks."+not, "data_disks")
		uefi := starts[g.Name].NeedsUEFI()
		f.check(g.Firmware == "" || (g.Firmware == provisioner.FirmwareUEFI) == uefi, path+".firmware",
			"The group asks for other firmware than its image is started by."+not, "firmware")
	}
	if len(f) == 0 {
		return nil
	}
	return f
}
