#!/bin/sh
# User-data of both roles. The image has HTCondor 9 or newer, disabled.
set -e
. /etc/volary/env

if [ "$VOLARY_ROLE" = head ]; then
	roles="get_htcondor_central_manager, get_htcondor_submit"
else
	roles="get_htcondor_execute"
fi
cat >/etc/condor/config.d/50-volary.conf <<CONF
CONDOR_HOST = $VOLARY_HEAD.$VOLARY_DOMAIN
UID_DOMAIN = $VOLARY_DOMAIN
TRUST_DOMAIN = $VOLARY_DOMAIN
use role : $roles
CONF

# The cluster's own secret signs each node's token.
condor_store_cred add -c -p "$(cat /etc/volary/secret)"
umask 077
condor_token_create -identity "condor@$VOLARY_DOMAIN" >/etc/condor/tokens.d/volary

systemctl enable --now condor
