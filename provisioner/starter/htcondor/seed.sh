#!/bin/sh
# Every node of an HTCondor pool begins with this. Compute nodes find the head by its name and join the pool.
set -e
. /etc/volary/env
HOME_OF_ALL
if [ "$VOLARY_ROLE" = head ]; then
	roles="get_htcondor_central_manager, get_htcondor_submit"
else
	roles="get_htcondor_execute"
fi
# A role sets the trust domain to the central manager's name, and lets in daemons of that: the cluster's own need a line
# below it. Every user has the same number on every node, and files in the head's /home.
mkdir -p /etc/condor/config.d
cat >/etc/condor/config.d/50-volary.conf <<CONF
CONDOR_HOST = $VOLARY_HEAD.$VOLARY_DOMAIN
UID_DOMAIN = $VOLARY_DOMAIN
FILESYSTEM_DOMAIN = $VOLARY_DOMAIN
use role : $roles
ALLOW_DAEMON = condor@$VOLARY_DOMAIN
CONF

# The cluster's own secret signs each node's token. Debian's package makes neither folder.
mkdir -p -m 700 /etc/condor/passwords.d /etc/condor/tokens.d
condor_store_cred add -c -p "$(cat /etc/volary/secret)"
(umask 077 && condor_token_create -identity "condor@$VOLARY_DOMAIN" >/etc/condor/tokens.d/volary)

systemctl enable --now condor
