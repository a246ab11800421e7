#!/bin/sh
# Every node of a Slurm cluster begins with this. Compute nodes find the head by its name and register themselves.
set -e
. /etc/volary/env

# The cluster's own secret is the same on every node and nowhere else; munge wants a key of at least 32 bytes.
(umask 077 && sha256sum </etc/volary/secret >/etc/munge/munge.key)
chown munge:munge /etc/munge/munge.key
systemctl enable --now munge
HOME_OF_ALL
if [ "$VOLARY_ROLE" != head ]; then
	systemctl enable --now slurmd
	exit 0
fi
mkdir -p /etc/slurm
cat >/etc/slurm/slurm.conf <<CONF
ClusterName=volary
SlurmctldHost=$VOLARY_HEAD
SlurmctldParameters=enable_configless
SlurmUser=slurm
AuthType=auth/munge
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MaxNodeCount=4096
TreeWidth=65533
MpiDefault=none
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
systemctl enable --now slurmctld
