#!/bin/sh
# The image's own part of Slurm. Nothing of a cluster is in it: no key, no node list.
set -e
systemctl disable munge slurmctld slurmd nfs-server
rm -f /etc/munge/munge.key

# A compute node gets its configuration from the head, and tells the head what it has.
mkdir -p /etc/systemd/system/slurmd.service.d /etc/systemd/system/slurmctld.service.d
cat >/etc/systemd/system/slurmd.service.d/volary.conf <<'END'
[Unit]
ConditionPathExists=
[Service]
ExecStart=
ExecStart=/usr/sbin/slurmd -D -s -Z --conf-server head
Restart=always
RestartSec=5
END
cat >/etc/systemd/system/slurmctld.service.d/volary.conf <<'END'
[Service]
Restart=always
RestartSec=5
END
