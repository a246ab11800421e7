package public

import (
	_ "embed"
	"fmt"

	"volary.dev/provisioner"
)

// The scripts that the page shows are files, so that a test can run what a reader copies.

// SlurmUserData is user-data that makes a cluster of any number of nodes a Slurm cluster.
//
//go:embed examples/slurm.sh
var SlurmUserData string

// CondorUserData is user-data that makes it an HTCondor pool.
//
//go:embed examples/condor.sh
var CondorUserData string

// TrySeed writes a seed as a node gets it, in an empty folder.
//
//go:embed examples/try-seed.sh
var TrySeed string

// TryBoot boots my-image.qcow2 with that seed.
//
//go:embed examples/try-boot.sh
var TryBoot string

// slurmNodes names compute nodes as Slurm writes ranges: "compute-[001-003]".
func slurmNodes(count int) string {
	first, last := provisioner.ComputeName(1), provisioner.ComputeName(count)
	at := len(string(provisioner.RoleCompute)) + 1
	return fmt.Sprintf("%s[%s-%s]", first[:at], first[at:], last[at:])
}

// SlurmConf is the file that SlurmUserData leaves in a cluster with some compute nodes.
func SlurmConf(headAddress string, compute int) string {
	return fmt.Sprintf(`ClusterName=volary
SlurmctldHost=%s(%s)
SlurmUser=slurm
AuthType=auth/munge
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
NodeName=DEFAULT CPUs=4 RealMemory=7500 State=UNKNOWN
NodeName=%s
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`, provisioner.HeadName, headAddress, slurmNodes(compute))
}
