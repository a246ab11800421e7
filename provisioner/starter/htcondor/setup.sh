#!/bin/sh
# The image's own part of HTCondor. Nothing of a cluster is in it: no password, no token.
set -e
systemctl disable condor nfs-server
rm -rf /etc/condor/passwords.d/* /etc/condor/tokens.d/*

# Programs that MPI starts on other nodes are started by SSH, with a key that each user has in the shared /home.
cat >/etc/profile.d/volary-ssh.sh <<'END'
[ "$(id -u)" -ge 1000 ] && [ -d "$HOME" ] && [ ! -e "$HOME/.ssh/id_cluster" ] && /usr/lib/volary/own-key
END
cat >/etc/ssh/ssh_config.d/volary.conf <<'END'
Host compute-* head
	IdentityFile ~/.ssh/id_cluster
	StrictHostKeyChecking accept-new
END
