#!/bin/sh
# User-data of both roles. The image has slurm-wlm and munge, both disabled.
set -e
. /etc/volary/env

# The cluster's own secret is the same on every node and nowhere else.
install -o munge -g munge -m 400 /etc/volary/secret /etc/munge/munge.key

# compute-001 ... compute-012 becomes compute-[001-012].
last=${VOLARY_COMPUTE##*-}
mkdir -p /etc/slurm
cat >/etc/slurm/slurm.conf <<CONF
ClusterName=volary
SlurmctldHost=$VOLARY_HEAD($VOLARY_HEAD_ADDRESS)
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
NodeName=compute-[001-$last]
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF

systemctl enable --now munge
if [ "$VOLARY_ROLE" = head ]; then
	systemctl enable --now slurmctld
else
	systemctl enable --now slurmd
fi
